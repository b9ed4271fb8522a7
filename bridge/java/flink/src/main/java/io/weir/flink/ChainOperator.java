package io.weir.flink;

import io.weir.bridge.Answer;
import io.weir.bridge.Native;
import io.weir.bridge.WeirException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ScheduledFuture;
import org.apache.flink.api.common.TaskInfo;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.util.OutputTag;

/**
 * One subtask of a chain of Weir's plan. Rows, watermarks and ends come and go as {@link WeirElement}s, which only the native side
 * reads; Flink brings them to their targets, aligns barriers, and keeps the state. Each edge that leaves the chain is a side output.
 */
abstract class ChainOperator<I> extends StateOperator<I, WeirElement> implements BoundedOneInput {
  private static final long serialVersionUID = 1L;

  final ChainSettings settings;

  private transient ListState<byte[]> steps;
  private transient Map<Integer, OutputTag<WeirElement>> edges;
  private transient Map<String, OutputTag<WeirElement>> commits;
  private transient ScheduledFuture<?> timer;
  private transient long timerMs;
  private transient Figures figures;
  private transient GuestLog log;
  private transient boolean hasMore;
  private transient boolean hasFinished;

  /** Of the native subtask; 0 before it is open. */
  transient long handle;

  transient boolean hasEnded;

  ChainOperator(ChainSettings settings) {
    this.settings = settings;
  }

  static OutputTag<WeirElement> edgeTag(int edge) {
    return new OutputTag<>("edge-" + edge, PlainType.ELEMENT);
  }

