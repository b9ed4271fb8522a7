package io.weir.flink;

import io.weir.bridge.BundleSource;
import io.weir.bridge.Native;
import io.weir.bridge.WeirException;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Makes the rows of a sink visible, in one subtask: what its writers have prepared before a barrier, when that checkpoint is
 * complete. Until then it is in Flink's state, and after a restart it is committed again.
 */
final class CommitOperator extends AbstractStreamOperator<WeirElement>
    implements OneInputStreamOperator<WeirElement, WeirElement>, BoundedOneInput {
  private static final long serialVersionUID = 1L;

  /** After the end nobody would commit what failed once, because Flink does not start finished tasks again. */
  private static final int LAST_TRIES = 30;

  private static final long LAST_TRY_MS = 1_000;

  private final BundleSource bundle;
  private final String sink;
  private final boolean isDurable;

  private transient ListState<byte[]> kept;
  private transient List<byte[]> arrived;
  private transient TreeMap<Long, List<byte[]>> byCheckpoint;
  private transient long restoredCheckpoint;
  private transient boolean hasFinished;
  private transient long committer;

  CommitOperator(BundleSource bundle, String sink, boolean isDurable) {
    this.bundle = bundle;
    this.sink = sink;
    this.isDurable = isDurable;
  }

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    var descriptor = new ListStateDescriptor<>("prepared", PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO);
    kept = context.getOperatorStateStore().getListState(descriptor);
    restoredCheckpoint = context.getRestoredCheckpointId().orElse(0);
    arrived = new ArrayList<>();
    byCheckpoint = new TreeMap<>();
    List<byte[]> before = new ArrayList<>();
    kept.get().forEach(before::add);
    byCheckpoint.put(restoredCheckpoint, before);
  }

  @Override
  public void open() throws Exception {
    super.open();
    int attempt = getRuntimeContext().getTaskInfo().getAttemptNumber();
    committer =
        Native.openCommitter(
            bundle.read(getUserCodeClassloader()),
            getRuntimeContext().getJobInfo().getJobId().toHexString(),
            sink,
            restoredCheckpoint,
            attempt,
            isDurable);
    if (!isDurable && !byCheckpoint.get(restoredCheckpoint).isEmpty()) {
      throw new NonRecoverableException(
          "the savepoint holds rows that " + sink + " has prepared and not yet made visible, which needs checkpoints: set [checkpoint]"
              + " interval in the pipeline file, or execution.checkpointing.interval");
    }
    commitUntil(restoredCheckpoint);
  }

  @Override
  public void processElement(StreamRecord<WeirElement> record) {
    arrived.add(record.getValue().payload);
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    byCheckpoint.computeIfAbsent(context.getCheckpointId(), id -> new ArrayList<>()).addAll(arrived);
    arrived.clear();
    List<byte[]> all = new ArrayList<>();
    byCheckpoint.values().forEach(all::addAll);
    kept.update(all);
  }

  @Override
  public void notifyCheckpointComplete(long checkpoint) throws Exception {
    super.notifyCheckpointComplete(checkpoint);
    for (int tries = 1; ; tries++) {
      try {
        commitUntil(checkpoint);
        return;
      } catch (WeirException error) {
        if (!hasFinished || tries == LAST_TRIES || error instanceof NonRecoverableException) {
          throw error;
        }
        LOG.warn("cannot commit the last rows of {}; trying again", sink, error);
        Thread.sleep(LAST_TRY_MS);
      }
    }
  }

  private void commitUntil(long checkpoint) {
    var ready = byCheckpoint.headMap(checkpoint, true);
    if (committer != 0) {
      ready.forEach((number, prepared) -> Native.commit(committer, number, prepared.toArray(new byte[0][])));
    }
    ready.clear();
  }

  @Override
  public void endInput() {
    hasFinished = true;
    if (!isDurable) {
      byCheckpoint.put(1L, arrived);
      commitUntil(1);
    }
  }

  @Override
  public void close() throws Exception {
    if (committer != 0) {
      Native.closeCommitter(committer);
      committer = 0;
    }
    super.close();
  }
}
