package io.weir.flink;

import io.weir.bridge.Native;
import io.weir.bridge.WeirException;
import java.util.concurrent.locks.LockSupport;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/** A chain that begins with a source of Weir: it reads at every {@link Turn}. */
final class SourceChain extends ChainOperator<Turn> {
  private static final long serialVersionUID = 1L;

  /** How long a source that gave nothing waits at least before it is asked again. */
  private static final long PAUSE_MICROS = 1_000;

  private transient long flushedMicros;

  SourceChain(ChainSettings settings) {
    super(settings);
  }

  @Override
  public void processElement(StreamRecord<Turn> record) throws Exception {
    settle();
    long before = nowMicros();
    runIfDue(before);
    if (!hasEnded) {
      boolean had = drive(Native.poll(handle, before)).hadRows();
      long after = nowMicros();
      if (hasEnded) {
        record.getValue().hasEnded = true;
        return;
      }
      if (!had) {
        drive(Native.flush(handle, false));
        flushedMicros = after;
        if (after - before < PAUSE_MICROS) {
          LockSupport.parkNanos(PAUSE_MICROS * 1000);
        }
      } else if (after - flushedMicros >= settings.lingerMs() * 1000) {
        drive(Native.flush(handle, true));
        flushedMicros = after;
      }
    }
    record.getValue().hasEnded = hasEnded;
  }

  /** Turns do what is due. */
  @Override
  void onTimer() {}

  @Override
  void endChain() throws Exception {
    if (!hasEnded) {
      drive(Native.drain(handle));
    }
    if (!hasEnded) {
      throw new WeirException(settings.name() + " was told to end, and did not");
    }
  }
}
