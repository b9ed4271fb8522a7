package io.weir.flink;

import io.weir.bridge.Native;
import org.apache.flink.api.common.functions.Partitioner;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;
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
 * Puts the key group of each row beside it: that of Weir, by which state is divided. Flink would take another hash of the key for its own, and
 * hash a Java object for each row.
 */
final class KeyGroupOperator extends AbstractStreamOperator<Tuple2<Integer, Row>>
    implements OneInputStreamOperator<Row, Tuple2<Integer, Row>>, BoundedOneInput {
  private static final long serialVersionUID = 1L;

  private final WeirStateful<?> keyed;
  private final RowTypeInfo type;

  private transient RowColumns keys;
  private transient RowBatches batches;
  private transient long handle;

  KeyGroupOperator(WeirStateful<?> keyed, RowTypeInfo type) {
    this.keyed = keyed;
    this.type = type;
  }

  /** The rows of a stream, each at the subtask that owns its key group. */
  static DataStream<Tuple2<Integer, Row>> partition(WeirStateful<?> keyed, String name, RowTypeInfo type, DataStream<Row> stream) {
    ToOwner toOwner = new ToOwner(keyed.keyGroups());
    DataStream<Tuple2<Integer, Row>> partitioned =
        stream
            .transform(name, Types.TUPLE(Types.INT, type), new KeyGroupOperator(keyed, type))
            .setParallelism(stream.getParallelism())
            .partitionCustom(toOwner, toOwner);
    // Rows on their way would belong to other subtasks at another parallelism.
    ((PartitionTransformation<Tuple2<Integer, Row>>) partitioned.getTransformation())
        .getPartitioner()
        .disableUnalignedCheckpoints();
    return partitioned;
  }

  /** To the subtask to which Flink gives the state of a key group. */
  private record ToOwner(int groups)
      implements Partitioner<Integer>, KeySelector<Tuple2<Integer, Row>, Integer>, ResultTypeQueryable<Integer> {
    private static final long serialVersionUID = 1L;

    @Override
    public int partition(Integer group, int subtasks) {
      return KeyGroupRangeAssignment.computeOperatorIndexForKeyGroup(groups, subtasks, group);
    }

    @Override
    public Integer getKey(Tuple2<Integer, Row> row) {
      return row.f0;
    }

    @Override
    public TypeInformation<Integer> getProducedType() {
      return Types.INT;
    }
  }

  @Override
  public void open() throws Exception {
    super.open();
    keys = keyed.keyColumns(type);
    handle = Native.openKeyGroups(keyed.keyGroups(), keys.describe());
    batches = new RowBatches(keyed, getExecutionConfig().isObjectReuseEnabled(), getProcessingTimeService(), this::send);
  }

  private void send(RowBatch batch) {
    int[] groups = Native.keyGroups(handle, batch.write(keys, false));
    for (int row = 0; row < groups.length; row++) {
      StreamRecord<Tuple2<Integer, Row>> record = new StreamRecord<>(Tuple2.of(groups[row], batch.rows[row]));
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