  static OutputTag<WeirElement> commitTag(String sink) {
    return new OutputTag<>("commit-" + sink, PlainType.ELEMENT);
  }

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    refuseFormerState(context);
    steps = bytes(context, "steps");
    checkSteps();
    super.initializeState(context);
  }

  private static ListState<byte[]> bytes(StateInitializationContext context, String name) throws Exception {
    var descriptor = new ListStateDescriptor<>(name, PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO);
    return context.getOperatorStateStore().getUnionListState(descriptor);
  }

  /** State was once all of it in one list. */
  private static void refuseFormerState(StateInitializationContext context) throws Exception {
    if (bytes(context, "chain").get().iterator().hasNext()) {
      throw new NonRecoverableException(
          "the savepoint is of an earlier Weir, which kept state in another form: begin without it, or resume it with that version");
    }
  }

  /** Refuses state of steps that are in another chain now, or gone: it would be lost without a word. */
  private void checkSteps() throws Exception {
    Set<String> gone = new TreeSet<>();
    for (byte[] step : steps.get()) {
      gone.add(new String(step, StandardCharsets.UTF_8));
    }
    gone.removeAll(settings.steps());
    Set<String> moved = new TreeSet<>(gone);
    moved.retainAll(settings.allSteps());
    if (!moved.isEmpty()) {
      throw new NonRecoverableException(
          "the savepoint has state of " + moved + " with " + settings.steps() + ", and they run apart now. Steps run together or apart by"
              + " parallelism: resume at the parallelism of before");
    }
    if (!gone.isEmpty() && !settings.allowsDropped()) {
      throw new NonRecoverableException(
          "the savepoint has state of " + gone + ", which the pipeline no longer has: `weir submit --allow-dropped-state` discards it");
    }
  }

  @Override
  public void open() throws Exception {
    super.open();
    TaskInfo task = getRuntimeContext().getTaskInfo();
    if (task.getNumberOfParallelSubtasks() != settings.parallelism()) {
      throw new WeirException(
          settings.name() + " was planned for " + settings.parallelism() + " subtasks, and Flink runs "
              + task.getNumberOfParallelSubtasks() + ": set the parallelism with `weir submit --parallelism`");
    }
    edges = new HashMap<>();
    settings.targets().keySet().forEach(edge -> edges.put(edge, edgeTag(edge)));
    commits = new HashMap<>();
    for (String sink : settings.sinks()) {
      commits.put(sink, commitTag(sink));
    }
    byte[] bundle = settings.bundle().read(getUserCodeClassloader());
    String job = getRuntimeContext().getJobInfo().getJobId().toHexString();
    if (!Plan.read(Native.plan(bundle, job)).fingerprint().equals(settings.fingerprint())) {
      throw new NonRecoverableException(
          "the input of " + settings.name() + " has changed since the job was submitted, so that its steps would run in other chains:"
              + " submit the pipeline again, from the last checkpoint");
    }
    log = new GuestLog();
    handle =
        Native.open(
            bundle,
            job,
            settings.index(),
            task.getIndexOfThisSubtask(),
            takeRestored(),
            restoredCheckpoint(),
            task.getAttemptNumber(),
            settings.isDurable(),
            settings.allowsDropped());
    figures = new Figures(getRuntimeContext(), getMetricGroup());
    // A restored subtask may have something to give out, but not before the task runs.
    hasMore = true;
    wakeAt(0);
  }

  static long nowMicros() {
    Instant now = Instant.now();
    return Math.addExact(Math.multiplyExact(now.getEpochSecond(), 1_000_000L), now.getNano() / 1000);
  }

  /** Does what an earlier answer left, before anything else may be asked. */
  final void settle() throws Exception {
    while (hasMore) {
      take(Native.more(handle));
    }
  }

  /** Sends all that a call gives out. */
  final Answer drive(byte[] bytes) throws Exception {
    Answer answer = take(bytes);
    settle();
    figures.refresh(handle, hasEnded);
    log.takeIfDue();
    return answer;
  }

  private Answer take(byte[] bytes) throws Exception {
    Answer answer = new Answer(bytes);
    answer.forEach(
        (edge, target, payload) -> {
          var element = new WeirElement(target, settings.targets().get(edge), payload);
          output.collect(edges.get(edge), new StreamRecord<>(element));
        });
    hasMore = answer.hasMore();
    hasEnded |= answer.hasEnded();
    return answer;
  }

  /** Calls {@link #onTimer} when it is due by the native deadline. */
  final void wakeAtDeadline() {
    long deadline = hasEnded ? Long.MAX_VALUE : Native.deadline(handle);
    if (deadline != Long.MAX_VALUE) {
      wakeAt(Math.floorDiv(deadline, 1000) + 1);
    }
  }

  /** Calls {@link #onTimer} at this time, or earlier. */
  final void wakeAt(long ms) {
    if (timer != null && timerMs <= ms) {
      return;
    }
    if (timer != null) {
      timer.cancel(false);
    }
    timerMs = ms;
    timer =
        getProcessingTimeService()
            .registerTimer(
                ms,
                time -> {
                  timer = null;
                  settle();
                  if (!hasEnded) {
                    runIfDue(nowMicros());
                    onTimer();
                  }
                });
  }

  /** Hands over the time if the native side waits for it. */
  final void runIfDue(long nowMicros) throws Exception {
    if (Native.deadline(handle) <= nowMicros) {
      drive(Native.time(handle, nowMicros));
    }
  }

  /** A timer has come; what was due is done. */
  abstract void onTimer() throws Exception;

  @Override
  public void prepareSnapshotPreBarrier(long checkpoint) throws Exception {
    if (!settings.isDurable()) {
      throw new WeirException(
          "the job was submitted without checkpoints, and a savepoint needs them: set [checkpoint] interval in the pipeline file");
    }
    Answer answer = take(Native.barrier(handle, checkpoint));
    while (!answer.isFrozen()) {
      answer = take(Native.more(handle));
    }
    sendPrepared();
    if (hasMore) {
      wakeAt(0);
    }
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    super.snapshotState(context);
    steps.update(settings.steps().stream().map(step -> step.getBytes(StandardCharsets.UTF_8)).toList());
  }

  @Override
  public void notifyCheckpointComplete(long checkpoint) throws Exception {
    super.notifyCheckpointComplete(checkpoint);
    if (handle != 0) {
      Native.completed(handle, checkpoint);
    }
  }

  @Override
  long freeze() {
    return Native.freeze(handle);
  }

  /** What sinks have prepared goes ahead of the barrier, so that it is in the same checkpoint. */
  private void sendPrepared() {
    for (var commit : commits.entrySet()) {
      byte[] prepared = hasFinished ? null : Native.prepared(handle, commit.getKey());
      if (prepared != null) {
        output.collect(commit.getValue(), new StreamRecord<>(new WeirElement(0, 1, prepared)));
      }
    }
  }

  /** After the last record that Flink has for the subtask. */
  @Override
  public void endInput() throws Exception {
    settle();
    endChain();
    sendPrepared();
    hasFinished = true;
  }

  /** Ends the native subtask if it has not ended by itself. */
  abstract void endChain() throws Exception;

  /** Weir's watermarks travel among its rows. */
  @Override
  public void processWatermark(Watermark watermark) {}

  @Override
  public void processWatermarkStatus(WatermarkStatus status) {}

  @Override
  public void close() throws Exception {
    try {
      if (log != null) {
        log.take();
      }
    } finally {
      if (handle != 0) {
        Native.close(handle);
        handle = 0;
      }
      super.close();
    }
  }
}
