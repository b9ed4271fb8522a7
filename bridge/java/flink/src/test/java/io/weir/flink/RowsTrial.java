package io.weir.flink;

import io.weir.bridge.WeirException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;
import org.apache.flink.util.Collector;

/**
 * A program of Flink with {@link WeirTransform}, for tests: rows of all types through the component that is named, which doubles a column
 * {@code value} and refuses, traps and loops at 7, 13 and 17. A task fails once behind a checkpoint. It ends with an exception if a
 * row is lost, doubled or changed.
 */
public final class RowsTrial {
  private static final int ROWS = 4_000;
  private static final Set<Long> BAD = Set.of(7L, 13L, 17L);
  private static final AtomicBoolean HAS_FAILED = new AtomicBoolean();
  private static String component;

  private static final String[] NAMES = {
    "value", "bool", "int8", "int16", "int32", "float32", "float64", "text", "bytes", "date", "time", "instant"
  };
  private static final TypeInformation<?>[] TYPES = {
    Types.LONG,
    Types.BOOLEAN,
    Types.BYTE,
    Types.SHORT,
    Types.INT,
    Types.FLOAT,
    Types.DOUBLE,
    Types.STRING,
    PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO,
    Types.LOCAL_DATE,
    Types.LOCAL_DATE_TIME,
    Types.INSTANT
  };

  private RowsTrial() {}

  /** The same row for the same number; every column is null now and then. */
  private static Row row(long n) {
    Instant instant = Instant.ofEpochSecond(n * 86_399 - 3_000_000, n % 1000 * 1000);
    Object[] values = {
      n,
      n % 2 == 0,
      (byte) n,
      (short) (n * 31),
      (int) (n * 1_000_003),
      (float) n / 3,
      n == 0 ? Double.NaN : 1.0 / n,
      "é\u0000" + n,
      ("b" + n).getBytes(StandardCharsets.UTF_8),
      LocalDate.ofEpochDay(n - 2_000),
      LocalDateTime.ofInstant(instant, ZoneOffset.UTC),
      instant
    };
    for (int column = 1; column < values.length; column++) {
      values[column] = (n + column) % 13 == 0 ? null : values[column];
    }
    return Row.of(values);
  }

  /** The number of a row that came back, which must have its own timestamp and the columns that it had. */
  private static final class Check extends ProcessFunction<Row, Long> implements CheckpointListener {
    private static final long serialVersionUID = 1L;

    private transient boolean hasCheckpoint;

    @Override
    public void notifyCheckpointComplete(long checkpoint) {
      hasCheckpoint = true;
    }

    @Override
    public void processElement(Row row, Context context, Collector<Long> out) {
      long n = row.getFieldAs("value");
      if (hasCheckpoint && HAS_FAILED.compareAndSet(false, true)) {
        throw new IllegalStateException("injected");
      }
      Row sent = row(n);
      for (int column = 0; column < NAMES.length; column++) {
        Object back = row.getField(NAMES[column]);
        if (!Arrays.deepEquals(new Object[] {sent.getField(column)}, new Object[] {back})) {
          throw new WeirException(NAMES[column] + " of " + sent + " has become " + back);
        }
      }
      if (context.timestamp() != n * 10) {
        throw new WeirException("the timestamp of " + n + " has become " + context.timestamp());
      }
      Object doubled = row.getFieldNames(true).contains("doubled") ? row.getField("doubled") : null;
      boolean isBad = BAD.contains(n);
      if (isBad ? row.<String>getFieldAs("error").isEmpty() : !doubled.equals(2 * n)) {
        throw new WeirException(n + " gave " + row);
      }
      out.collect(n);
    }
  }

