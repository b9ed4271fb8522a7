package io.weir.flink;

import org.apache.flink.api.java.typeutils.RowTypeInfo;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.types.Row;

/**
 * A component over rows, which it gets in batches. Nothing waits for a batch to fill when a watermark or a barrier passes, so no
 * checkpoint has to hold rows.
 */
final class RowOperator extends AbstractStreamOperator<Row> implements OneInputStreamOperator<Row, Row>, BoundedOneInput {
  private static final long serialVersionUID = 1L;

  private final WeirTransform transform;
  private final RowTypeInfo type;

  private transient GuestLog log;
  private transient OpenComponent component;
  private transient RowBatches batches;

  RowOperator(WeirTransform transform, RowTypeInfo type) {
    this.transform = transform;
    this.type = type;
  }

  @Override
  public void open() throws Exception {
    super.open();
    log = new GuestLog();
    component = OpenComponent.openAgain(transform, type);
    batches = new RowBatches(transform, getExecutionConfig().isObjectReuseEnabled(), getProcessingTimeService(), this::process);
  }

  private void process(RowBatch batch) {
    component.process(batch, output);
    log.takeIfDue();
  }

  @Override
  public void processElement(StreamRecord<Row> record) throws Exception {
    batches.add(record.getValue(), record);
  }

  @Override
  public void processWatermark(Watermark watermark) throws Exception {
    batches.flush();
    super.processWatermark(watermark);
  }

  @Override
  public void processWatermarkStatus(WatermarkStatus status) throws Exception {
    batches.flush();
    super.processWatermarkStatus(status);
  }

  @Override
  public void prepareSnapshotPreBarrier(long checkpoint) throws Exception {
    batches.flush();
  }

  @Override
  public void endInput() throws Exception {
    batches.flush();
  }

  @Override
  public void close() throws Exception {
    try {
      if (log != null) {
        log.take();
      }
    } finally {
      if (component != null) {
        component.close();
      }
      super.close();
    }
  }
}
