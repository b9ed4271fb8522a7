package io.weir.flink;

import io.weir.bridge.Native;
import io.weir.bridge.WeirException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.eventtime.TimestampAssigner;
import org.apache.flink.api.java.typeutils.RowTypeInfo;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;
import org.apache.flink.util.OutputTag;

/**
 * A component over rows, which it gets in batches. Nothing waits for a batch to fill when a watermark or a barrier passes, so no
 * checkpoint has to hold rows.
 */
final class RowOperator extends AbstractStreamOperator<Row> implements OneInputStreamOperator<Row, Row>, BoundedOneInput {
  private static final long serialVersionUID = 1L;
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long MICROS = 1_000;

  private final WeirTransform transform;
  private final RowTypeInfo type;

  private transient RowColumns columns;
  private transient List<Output> outputs;
  private transient GuestLog log;
  private transient long handle;
  private transient Row[] rows;
  private transient long[] timesMicros;
  private transient int count;
  private transient boolean hasTimes;
  private transient boolean isTimerSet;

  /** An output of a component; its tag is null if it is the main one. */
  record Output(String name, RowColumns columns, OutputTag<Row> tag) {}

  RowOperator(WeirTransform transform, RowTypeInfo type) {
    this.transform = transform;
    this.type = type;
  }

  /** The outputs of an open operator, the main one first. */
  static List<Output> outputs(long handle) throws Exception {
    List<Output> outputs = new ArrayList<>();
    for (JsonNode output : JSON.readTree(Native.outputs(handle))) {
      RowColumns columns = RowColumns.of(output.path("columns"));
      String name = output.path("name").asText();
      outputs.add(new Output(name, columns, outputs.isEmpty() ? null : new OutputTag<>("weir-" + name, columns.type())));
    }
    return outputs;
  }

  @Override
  public void open() throws Exception {
    super.open();
    columns = RowColumns.of(type);
    log = new GuestLog();
    try {
      handle = transform.open(columns);
    } catch (NonRecoverableException error) {
      // The client could open it: this machine may have been too busy.
      throw new WeirException(error.getMessage());
    }
    outputs = outputs(handle);
    rows = new Row[transform.batchRows()];
    timesMicros = new long[rows.length];
  }

  @Override
  public void processElement(StreamRecord<Row> record) throws Exception {
    RowKind kind = record.getValue().getKind();
    if (kind != RowKind.INSERT) {
      throw new NonRecoverableException("a row is an update (" + kind + "), and operators here take rows that are only added");
    }
    // Sources that know no timestamps set this one.
    boolean hasTime = record.hasTimestamp() && record.getTimestamp() != TimestampAssigner.NO_TIMESTAMP;
    if (count > 0 && hasTimes != hasTime) {
      flush();
    }
    hasTimes = hasTime;
    // With object reuse the next row may be the same object.
    rows[count] = getExecutionConfig().isObjectReuseEnabled() ? Row.copy(record.getValue()) : record.getValue();
    timesMicros[count] = hasTimes ? micros(record.getTimestamp()) : 0;
    count++;
    if (count == rows.length) {
      flush();
    } else if (!isTimerSet) {
      isTimerSet = true;
      var clock = getProcessingTimeService();
      clock.registerTimer(
          clock.getCurrentProcessingTime() + transform.lingerMs(),
          time -> {
            isTimerSet = false;
            flush();
          });
    }
  }

  private static long micros(long millis) {
    if (Math.abs(millis) > Long.MAX_VALUE / MICROS) {
      throw new NonRecoverableException("the timestamp " + millis + " is not within 290,000 years of 1970");
    }
    return millis * MICROS;
  }

  private void flush() throws Exception {
    if (count == 0) {
      return;
    }
    byte[] batch = columns.write(rows, count, hasTimes ? timesMicros : null);
    count = 0;
    ByteBuffer emitted = ByteBuffer.wrap(Native.process(handle, batch)).order(ByteOrder.LITTLE_ENDIAN);
    while (emitted.hasRemaining()) {
      Output of = outputs.get(emitted.getInt());
      of.columns().read(emitted, (row, hasTime, timeMicros) -> emit(of, row, hasTime, timeMicros));
    }
    log.takeIfDue();
  }

  private void emit(Output of, Row row, boolean hasTime, long timeMicros) {
    StreamRecord<Row> record =
        hasTime ? new StreamRecord<>(row, Math.floorDiv(timeMicros, MICROS)) : new StreamRecord<>(row);
    if (of.tag() == null) {
      output.collect(record);
    } else {
      output.collect(of.tag(), record);
    }
  }

  @Override
  public void processWatermark(Watermark watermark) throws Exception {
    flush();
    super.processWatermark(watermark);
  }

  @Override
  public void processWatermarkStatus(WatermarkStatus status) throws Exception {
    flush();
    super.processWatermarkStatus(status);
  }

  @Override
  public void prepareSnapshotPreBarrier(long checkpoint) throws Exception {
    flush();
  }

  @Override
  public void endInput() throws Exception {
    flush();
  }

  @Override
  public void close() throws Exception {
    if (log != null) {
      log.take();
    }
    if (handle != 0) {
      Native.closeOperator(handle);
      handle = 0;
    }
    super.close();
  }
}
