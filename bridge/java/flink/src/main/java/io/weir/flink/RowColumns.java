package io.weir.flink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import org.apache.flink.api.java.typeutils.RowTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ArrayNode;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;
import org.apache.flink.types.RowUtils;

/** The columns of rows, and rows as the native library reads and writes them: column by column, little endian. */
final class RowColumns {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int FIRST_BYTES = 1 << 16;

  private final String[] names;
  private final ColumnType[] types;
  private final LinkedHashMap<String, Integer> positions = new LinkedHashMap<>();
  private ByteBuffer bytes = ByteBuffer.allocate(FIRST_BYTES).order(ByteOrder.LITTLE_ENDIAN);

  private RowColumns(String[] names, ColumnType[] types) {
    this.names = names;
    this.types = types;
    for (int column = 0; column < names.length; column++) {
      positions.put(names[column], column);
    }
  }

  /** Those of a stream. */
  static RowColumns of(RowTypeInfo type) {
    String[] names = type.getFieldNames();
    ColumnType[] types = new ColumnType[names.length];
    for (int column = 0; column < names.length; column++) {
      types[column] = ColumnType.of(names[column], type.getTypeAt(column));
    }
    return new RowColumns(names, types);
  }

  /** Those of an output, which the native library has described. */
  static RowColumns of(JsonNode columns) {
    List<String> names = new ArrayList<>();
    List<ColumnType> types = new ArrayList<>();
    for (JsonNode column : columns) {
      names.add(column.path("name").asText());
      types.add(ColumnType.named(column.path("type").asText()));
    }
    return new RowColumns(names.toArray(new String[0]), types.toArray(new ColumnType[0]));
  }

  /** As the native library takes them. */
  String describe() {
    ArrayNode columns = JSON.createArrayNode();
    for (int column = 0; column < names.length; column++) {
      columns.addObject().put("name", names[column]).put("type", types[column].name());
    }
    return columns.toString();
  }

  RowTypeInfo type() {
    TypeInformation<?>[] all = new TypeInformation<?>[types.length];
    for (int column = 0; column < types.length; column++) {
      all[column] = types[column].flink();
    }
    return new RowTypeInfo(all, names);
  }

  /** The first rows of an array, with their event times unless these are null. */
  byte[] write(Row[] rows, int count, long[] timesMicros) {
    bytes.clear();
    room(Integer.BYTES + 1 + (timesMicros == null ? 0 : count * Long.BYTES)).putInt(count);
    bytes.put((byte) (timesMicros == null ? 0 : 1));
    for (int row = 0; timesMicros != null && row < count; row++) {
      bytes.putLong(timesMicros[row]);
    }
    Object[] values = new Object[count];
    for (int column = 0; column < types.length; column++) {
      boolean hasNull = false;
      for (int row = 0; row < count; row++) {
        values[row] = field(rows[row], column);
        hasNull |= values[row] == null;
      }
      room(1 + count).put((byte) (hasNull ? 1 : 0));
      for (int row = 0; hasNull && row < count; row++) {
        bytes.put((byte) (values[row] == null ? 0 : 1));
      }
      try {
        write(types[column], values);
      } catch (NonRecoverableException error) {
        throw new NonRecoverableException("a row's " + names[column] + ": " + error.getMessage());
      } catch (ClassCastException | ArithmeticException error) {
        throw new NonRecoverableException(
            "a row's " + names[column] + " is no " + types[column].flink() + " that Weir can take: " + error.getMessage());
      }
    }
    byte[] written = new byte[bytes.position()];
    bytes.flip().get(written);
    return written;
  }

  private Object field(Row row, int column) {
    return row.getFieldNames(false) == null ? row.getField(column) : row.getField(names[column]);
  }

  private void write(ColumnType type, Object[] values) {
    if (type.width() > 0) {
      room(values.length * type.width());
      for (Object value : values) {
        if (value == null) {
          bytes.position(bytes.position() + type.width());
        } else {
          type.writer().write(bytes, value);
        }
      }
      return;
    }
    byte[][] texts = new byte[values.length][];
    room(values.length * Integer.BYTES);
    int length = 0;
    for (int row = 0; row < values.length; row++) {
      texts[row] = values[row] == null ? new byte[0] : type.toBytes().apply(values[row]);
      bytes.putInt(texts[row].length);
      length = Math.addExact(length, texts[row].length);
    }
    room(length);
    for (byte[] text : texts) {
      bytes.put(text);
    }
  }

  private ByteBuffer room(int more) {
    if (bytes.remaining() < more) {
      int needed = Math.addExact(bytes.position(), more);
      ByteBuffer larger = ByteBuffer.allocate(Math.max(needed, (int) Math.min(2L * bytes.capacity(), Integer.MAX_VALUE - 8)));
      bytes = larger.order(ByteOrder.LITTLE_ENDIAN).put(bytes.flip());
    }
    return bytes;
  }

  /** Takes rows, with their event times if these came with some. */
  interface Taker {
    void take(Row row, boolean hasTime, long timeMicros);
  }

  /** Reads rows that the native library has written. */
  void read(ByteBuffer from, Taker taker) {
    int count = from.getInt();
    boolean hasTimes = from.get() != 0;
    long[] times = new long[count];
    for (int row = 0; hasTimes && row < count; row++) {
      times[row] = from.getLong();
    }
    Object[][] rows = new Object[count][types.length];
    for (int column = 0; column < types.length; column++) {
      byte[] valid = null;
      if (from.get() != 0) {
        valid = new byte[count];
        from.get(valid);
      }
      read(types[column], from, rows, column);
      for (int row = 0; valid != null && row < count; row++) {
        rows[row][column] = valid[row] == 0 ? null : rows[row][column];
      }
    }
    for (int row = 0; row < count; row++) {
      taker.take(RowUtils.createRowWithNamedPositions(RowKind.INSERT, rows[row], positions), hasTimes, times[row]);
    }
  }

  private static void read(ColumnType type, ByteBuffer from, Object[][] rows, int column) {
    if (type.width() > 0) {
      for (Object[] row : rows) {
        row[column] = type.reader().read(from);
      }
      return;
    }
    int[] lengths = new int[rows.length];
    for (int row = 0; row < rows.length; row++) {
      lengths[row] = from.getInt();
    }
    for (int row = 0; row < rows.length; row++) {
      byte[] text = new byte[lengths[row]];
      from.get(text);
      rows[row][column] = type.ofBytes().apply(text);
    }
  }
}
