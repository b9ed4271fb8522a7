package io.weir.flink;

import io.weir.bridge.Native;
import io.weir.bridge.WeirException;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/** A chain that reads what other chains send. */
final class InputChain extends ChainOperator<WeirElement> {
  private static final long serialVersionUID = 1L;

  /** Whether an element has come since the last timer. */
  private transient boolean isBusy;

  InputChain(ChainSettings settings) {
    super(settings);
  }

  @Override
  public void processElement(StreamRecord<WeirElement> record) throws Exception {
    ToTarget.check(record.getValue(), settings.parallelism());
    settle();
    drive(Native.element(handle, record.getValue().payload));
    if (!isBusy) {
      isBusy = true;
      wakeAt(getProcessingTimeService().getCurrentProcessingTime() + settings.lingerMs());
    }
    wakeAtDeadline();
  }

  /** Rows wait for a batch to fill only for a while. */
  @Override
  void onTimer() throws Exception {
    drive(Native.flush(handle, isBusy));
    if (isBusy) {
      isBusy = false;
      wakeAt(getProcessingTimeService().getCurrentProcessingTime() + settings.lingerMs());
    }
    wakeAtDeadline();
  }

  @Override
  void endChain() {
    if (!hasEnded) {
      throw new WeirException(settings.name() + " has not got the end of all its inputs");
    }
  }
}