  public static void main(String[] arguments) throws Exception {
    component = arguments[0];
    Configuration flink = new Configuration();
    flink.set(RestOptions.BIND_PORT, "0");
    flink.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
    flink.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_DELAY, Duration.ofMillis(10));
    var environment = StreamExecutionEnvironment.createLocalEnvironment(2, flink);
    environment.enableCheckpointing(20);
    DataStream<Row> rows =
        environment
            .fromSequence(0, ROWS - 1)
            .map(
                n -> {
                  // So that checkpoints come between.
                  if (n % 8 == 0) {
                    Thread.sleep(1);
                  }
                  return row(n);
                })
            .returns(Types.ROW_NAMED(NAMES, TYPES))
            .assignTimestampsAndWatermarks(
                WatermarkStrategy.<Row>forMonotonousTimestamps()
                    .withTimestampAssigner((row, before) -> row.<Long>getFieldAs(0) * 10));
    var transform = WeirTransform.of(component).onError("dead-letter").limits(Map.of("call-time", "250ms"));
    refuses(rows);
    withoutTimestamps(transform, environment);
    keepsWhatItWasAppliedWith(rows);
    showsRow(rows.filter(row -> row.<Long>getFieldAs(0) < 10));
    refusesUpdates(transform, environment);
    var streams = transform.batch(100, Duration.ofMillis(5)).apply("double", rows);
    List<Long> numbers = new ArrayList<>();
    var all = streams.main().process(new Check()).union(streams.side("dead-letter").process(new Check()));
    try (var collected = all.executeAndCollect()) {
      collected.forEachRemaining(numbers::add);
    }
    if (numbers.size() != ROWS || new HashSet<>(numbers).size() != ROWS || !HAS_FAILED.get()) {
      throw new WeirException(numbers.size() + " rows came back, " + new HashSet<>(numbers).size() + " of them once");
    }
    System.out.println("ok");
  }

  private static void withoutTimestamps(WeirTransform transform, StreamExecutionEnvironment environment) throws Exception {
    DataStream<Row> rows = environment.fromSequence(100, 109).map(Row::of).returns(Types.ROW_NAMED(new String[] {"value"}, Types.LONG));
    var doubled = transform.apply("timeless", rows).main().executeAndCollect(100);
    if (doubled.stream().mapToLong(row -> row.<Long>getFieldAs("doubled")).sum() != 2090) {
      throw new WeirException("rows without timestamps gave " + doubled);
    }
  }

  /** A transform that is changed and applied again is another one. */
  private static void keepsWhatItWasAppliedWith(DataStream<Row> rows) throws Exception {
    var changed = WeirTransform.of(component).onError("dead-letter");
    var first = changed.apply("first", rows.filter(row -> row.<Long>getFieldAs(0) < 10));
    var second = changed.onError("skip").apply("second", rows.filter(row -> row.<Long>getFieldAs(0) < 10));
    int refused = first.side("dead-letter").executeAndCollect(100).size();
    int rest = second.main().executeAndCollect(100).size();
    if (refused != 1 || rest != 9) {
      throw new WeirException("one of ten rows is refused, and not " + refused + "; " + rest + " are left");
    }
  }

  /** A row that is refused is shown with the columns that the component reads, and the message says so. */
  private static void showsRow(DataStream<Row> rows) throws Exception {
    try {
      WeirTransform.of(component).apply("fails", rows).main().executeAndCollect(ROWS);
    } catch (Exception expected) {
      if (Trial.causes(expected).contains("} (only the columns that the component reads) could not be processed")) {
        return;
      }
      throw expected;
    }
    throw new WeirException("no row was refused");
  }

  /** The job ends at the first row that is not only added, although Flink would start it again. */
  private static void refusesUpdates(WeirTransform transform, StreamExecutionEnvironment environment) throws Exception {
    DataStream<Row> rows =
        environment
            .fromSequence(1, 1)
            .map(n -> Row.ofKind(RowKind.DELETE, n))
            .returns(Types.ROW_NAMED(new String[] {"value"}, Types.LONG));
    try {
      transform.apply("updates", rows).main().executeAndCollect(1);
    } catch (Exception expected) {
      if (Trial.causes(expected).contains("a row is an update")) {
        return;
      }
      throw expected;
    }
    throw new WeirException("an update was taken");
  }

  /** What does not fit is refused before a job begins. */
  private static void refuses(DataStream<Row> rows) throws Exception {
    try {
      WeirTransform.of("no component".getBytes(StandardCharsets.UTF_8)).apply("none", rows);
    } catch (WeirException expected) {
      return;
    }
    throw new WeirException("bytes that are no component were taken");
  }
}
