package io.weir.flink;

import io.weir.bridge.Native;
import java.util.Arrays;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.typeutils.RowTypeInfo;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.transformations.PartitionTransformation;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.types.Row;

/**
 * Puts a number beside each row, by which Flink finds the row's key group: that of Weir, by which state is divided. Flink would take another
 * hash of the key for its own, and hash a Java object for each row.
 */
final class KeyGroupOperator extends AbstractStreamOperator<Tuple2<Integer, Row>>
    implements OneInputStreamOperator<Row, Tuple2<Integer, Row>>, BoundedOneInput {
  private static final long serialVersionUID = 1L;

  private final WeirStateful<?> keyed;
  private final RowTypeInfo type;

  private transient int[] numbers;
  private transient RowColumns keys;
  private transient RowBatches batches;
  private transient long handle;

  KeyGroupOperator(WeirStateful<?> keyed, RowTypeInfo type) {
    this.keyed = keyed;
    this.type = type;
  }

  /**
   * The rows of a stream, each at the subtask that owns its key group. Flink refuses unaligned checkpoints of a job that has a custom partitioner,
   * so each key group has a number that Flink puts into the same one.
   */
  static DataStream<Tuple2<Integer, Row>> partition(WeirStateful<?> keyed, String name, RowTypeInfo type, DataStream<Row> stream) {
    DataStream<Tuple2<Integer, Row>> partitioned =
        stream
            .transform(name, Types.TUPLE(Types.INT, type), new KeyGroupOperator(keyed, type))
            .setParallelism(stream.getParallelism())
            .keyBy(row -> row.f0, Types.INT);
    // So no checkpoint has rows on their way, which another parallelism would have to divide again.
    ((PartitionTransformation<Tuple2<Integer, Row>>) partitioned.getTransformation())
        .getPartitioner()
        .disableUnalignedCheckpoints();
    return partitioned;
  }

  /** For each key group of Weir the smallest number that Flink puts into it. */
  static int[] numbers(int groups) {
    int[] numbers = new int[groups];
    Arrays.fill(numbers, -1);
    int missing = groups;
    for (int number = 0; missing > 0; number++) {
      int group = KeyGroupRangeAssignment.assignToKeyGroup(number, groups);
      if (numbers[group] < 0) {
        numbers[group] = number;
        missing--;
      }
    }
    return numbers;
  }

  @Override
  public void open() throws Exception {
    super.open();
    numbers = numbers(keyed.keyGroups());
    keys = keyed.keyColumns(type);
    handle = Native.openKeyGroups(keyed.keyGroups(), keys.describe());
    batches = new RowBatches(keyed, getExecutionConfig().isObjectReuseEnabled(), getProcessingTimeService(), this::send);
  }

  private void send(RowBatch batch) {
    int[] groups = Native.keyGroups(handle, batch.write(keys, false));
    for (int row = 0; row < groups.length; row++) {
      StreamRecord<Tuple2<Integer, Row>> record = new StreamRecord<>(Tuple2.of(numbers[groups[row]], batch.rows[row]));
      if (batch.hasTimes) {
        record.setTimestamp(batch.timesMillis[row]);
      }
      output.collect(record);
    }
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
    if (handle != 0) {
      Native.closeKeyGroups(handle);
      handle = 0;
    }
    super.close();
  }
}
