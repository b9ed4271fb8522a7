package io.weir.flink;

import io.weir.bridge.Native;
import io.weir.bridge.WeirException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.java.typeutils.RowTypeInfo;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonProcessingException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.streaming.api.operators.Output;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.types.Row;

/** A component that the native library runs over rows: which columns it reads, and what its outputs are. */
final class OpenComponent implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final List<RowOutput> outputs = new ArrayList<>();
  private final RowColumns reads;
  private final boolean readsTimes;
  private long handle;

  private OpenComponent(long handle, RowColumns columns) throws JsonProcessingException {
    this.handle = handle;
    JsonNode description = JSON.readTree(Native.describeOperator(handle));
    int[] read = new int[description.path("reads").size()];
    for (int column = 0; column < read.length; column++) {
      read[column] = description.path("reads").get(column).asInt();
    }
    this.reads = columns.pick(read);
    this.readsTimes = description.path("reads_times").asBoolean();
    for (JsonNode output : description.path("outputs")) {
      outputs.add(new RowOutput(output, columns, outputs.isEmpty()));
    }
  }

  /**
   * Opens it for the rows of a stream.
   *
   * @throws WeirException if it cannot run over their columns
   */
  static OpenComponent open(WeirComponent<?> component, RowTypeInfo type) {
    RowColumns columns = RowColumns.of(type);
    long handle = Native.openOperator(component.bytes(), component.options(), columns.describe());
    try {
      return new OpenComponent(handle, columns);
    } catch (JsonProcessingException error) {
      Native.closeOperator(handle);
      throw new WeirException("the description of a component is no JSON", error);
    } catch (RuntimeException error) {
      Native.closeOperator(handle);
      throw error;
    }
  }

  /** The same in a task. */
  static OpenComponent openAgain(WeirComponent<?> component, RowTypeInfo type) {
    try {
      return open(component, type);
    } catch (NonRecoverableException error) {
      // The client could open it: this machine may have been too busy.
      throw new WeirException(error.getMessage());
    }
  }

  long handle() {
    return handle;
  }

  /** The main one first. */
  List<RowOutput> outputs() {
    return outputs;
  }

  /** Runs the rows of a batch, and sends on what comes of them. */
  void process(RowBatch batch, Output<StreamRecord<Row>> output) {
    send(Native.process(handle, write(batch)), batch, output);
  }

  /** What of a batch the component reads. */
  byte[] write(RowBatch batch) {
    return batch.write(reads, readsTimes);
  }

  /** Sends on the rows of an answer; without a batch they are of no row that came in. */
  void send(byte[] answer, RowBatch batch, Output<StreamRecord<Row>> output) {
    ByteBuffer rows = ByteBuffer.wrap(answer).order(ByteOrder.LITTLE_ENDIAN);
    while (rows.hasRemaining()) {
      outputs.get(rows.getInt()).send(rows, batch, output);
    }
  }

  @Override
  public void close() {
    if (handle != 0) {
      Native.closeOperator(handle);
      handle = 0;
    }
  }
}
