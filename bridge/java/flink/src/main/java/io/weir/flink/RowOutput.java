package io.weir.flink;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.java.typeutils.RowTypeInfo;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.streaming.api.operators.Output;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;
import org.apache.flink.types.RowUtils;
import org.apache.flink.util.OutputTag;

/**
 * An output of a component: a row of it is made of columns of a row that came in, which stay the objects that they are, and of columns that
 * the component has made, which the native library writes.
 */
final class RowOutput {
  private static final long MICROS = 1_000;

  /** What the rows of an answer are of. */
  private static final byte NO_ROW = 0;

  private static final byte FOLLOWING_ROWS = 1;

  private final String name;
  private final RowTypeInfo type;

  /** Null: it is the main one. */
  private final OutputTag<Row> tag;

  private final RowColumns input;

  /** Of each column, that of the row that came in; below 0: it was made. */
  private final int[] from;

  private final ColumnType[] made;
  private final LinkedHashMap<String, Integer> positions = new LinkedHashMap<>();

  /** As the native library describes it. */
  RowOutput(JsonNode output, RowColumns input, boolean isMain) {
    this.name = output.path("name").asText();
    this.input = input;
    JsonNode columns = output.path("columns");
    TypeInformation<?>[] types = new TypeInformation<?>[columns.size()];
    String[] names = new String[types.length];
    List<ColumnType> made = new ArrayList<>();
    this.from = new int[types.length];
    for (int column = 0; column < types.length; column++) {
      JsonNode described = columns.get(column);
      names[column] = described.path("name").asText();
      positions.put(names[column], column);
      from[column] = described.path("from").asInt(-1);
      if (from[column] < 0) {
        ColumnType of = ColumnType.named(described.path("type").asText());
        made.add(of);
        types[column] = of.flink();
      } else {
        types[column] = input.type(from[column]);
      }
    }
    this.made = made.toArray(new ColumnType[0]);
    this.type = new RowTypeInfo(types, names);
    this.tag = isMain ? null : new OutputTag<>("weir-" + name, type);
  }

  String name() {
    return name;
  }

  RowTypeInfo type() {
    return type;
  }

  OutputTag<Row> tag() {
    return tag;
  }

  /** Sends the rows of an answer on. */
  void send(ByteBuffer answer, RowBatch batch, Output<StreamRecord<Row>> output) {
    byte kind = answer.get();
    int first = kind == FOLLOWING_ROWS ? answer.getInt() : 0;
    int[] each = kind > FOLLOWING_ROWS ? new int[answer.getInt()] : null;
    for (int row = 0; each != null && row < each.length; row++) {
      each[row] = answer.getInt();
    }
    int count = answer.getInt();
    long[] times = answer.get() == 0 ? null : new long[count];
    for (int row = 0; times != null && row < count; row++) {
      times[row] = answer.getLong();
    }
    Object[][] values = new Object[made.length][];
    for (int column = 0; column < made.length; column++) {
      values[column] = made[column].readAll(answer, count);
    }
    for (int row = 0; row < count; row++) {
      int of = each == null ? first + row : each[row];
      StreamRecord<Row> record = new StreamRecord<>(row(values, row, kind == NO_ROW ? null : batch.rows[of]));
      if (times != null) {
        record.setTimestamp(Math.floorDiv(times[row], MICROS));
      } else if (kind != NO_ROW && batch.hasTimes) {
        record.setTimestamp(batch.timesMillis[of]);
      }
      if (tag == null) {
        output.collect(record);
      } else {
        output.collect(tag, record);
      }
    }
  }

  private Row row(Object[][] values, int row, Row of) {
    Object[] fields = new Object[from.length];
    int next = 0;
    for (int column = 0; column < fields.length; column++) {
      fields[column] = from[column] < 0 ? values[next++][row] : input.value(of, from[column]);
    }
    return RowUtils.createRowWithNamedPositions(RowKind.INSERT, fields, positions);
  }
}
