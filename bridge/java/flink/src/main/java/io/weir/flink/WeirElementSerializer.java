package io.weir.flink;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Writes {@code target, targets, length} as ints, then the payload. Elements never change, so a copy is the element itself. */
final class WeirElementSerializer extends TypeSerializerSingleton<WeirElement> {
  private static final long serialVersionUID = 1L;

  @Override
  public boolean isImmutableType() {
    return true;
  }

  @Override
  public WeirElement createInstance() {
    return new WeirElement(0, 1, new byte[0]);
  }

  @Override
  public WeirElement copy(WeirElement from) {
    return from;
  }

  @Override
  public WeirElement copy(WeirElement from, WeirElement reuse) {
    return from;
  }

  @Override
  public int getLength() {
    return -1;
  }

  @Override
  public void serialize(WeirElement element, DataOutputView to) throws IOException {
    to.writeInt(element.target);
    to.writeInt(element.targets);
    to.writeInt(element.payload.length);
    to.write(element.payload);
  }

  @Override
  public WeirElement deserialize(DataInputView from) throws IOException {
    int target = from.readInt();
    int targets = from.readInt();
    byte[] payload = new byte[from.readInt()];
    from.readFully(payload);
    return new WeirElement(target, targets, payload);
  }

  @Override
  public WeirElement deserialize(WeirElement reuse, DataInputView from) throws IOException {
    return deserialize(from);
  }

  @Override
  public void copy(DataInputView from, DataOutputView to) throws IOException {
    serialize(deserialize(from), to);
  }

  @Override
  public TypeSerializerSnapshot<WeirElement> snapshotConfiguration() {
    return new Snapshot();
  }

  /** Of elements in flight in an unaligned checkpoint. */
  public static final class Snapshot extends SimpleTypeSerializerSnapshot<WeirElement> {
    public Snapshot() {
      super(WeirElementSerializer::new);
    }
  }
}
