package io.weir.flink;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Asks a {@link SourceChain} to read once, and takes back what came of it. It is handed from {@link TurnSource} to the operator
 * chained behind it in the same call, and never leaves the thread.
 */
final class Turn {
  /** The source has read all there is. */
  boolean hasEnded;

  /** Never copied, never written. */
  static final class Serializer extends TypeSerializerSingleton<Turn> {
    private static final long serialVersionUID = 1L;

    private static UnsupportedOperationException unchained() {
      return new UnsupportedOperationException(
          "a source of Weir runs only if operators are chained: remove pipeline.operator-chaining.enabled: false");
    }

    @Override
    public boolean isImmutableType() {
      return true;
    }

    @Override
    public Turn createInstance() {
      return new Turn();
    }

    @Override
    public Turn copy(Turn from) {
      return from;
    }

    @Override
    public Turn copy(Turn from, Turn reuse) {
      return from;
    }

    @Override
    public int getLength() {
      return -1;
    }

    @Override
    public void serialize(Turn turn, DataOutputView to) {
      throw unchained();
    }

    @Override
    public Turn deserialize(DataInputView from) {
      throw unchained();
    }

    @Override
    public Turn deserialize(Turn reuse, DataInputView from) {
      throw unchained();
    }

    @Override
    public void copy(DataInputView from, DataOutputView to) throws IOException {
      throw unchained();
    }

    @Override
    public TypeSerializerSnapshot<Turn> snapshotConfiguration() {
      return new Snapshot();
    }
  }

  /** Of nothing: no turn is in any state. */
  public static final class Snapshot extends SimpleTypeSerializerSnapshot<Turn> {
    public Snapshot() {
      super(Serializer::new);
    }
  }
}
