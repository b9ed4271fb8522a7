package io.weir.flink;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.Arrays;
import org.apache.flink.runtime.state.AsyncSnapshotCallable;
import org.apache.flink.runtime.state.CheckpointStateOutputStream;
import org.apache.flink.runtime.state.CheckpointStreamFactory;
import org.apache.flink.runtime.state.CheckpointedStateScope;
import org.apache.flink.runtime.state.KeyGroupRange;
import org.apache.flink.runtime.state.KeyGroupRangeOffsets;
import org.apache.flink.runtime.state.KeyGroupStatePartitionStreamProvider;
import org.apache.flink.runtime.state.KeyGroupsStateHandle;
import org.apache.flink.runtime.state.KeyedStateCheckpointOutputStream;
import org.apache.flink.runtime.state.KeyedStateHandle;
import org.apache.flink.runtime.state.SnapshotResult;

/**
 * Writes the state of a subtask's key groups as Flink's raw keyed state, so that Flink hands each restored subtask those that it owns then. Flink
 * runs it on a thread of its own while the task continues; {@code StateSnapshotContext} would have it written before.
 */
final class KeyGroupWriter extends AsyncSnapshotCallable<SnapshotResult<KeyedStateHandle>> {
  private final FrozenState state;
  private final KeyGroupRange range;
  private final CheckpointStreamFactory factory;

  KeyGroupWriter(FrozenState state, KeyGroupRange range, CheckpointStreamFactory factory) {
    this.state = state;
    this.range = range;
    this.factory = factory;
  }

  @Override
  protected SnapshotResult<KeyedStateHandle> callInternal() throws Exception {
    // What is not of key groups may be written later, when the native side's part is gone.
    state.rest();
    int[] groups = state.groups();
    if (groups.length == 0) {
      return SnapshotResult.empty();
    }
    CheckpointStateOutputStream stream = factory.createCheckpointStateOutputStream(CheckpointedStateScope.EXCLUSIVE);
    snapshotCloseableRegistry.registerCloseable(stream);
    long[] none = new long[range.getNumberOfKeyGroups()];
    Arrays.fill(none, KeyedStateCheckpointOutputStream.NO_OFFSET_SET);
    var offsets = new KeyGroupRangeOffsets(range, none);
    var to = new DataOutputStream(stream);
    for (int group : groups) {
      offsets.setKeyGroupOffset(group, stream.getPos());
      byte[] bytes = state.takeGroup(group);
      to.writeInt(bytes.length);
      to.write(bytes);
    }
    if (!snapshotCloseableRegistry.unregisterCloseable(stream)) {
      throw new IOException("the checkpoint was cancelled");
    }
    return SnapshotResult.of(new KeyGroupsStateHandle(offsets, stream.closeAndGetHandle()));
  }

  @Override
  protected void cleanupProvidedResources() {
    state.release();
  }

  /** Reads the state of a key group. */
  static byte[] read(KeyGroupStatePartitionStreamProvider group) throws IOException {
    var from = new DataInputStream(group.getStream());
    byte[] bytes = new byte[from.readInt()];
    from.readFully(bytes);
    return bytes;
  }
}
