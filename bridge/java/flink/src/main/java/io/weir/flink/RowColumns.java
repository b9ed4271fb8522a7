package io.weir.flink;

import io.weir.bridge.WeirException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.java.typeutils.RowTypeInfo;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ArrayNode;
import org.apache.flink.types.Row;

/**
 * Some columns of the rows of a stream, and these as the native library reads them ({@code weir_embed::rows}): column by column, little
 * endian.
 */
final class RowColumns {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int FIRST_BYTES = 1 << 16;

  private final String[] names;
  private final ColumnType[] types;

  /** Where they are in a row. */
  private final int[] positions;

  private ByteBuffer bytes = ByteBuffer.allocate(FIRST_BYTES).order(ByteOrder.LITTLE_ENDIAN);

  private RowColumns(String[] names, ColumnType[] types, int[] positions) {
    this.names = names;
    this.types = types;
    this.positions = positions;
  }

  /** All of a stream. */
  static RowColumns of(RowTypeInfo type) {
    String[] names = type.getFieldNames();
    ColumnType[] types = new ColumnType[names.length];
    int[] positions = new int[names.length];
    for (int column = 0; column < names.length; column++) {
      types[column] = ColumnType.of(names[column], type.getTypeAt(column));
      positions[column] = column;
    }
    return new RowColumns(names, types, positions);
  }

  /** Some of these, by their indices. */
  RowColumns pick(int[] columns) {
    String[] pickedNames = new String[columns.length];
    ColumnType[] pickedTypes = new ColumnType[columns.length];
    int[] pickedPositions = new int[columns.length];
    for (int column = 0; column < columns.length; column++) {
      pickedNames[column] = names[columns[column]];
      pickedTypes[column] = types[columns[column]];
      pickedPositions[column] = positions[columns[column]];
    }
    return new RowColumns(pickedNames, pickedTypes, pickedPositions);
  }

  /** As the native library is told of them. */
  String describe() {
    ArrayNode columns = JSON.createArrayNode();
    for (int column = 0; column < names.length; column++) {
      columns.addObject().put("name", names[column]).put("type", types[column].name());
    }
    return columns.toString();
  }

  /** The index of a column, by its name. */
  int index(String name) {
    int index = List.of(names).indexOf(name);
    if (index < 0) {
      throw new WeirException("the rows have no column " + name + "; they have " + List.of(names));
    }
    return index;
  }

  TypeInformation<?> type(int column) {
    return types[column].flink();
  }

  /** A value of a row, by the index of its column. */
  Object value(Row row, int column) {
    return row.getFieldNames(false) == null ? row.getField(positions[column]) : row.getField(names[column]);
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
        values[row] = value(rows[row], column);
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
}
