package io.weir.flink;

import org.apache.flink.api.common.functions.Partitioner;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;
import org.apache.flink.streaming.api.datastream.DataStream;

/** Sends each element to the subtask that it names. */
final class ToTarget
    implements Partitioner<WeirElement>, KeySelector<WeirElement, WeirElement>, ResultTypeQueryable<WeirElement> {
  private static final long serialVersionUID = 1L;

  static DataStream<WeirElement> partition(DataStream<WeirElement> stream) {
    ToTarget toTarget = new ToTarget();
    return stream.partitionCustom(toTarget, toTarget);
  }

  @Override
  public int partition(WeirElement element, int targets) {
    check(element, targets);
    return element.target;
  }

  /** Rows were divided for a number of subtasks: another number would read rows whose keys it does not own. */
  static void check(WeirElement element, int targets) {
    if (element.targets != targets) {
      throw new NonRecoverableException(
          "rows on their way to "
              + element.targets
              + " subtasks cannot go to "
              + targets
              + ": change the parallelism at a savepoint or an aligned checkpoint, with `weir submit --parallelism`");
    }
  }

  @Override
  public WeirElement getKey(WeirElement element) {
    return element;
  }

  @Override
  public TypeInformation<WeirElement> getProducedType() {
    return PlainType.ELEMENT;
  }
}
