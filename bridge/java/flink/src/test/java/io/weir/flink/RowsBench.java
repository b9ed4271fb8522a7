package io.weir.flink;

import io.weir.bridge.Native;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.typeutils.RowTypeInfo;
import org.apache.flink.runtime.event.WatermarkEvent;
import org.apache.flink.streaming.api.operators.Output;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.LatencyMarker;
import org.apache.flink.streaming.runtime.streamrecord.RecordAttributes;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.types.Row;
import org.apache.flink.util.OutputTag;

/**
 * How long the way of rows through a component takes that reads {@code price} of bids, as {@code examples/nexmark/convert.wasm} does: writing
 * what it reads, the call, and making rows of the answer, in nanoseconds per row.
 */
public final class RowsBench {
  private static final int[] BATCHES = {128, 1024, 8192};
  private static final int ROWS = 5_000_000;
  private static final int ROUNDS = 3;
  private static final String[] NAMES = {"auction", "bidder", "price", "ts", "extra"};
  private static final TypeInformation<?>[] TYPES = {Types.LONG, Types.LONG, Types.LONG, Types.LONG, Types.STRING};

  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  private RowsBench() {}

  public static void main(String[] arguments) {
    var type = new RowTypeInfo(TYPES, NAMES);
    for (int rows : BATCHES) {
      RowBatch batch = new RowBatch(rows);
      for (long n = 0; n < rows; n++) {
        batch.add(Row.of(n, n * 7, n * 31 % 10_000, n * 100, "extra " + n), new StreamRecord<>(null, n), false);
      }
      try (OpenComponent component = OpenComponent.open(WeirTransform.of(arguments[0]), type)) {
        byte[] written = component.write(batch);
        byte[] answer = Native.process(component.handle(), written);
        Count count = new Count();
        for (int round = 1; round <= ROUNDS; round++) {
          System.out.printf(
              "%5d rows per call: writing %5.1f, call %5.1f, reading %5.1f ns per row%n",
              rows,
              perRow(rows, () -> component.write(batch)),
              perRow(rows, () -> Native.process(component.handle(), written)),
              perRow(rows, () -> component.send(answer, batch, count)));
        }
        if (count.rows != (long) ROUNDS * (ROWS / rows) * rows) {
          throw new IllegalStateException(count.rows + " rows came back");
        }
      }
    }
  }

  /** Of the processor, as other programs may be busy. */
  private static double perRow(int rows, Runnable part) {
    long start = THREADS.getCurrentThreadCpuTime();
    for (int call = 0; call < ROWS / rows; call++) {
      part.run();
    }
    return (THREADS.getCurrentThreadCpuTime() - start) / (double) (ROWS / rows * (long) rows);
  }

  /** Takes rows. */
  private static final class Count implements Output<StreamRecord<Row>> {
    private long rows;

    @Override
    public void collect(StreamRecord<Row> record) {
      rows += record.getValue().getArity() == NAMES.length ? 1 : 0;
    }

    @Override
    public <X> void collect(OutputTag<X> tag, StreamRecord<X> record) {}

    @Override
    public void emitWatermark(Watermark watermark) {}

    @Override
    public void emitWatermarkStatus(WatermarkStatus status) {}

    @Override
    public void emitLatencyMarker(LatencyMarker marker) {}

    @Override
    public void emitRecordAttributes(RecordAttributes attributes) {}

    @Override
    public void emitWatermark(WatermarkEvent watermark) {}

    @Override
    public void close() {}
  }
}
