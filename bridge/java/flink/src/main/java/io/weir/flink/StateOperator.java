package io.weir.flink;

import io.weir.bridge.Native;
import java.util.List;
import org.apache.flink.api.common.TaskInfo;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.runtime.checkpoint.CheckpointOptions;
import org.apache.flink.runtime.checkpoint.CheckpointType;
import org.apache.flink.runtime.state.AbstractKeyedStateBackend;
import org.apache.flink.runtime.state.CheckpointStreamFactory;
import org.apache.flink.runtime.state.KeyGroupRange;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.apache.flink.runtime.state.KeyGroupStatePartitionStreamProvider;
import org.apache.flink.runtime.state.KeyedStateBackend;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.OperatorSnapshotFutures;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * An operator whose state is the native side's. At a barrier that freezes it, which is quick; Flink's threads for checkpoints write it then,
 * each key group as a piece of raw keyed state, and the rest as an element of a union list. A restored subtask reads its own key groups, and the
 * rest of all: parallelism may have changed. Operators are made with {@link NoKey#state}.
 */
abstract class StateOperator<I, O> extends AbstractStreamOperator<O> implements OneInputStreamOperator<I, O> {
  private static final long serialVersionUID = 1L;

  private transient ListState<FrozenState> states;

  /** Of the checkpoint that is being made. */
  private transient FrozenState frozen;

  private transient long restoredCheckpoint;

  /** Of what the native side resumes from; 0: it has taken that. */
  private transient long restored;

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    super.initializeState(context);
    states = context.getOperatorStateStore().getUnionListState(new ListStateDescriptor<>("rest", new FrozenState.Serializer()));
    restored = Native.restored();
    for (FrozenState state : states.get()) {
      Native.addRestored(restored, state.rest());
    }
    for (KeyGroupStatePartitionStreamProvider group : context.getRawKeyedStateInputs()) {
      Native.addRestored(restored, KeyGroupWriter.read(group));
    }
    states.clear();
    restoredCheckpoint = context.getRestoredCheckpointId().orElse(0);
  }

  @Override
  public void open() throws Exception {
    super.open();
    KeyedStateBackend<?> backend = getKeyedStateBackend();
    if (backend instanceof AbstractKeyedStateBackend<?> keyed
        && keyed.requiresLegacySynchronousTimerSnapshots(CheckpointType.CHECKPOINT)) {
      throw new NonRecoverableException(
          "Flink would write its timers as raw keyed state, which is where Weir's state is: set state.backend.rocksdb.timer-service.factory"
              + " (or that of the state backend in use) to its default, or state.backend.type to hashmap");
    }
  }

  /** What the native side resumes from; to be handed over at once. */
  final long takeRestored() {
    long taken = restored;
    restored = 0;
    return taken;
  }

  final long restoredCheckpoint() {
    return restoredCheckpoint;
  }

  /** The key groups of this subtask. */
  final KeyGroupRange keyGroups() {
    TaskInfo task = getRuntimeContext().getTaskInfo();
    return KeyGroupRangeAssignment.computeKeyGroupRangeForOperatorIndex(
        task.getMaxNumberOfParallelSubtasks(), task.getNumberOfParallelSubtasks(), task.getIndexOfThisSubtask());
  }

  /** A handle of what is to be written: {@link Native#freeze}. */
  abstract long freeze();

  @Override
  public OperatorSnapshotFutures snapshotState(
      long checkpoint, long timestamp, CheckpointOptions options, CheckpointStreamFactory factory) throws Exception {
    frozen = new FrozenState(freeze());
    try {
      OperatorSnapshotFutures futures = super.snapshotState(checkpoint, timestamp, options, factory);
      // Flink's own would write what was handed to it by now, which is nothing.
      futures.getKeyedStateRawFuture().cancel(true);
      var writer = new KeyGroupWriter(frozen, keyGroups(), factory);
      futures.setKeyedStateRawFuture(writer.toAsyncSnapshotFutureTask(getContainingTask().getCancelables()));
      return futures;
    } catch (Exception error) {
      frozen.release();
      throw error;
    } finally {
      // Flink has copied the list: until the next barrier the only copy of the state is the native side's.
      frozen = null;
      states.clear();
    }
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    super.snapshotState(context);
    states.update(List.of(frozen));
  }

  /** {@link KeyGroupWriter} writes raw keyed state, and not Flink's timers. */
  @Override
  protected boolean isUsingCustomRawKeyedState() {
    return true;
  }

  /** Rows of many keys come at once, and only the native side looks at keys. */
  @Override
  public void setKeyContextElement(StreamRecord<I> record) {}

  @Override
  public void close() throws Exception {
    if (restored != 0) {
      Native.dropRestored(takeRestored());
    }
    super.close();
  }
}
