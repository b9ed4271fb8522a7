package io.weir.flink;

import io.weir.bridge.WeirException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.types.Row;

/**
 * The part of {@link KeyedTrial} with event time: timers and windows, which Flink's watermarks fire, and state that expires, through a
 * savepoint and a rescale.
 */
final class WindowTrial {
  private static final Queue<String> FOUND = new ConcurrentLinkedQueue<>();
  private static final long SECOND_MS = 1_000;
  private static final long BID_MS = 100;

  private WindowTrial() {}

  /** Timers of event time. */
  static void hotItems(Stages stages, String component, List<long[]> counts, List<long[]> expected) throws Exception {
    String[] names = {"window_start", "window_end", "auction", "num"};
    stages.run(
        counts.stream().map(count -> Row.of(count[0], count[1], count[2], count[3])).toList(),
        Types.ROW_NAMED(names, Types.LONG, Types.LONG, Types.LONG, Types.LONG),
        new int[] {2, 3},
        0,
        (rows, isLast) -> {
          var timed =
              rows.assignTimestampsAndWatermarks(
                  WatermarkStrategy.<Row>forMonotonousTimestamps()
                      .withTimestampAssigner((row, before) -> row.<Long>getFieldAs(1) * SECOND_MS - 1));
          find(WeirKeyed.of(component).keys("window_start", "window_end").apply("hot", timed), "window_start", "auction", "num");
        });
    compare("hot items", expected.stream().map(row -> text(row[0], row[2], row[3])).toList());
  }

  /** State that expires, by the time of the rows: a bidder's sum begins again after a pause. */
  static void expiring(Stages stages, String component, List<long[]> levels) throws Exception {
    String[] names = {"seq", "bidder", "price"};
    stages.run(
        levels.stream().map(bid -> Row.of(bid[0], bid[1], bid[2])).toList(),
        Types.ROW_NAMED(names, Types.LONG, Types.LONG, Types.LONG),
        new int[] {2, 3},
        0,
        (rows, isLast) -> {
          var timed =
              rows.assignTimestampsAndWatermarks(
                  WatermarkStrategy.<Row>forMonotonousTimestamps().withTimestampAssigner((row, before) -> row.<Long>getFieldAs(0)));
          var keyed = WeirKeyed.of(component).keys("bidder").config(Map.of("gold-from", 5000)).ttl(Map.of("after", "40ms"));
          find(keyed.apply("level", timed), "seq", "sum");
        });
    compare("levels with a TTL", levels.stream().map(row -> text(row[0], row[3])).toList());
  }

  /** A component that aggregates, beside a count; without keys one subtask has all windows. */
  static void medians(Stages stages, String component, List<long[]> bids, boolean hasKeys, Path file) throws Exception {
    String[] names = {"seq", "bidder", "price"};
    stages.run(
        bids.stream().map(bid -> Row.of(bid[0], bid[1], bid[2])).toList(),
        Types.ROW_NAMED(names, Types.LONG, Types.LONG, Types.LONG),
        new int[] {2, 3},
        0,
        (rows, isLast) -> {
          var timed =
              rows.assignTimestampsAndWatermarks(
                  WatermarkStrategy.<Row>forMonotonousTimestamps()
                      .withTimestampAssigner((row, before) -> row.<Long>getFieldAs(0) * BID_MS));
          var medians =
              WeirWindow.of(component, "price")
                  .config(Map.of("q", 0.5))
                  .as("median")
                  .aggregate("bids", "count")
                  .window(Map.of("tumbling", "10s"));
          find((hasKeys ? medians.keys("bidder") : medians).apply("medians", timed));
        });
    try (var lines = Files.lines(file)) {
      compare("medians", lines.skip(1).map(line -> text((Object[]) line.split(","))).toList());
    }
  }

  /** Collects results; without names those of all columns. */
  private static void find(WeirStreams streams, String... names) {
    streams
        .main()
        .uid("operator")
        .map(row -> FOUND.add(text(names.length == 0 ? all(row) : Arrays.stream(names).map(name -> row.getField(name)).toArray())))
        .sinkTo(new DiscardingSink<>());
  }

  private static Object[] all(Row row) {
    return IntStream.range(0, row.getArity()).mapToObj(column -> row.getField(column)).toArray();
  }

  /** No result may be missing, and none may come twice. */
  private static void compare(String what, List<String> wanted) {
    List<String> found = FOUND.stream().sorted().toList();
    FOUND.clear();
    if (wanted.isEmpty() || !found.equals(wanted.stream().sorted().toList())) {
      throw new WeirException(what + " are " + found + " instead of " + wanted);
    }
  }

  /** Values as text, numbers however they are written. */
  private static String text(Object... values) {
    return Arrays.stream(values)
        .map(String::valueOf)
        .map(cell -> cell.matches("-?[0-9.]+") ? String.valueOf(Double.parseDouble(cell)) : cell)
        .toList()
        .toString();
  }
}
