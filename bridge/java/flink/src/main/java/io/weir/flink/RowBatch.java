package io.weir.flink;

import java.util.Arrays;
import org.apache.flink.api.common.eventtime.TimestampAssigner;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;

/** Rows that wait for a call of the native library: either all of them have timestamps, or none has. */
final class RowBatch {
  private static final long MICROS = 1_000;

  final Row[] rows;
  final long[] timesMillis;
  boolean hasTimes;
  int count;

  RowBatch(int rows) {
    this.rows = new Row[rows];
    this.timesMillis = new long[rows];
  }

  boolean isEmpty() {
    return count == 0;
  }

  boolean isFull() {
    return count == rows.length;
  }

  /** Whether a record may be added to these. */
  boolean takes(StreamRecord<?> record) {
    return isEmpty() || hasTimes == hasTime(record);
  }

  /** With object reuse the next row may be the same object. */
  void add(Row row, StreamRecord<?> record, boolean isReused) {
    RowKind kind = row.getKind();
    if (kind != RowKind.INSERT) {
      throw new NonRecoverableException("a row is an update (" + kind + "), and operators here take rows that are only added");
    }
    hasTimes = hasTime(record);
    rows[count] = isReused ? Row.copy(row) : row;
    timesMillis[count] = hasTimes ? record.getTimestamp() : 0;
    count++;
  }

  /** Sources that know no timestamps set one that says so. */
  private static boolean hasTime(StreamRecord<?> record) {
    return record.hasTimestamp() && record.getTimestamp() != TimestampAssigner.NO_TIMESTAMP;
  }

  /** As the native library reads them; their timestamps are left out if they are of no use there. */
  byte[] write(RowColumns columns, boolean withTimes) {
    return columns.write(rows, count, withTimes && hasTimes ? micros() : null);
  }

  private long[] micros() {
    long[] micros = Arrays.copyOf(timesMillis, count);
    for (int row = 0; row < count; row++) {
      if (Math.abs(micros[row]) > Long.MAX_VALUE / MICROS) {
        throw new NonRecoverableException("the timestamp " + micros[row] + " is not within 290,000 years of 1970");
      }
      micros[row] *= MICROS;
    }
    return micros;
  }

  void clear() {
    count = 0;
  }
}
