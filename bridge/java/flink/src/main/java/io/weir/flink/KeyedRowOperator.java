package io.weir.flink;

import io.weir.bridge.Native;
import java.util.concurrent.ScheduledFuture;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.typeutils.RowTypeInfo;
import org.apache.flink.runtime.state.KeyGroupRange;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.types.Row;

/**
 * A component with state per key over the rows of its key groups, which it gets in batches. Nothing waits for a batch to fill when a watermark
 * or a barrier passes.
 */
final class KeyedRowOperator extends StateOperator<Tuple2<Integer, Row>, Row> implements BoundedOneInput {
  private static final long serialVersionUID = 1L;
  private static final long MICROS = 1_000;

  private final WeirStateful<?> keyed;
  private final RowTypeInfo type;

  private transient GuestLog log;
  private transient OpenComponent component;
  private transient RowBatches batches;
  private transient ScheduledFuture<?> timer;
  private transient long timerMs;

  KeyedRowOperator(WeirStateful<?> keyed, RowTypeInfo type) {
    this.keyed = keyed;
    this.type = type;
  }

  @Override
  public void open() throws Exception {
    super.open();
    int groups = getRuntimeContext().getTaskInfo().getMaxNumberOfParallelSubtasks();
    if (groups != keyed.keyGroups()) {
      throw new NonRecoverableException(
          "the maximum parallelism of the operator is " + groups + ", and its rows were divided into " + keyed.keyGroups()
              + " key groups: set it with keyGroups(" + groups + ")");
    }
    log = new GuestLog();
    component = OpenComponent.openAgain(keyed, type);
    KeyGroupRange owned = keyGroups();
    Native.beginOperator(component.handle(), takeRestored(), owned.getStartKeyGroup(), owned.getEndKeyGroup());
    batches = new RowBatches(keyed, getExecutionConfig().isObjectReuseEnabled(), getProcessingTimeService(), this::process);
    wakeAtDeadline();
  }

  private void process(RowBatch batch) {
    component.process(batch, output);
    log.takeIfDue();
    wakeAtDeadline();
  }

  /** Sends on what timers have made. */
  private void send(byte[] answer) {
    component.send(answer, null, output);
    log.takeIfDue();
    wakeAtDeadline();
  }

  private void wakeAtDeadline() {
    long deadline = Native.clockDeadline(component.handle());
    if (deadline == Long.MAX_VALUE) {
      return;
    }
    long ms = Math.floorDiv(deadline, MICROS) + 1;
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
                  batches.flush();
                  send(Native.onClock(component.handle()));
                });
  }

  @Override
  public void processElement(StreamRecord<Tuple2<Integer, Row>> record) throws Exception {
    batches.add(record.getValue().f1, record);
  }

  /** A watermark of Flink of w ms means all microseconds of that millisecond. */
  @Override
  public void processWatermark(Watermark watermark) throws Exception {
    batches.flush();
    long ms = watermark.getTimestamp();
    boolean isFar = Math.abs(ms) >= Long.MAX_VALUE / MICROS;
    if (ms > 0 || !isFar) {
      send(Native.advance(component.handle(), isFar ? Long.MAX_VALUE : ms * MICROS + MICROS - 1));
    }
    super.processWatermark(watermark);
  }

  @Override
  public void processWatermarkStatus(WatermarkStatus status) throws Exception {
    batches.flush();
    super.processWatermarkStatus(status);
  }

  @Override
  public void prepareSnapshotPreBarrier(long checkpoint) throws Exception {
    batches.flush();
  }

  @Override
  long freeze() {
    KeyGroupRange owned = keyGroups();
    return Native.freezeOperator(component.handle(), owned.getStartKeyGroup(), owned.getEndKeyGroup());
  }

  @Override
  public void endInput() throws Exception {
    batches.flush();
  }

  @Override
  public void close() throws Exception {
    try {
      if (log != null) {
        log.take();
      }
    } finally {
      if (component != null) {
        component.close();
      }
      super.close();
    }
  }
}
