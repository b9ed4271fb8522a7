package io.weir.flink;

import io.weir.bridge.WeirException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Function;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;

/**
 * The type of a column: its name in Weir, its type in Flink, and its values as bytes. Text and bytes ({@code width} 0) are byte arrays
 * here; all others have a fixed width.
 */
record ColumnType(
    String name, TypeInformation<?> flink, int width, Writer writer, Reader reader, Function<Object, byte[]> toBytes,
    Function<byte[], Object> ofBytes) {
  private static final long NANOS = 1_000_000_000;

  /** Writes a value that is not null. */
  interface Writer {
    void write(ByteBuffer to, Object value);
  }

  interface Reader {
    Object read(ByteBuffer from);
  }

  /** The columns that rows of Flink may have; the others only come back. */
  private static final Map<TypeInformation<?>, ColumnType> OF_FLINK =
      Map.ofEntries(
          entry(fixed("bool", Types.BOOLEAN, 1, (to, v) -> to.put((byte) ((Boolean) v ? 1 : 0)), from -> from.get() != 0)),
          entry(fixed("int8", Types.BYTE, 1, (to, v) -> to.put((Byte) v), ByteBuffer::get)),
          entry(fixed("int16", Types.SHORT, 2, (to, v) -> to.putShort((Short) v), ByteBuffer::getShort)),
          entry(fixed("int32", Types.INT, 4, (to, v) -> to.putInt((Integer) v), ByteBuffer::getInt)),
          entry(fixed("int64", Types.LONG, 8, (to, v) -> to.putLong((Long) v), ByteBuffer::getLong)),
          entry(fixed("float32", Types.FLOAT, 4, (to, v) -> to.putFloat((Float) v), ByteBuffer::getFloat)),
          entry(fixed("float64", Types.DOUBLE, 8, (to, v) -> to.putDouble((Double) v), ByteBuffer::getDouble)),
          entry(
              fixed(
                  "date32",
                  Types.LOCAL_DATE,
                  4,
                  (to, v) -> to.putInt(Math.toIntExact(((LocalDate) v).toEpochDay())),
                  from -> LocalDate.ofEpochDay(from.getInt()))),
          entry(time("timestamp(us, UTC)", 1_000, true)),
          entry(time("timestamp(us)", 1_000, false)),
          entry(
              bytes(
                  "utf8",
                  Types.STRING,
                  v -> utf8((String) v),
                  bytes -> new String(bytes, StandardCharsets.UTF_8))),
          entry(
              bytes("binary", PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO, v -> (byte[]) v, bytes -> bytes)));

  /** Of a column of Flink's rows. */
  static ColumnType of(String column, TypeInformation<?> type) {
    ColumnType found = OF_FLINK.get(type);
    if (found == null) {
      throw new WeirException(
          "column " + column + " is " + type + ", and rows for Weir have columns of Types.BOOLEAN, BYTE, SHORT, INT, LONG, FLOAT, DOUBLE,"
              + " STRING, LOCAL_DATE, LOCAL_DATE_TIME, INSTANT and byte[]: convert it before");
    }
    return found;
  }

  /** Of a column that Weir gives. */
  static ColumnType named(String name) {
    for (ColumnType type : OF_FLINK.values()) {
      if (type.name.equals(name)) {
        return type;
      }
    }
    return switch (name) {
      case "uint8" -> read(name, Types.SHORT, 1, from -> (short) (from.get() & 0xff));
      case "uint16" -> read(name, Types.INT, 2, from -> from.getShort() & 0xffff);
      case "uint32" -> read(name, Types.LONG, 4, from -> from.getInt() & 0xffff_ffffL);
      case "uint64" -> read(name, Types.BIG_INT, 8, from -> new BigInteger(Long.toUnsignedString(from.getLong())));
      default -> {
        String[] parts = name.split("[(), ]+");
        yield switch (parts[0]) {
          case "timestamp" -> time(name, unitNanos(parts[1]), parts.length > 2);
          case "decimal128" -> decimal(name, Integer.parseInt(parts[2]));
          default -> throw new WeirException("a column of the type " + name + " cannot go into a row of Flink");
        };
      }
    };
  }

  /** The values of a column that the native library has written. */
  Object[] readAll(ByteBuffer from, int count) {
    byte[] valid = null;
    if (from.get() != 0) {
      valid = new byte[count];
      from.get(valid);
    }
    Object[] values = new Object[count];
    if (width > 0) {
      for (int row = 0; row < count; row++) {
        values[row] = reader.read(from);
      }
    } else {
      int[] lengths = new int[count];
      for (int row = 0; row < count; row++) {
        lengths[row] = from.getInt();
      }
      for (int row = 0; row < count; row++) {
        byte[] text = new byte[lengths[row]];
        from.get(text);
        values[row] = ofBytes.apply(text);
      }
    }
    for (int row = 0; valid != null && row < count; row++) {
      values[row] = valid[row] == 0 ? null : values[row];
    }
    return values;
  }

  private static byte[] utf8(String text) {
    for (int at = 0; at < text.length(); at++) {
      if (Character.isSurrogate(text.charAt(at))) {
        try {
          // Unlike getBytes it writes no question mark for half of a pair.
          ByteBuffer bytes = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
          return Arrays.copyOf(bytes.array(), bytes.limit());
        } catch (CharacterCodingException error) {
          throw new NonRecoverableException("a text has half of a surrogate pair, which UTF-8 cannot have: " + text);
        }
      }
    }
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static long unitNanos(String unit) {
    return switch (unit) {
      case "s" -> NANOS;
      case "ms" -> 1_000_000;
      case "us" -> 1_000;
      default -> 1;
    };
  }

  private static ColumnType decimal(String name, int scale) {
    return read(
        name,
        Types.BIG_DEC,
        16,
        from -> {
          byte[] unscaled = new byte[16];
          for (int i = 15; i >= 0; i--) {
            unscaled[i] = from.get();
          }
          return new BigDecimal(new BigInteger(unscaled), scale);
        });
  }

  private static ColumnType time(String name, long unitNanos, boolean isInstant) {
    Reader reader =
        from -> {
          long units = from.getLong();
          long perSecond = NANOS / unitNanos;
          Instant instant =
              Instant.ofEpochSecond(Math.floorDiv(units, perSecond), Math.floorMod(units, perSecond) * unitNanos);
          return isInstant ? instant : LocalDateTime.ofInstant(instant, ZoneOffset.UTC);
        };
    Writer writer =
        (to, value) -> {
          Instant instant = isInstant ? (Instant) value : ((LocalDateTime) value).toInstant(ZoneOffset.UTC);
          if (instant.getNano() % unitNanos != 0) {
            throw new NonRecoverableException(value + " has parts of a microsecond, which would be lost: truncate it to ChronoUnit.MICROS before");
          }
          to.putLong(
              Math.addExact(Math.multiplyExact(instant.getEpochSecond(), NANOS / unitNanos), instant.getNano() / unitNanos));
        };
    return fixed(name, isInstant ? Types.INSTANT : Types.LOCAL_DATE_TIME, 8, writer, reader);
  }

  private static ColumnType read(String name, TypeInformation<?> flink, int width, Reader reader) {
    return fixed(name, flink, width, null, reader);
  }

  private static ColumnType fixed(String name, TypeInformation<?> flink, int width, Writer writer, Reader reader) {
    return new ColumnType(name, flink, width, writer, reader, null, null);
  }

  private static ColumnType bytes(
      String name, TypeInformation<?> flink, Function<Object, byte[]> toBytes, Function<byte[], Object> ofBytes) {
    return new ColumnType(name, flink, 0, null, null, toBytes, ofBytes);
  }

  private static Map.Entry<TypeInformation<?>, ColumnType> entry(ColumnType type) {
    return Map.entry(type.flink, type);
  }
}
