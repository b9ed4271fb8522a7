package io.weir.flink;

import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.tasks.ProcessingTimeService;
import org.apache.flink.types.Row;

/** Collects the rows of a task in batches for the native library: a row waits for others only for a while. */
final class RowBatches {
  /** Takes a batch. */
  interface Call {
    void run(RowBatch batch) throws Exception;
  }

  private final RowBatch batch;
  private final long lingerMs;
  private final boolean isReused;
  private final ProcessingTimeService clock;
  private final Call call;
  private boolean isTimerSet;

  RowBatches(WeirComponent<?> settings, boolean isReused, ProcessingTimeService clock, Call call) {
    this.batch = new RowBatch(settings.batchRows());
    this.lingerMs = settings.lingerMs();
    this.isReused = isReused;
    this.clock = clock;
    this.call = call;
  }

  /** Adds the row of a record, which has its timestamp. */
  void add(Row row, StreamRecord<?> record) throws Exception {
    if (!batch.takes(record)) {
      flush();
    }
    batch.add(row, record, isReused);
    if (batch.isFull()) {
      flush();
    } else if (!isTimerSet) {
      isTimerSet = true;
      clock.registerTimer(
          clock.getCurrentProcessingTime() + lingerMs,
          time -> {
            isTimerSet = false;
            flush();
          });
    }
  }

  /** Hands over what waits. */
  void flush() throws Exception {
    if (!batch.isEmpty()) {
      call.run(batch);
      batch.clear();
    }
  }
}
