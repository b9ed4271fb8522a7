package io.weir.flink;

import io.weir.bridge.Native;
import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * What a native subtask keeps of a checkpoint. It is made into bytes by the threads with which Flink writes checkpoints, while the task
 * continues: its key groups by {@link KeyGroupWriter}, the rest as an element of operator state, whose serializer asks for the bytes.
 */
final class FrozenState {
  /** Of the native side's part; 0: it was let go. */
  private long handle;

  private byte[] rest;

  FrozenState(long handle) {
    this.handle = handle;
  }

  private FrozenState(byte[] rest) {
    this.rest = rest;
  }

  /** All that is not of a key group. */
  synchronized byte[] rest() {
    if (rest == null) {
      rest = Native.rest(handle);
    }
    return rest;
  }

  /** The key groups of which there is state. */
  synchronized int[] groups() {
    return Native.groups(handle);
  }

  /** The state of a key group, once. */
  synchronized byte[] takeGroup(int group) {
    return Native.takeGroup(handle, group);
  }

  /** Lets the native side's part go. */
  synchronized void release() {
    if (handle != 0) {
      Native.release(handle);
      handle = 0;
    }
  }

  /** Writes the rest: its length as an int, then the bytes. */
  static final class Serializer extends TypeSerializerSingleton<FrozenState> {
    private static final long serialVersionUID = 1L;

    @Override
    public boolean isImmutableType() {
      return true;
    }

    @Override
    public FrozenState createInstance() {
      return new FrozenState(new byte[0]);
    }

    @Override
    public FrozenState copy(FrozenState from) {
      return from;
    }

    @Override
    public FrozenState copy(FrozenState from, FrozenState reuse) {
      return from;
    }

    @Override
    public int getLength() {
      return -1;
    }

    @Override
    public void serialize(FrozenState state, DataOutputView to) throws IOException {
      to.writeInt(state.rest().length);
      to.write(state.rest());
    }

    @Override
    public FrozenState deserialize(DataInputView from) throws IOException {
      byte[] rest = new byte[from.readInt()];
      from.readFully(rest);
      return new FrozenState(rest);
    }

    @Override
    public FrozenState deserialize(FrozenState reuse, DataInputView from) throws IOException {
      return deserialize(from);
    }

    @Override
    public void copy(DataInputView from, DataOutputView to) throws IOException {
      serialize(deserialize(from), to);
    }

    @Override
    public TypeSerializerSnapshot<FrozenState> snapshotConfiguration() {
      return new Snapshot();
    }
  }

  /** Of the serializer, in checkpoints. */
  public static final class Snapshot extends SimpleTypeSerializerSnapshot<FrozenState> {
    public Snapshot() {
      super(Serializer::new);
    }
  }
}
