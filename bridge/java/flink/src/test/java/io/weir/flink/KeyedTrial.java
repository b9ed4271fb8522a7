package io.weir.flink;

import io.weir.bridge.WeirException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.typeutils.RowTypeInfo;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.types.Row;
import org.apache.flink.util.Collector;

/**
 * A program of Flink with {@link WeirKeyed} and {@link WeirWindow}, for tests: it ends with an exception if results differ from those of Weir's own engine.
 *
 * <pre>KeyedTrial STATE_BACKEND LEVEL_V1 LEVEL_V2 LEVELS.csv HOT_ITEMS COUNTS.csv HOT.csv REMINDER QUANTILE MEDIANS.csv</pre>
 *
 * {@code LEVELS.csv} has bids and what Weir's engine gave for each, {@code COUNTS.csv} what {@code HOT_ITEMS} gets and {@code HOT.csv} what it
 * gave, and {@code MEDIANS.csv} the median of the prices of each bidder in windows of ten seconds, with a bid each tenth of a second.
 */
public final class KeyedTrial {
  private static final AtomicBoolean HAS_FAILED = new AtomicBoolean();
  private static final Queue<Row> RESULTS = new ConcurrentLinkedQueue<>();
  private static final Set<Long> SEEN = ConcurrentHashMap.newKeySet();
  private static final long SECOND_MS = 1_000;
  private static final long POLL_MS = 5;

  private static String backend;
  private static List<long[]> bids;

  private KeyedTrial() {}

  public static void main(String[] arguments) throws Exception {
    backend = arguments[0];
    bids = numbers(Path.of(arguments[3]));
    levels(arguments[1], arguments[2]);
    hotItems(arguments[4], numbers(Path.of(arguments[5])), numbers(Path.of(arguments[6])));
    reminders(arguments[7]);
    windows(arguments[8], Path.of(arguments[9]));
    refuses(arguments[1]);
    System.out.println("ok");
  }

  private static List<long[]> numbers(Path file) throws Exception {
    try (var lines = Files.lines(file)) {
      return lines.skip(1).map(line -> List.of(line.split(",")).stream().limit(4).mapToLong(Long::parseLong).toArray()).toList();
    }
  }

  private static StreamExecutionEnvironment environment(int parallelism, String savepoint) {
    Configuration flink = new Configuration();
    flink.set(RestOptions.BIND_PORT, "0");
    flink.set(StateBackendOptions.STATE_BACKEND, backend);
    flink.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
    flink.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, 3);
    if (savepoint != null) {
      flink.set(StateRecoveryOptions.SAVEPOINT_PATH, savepoint);
    }
    var environment = StreamExecutionEnvironment.createLocalEnvironment(parallelism, flink);
    environment.enableCheckpointing(20);
    return environment;
  }

  /** Each bid with the sum of its bidder so far, whatever fails, at any parallelism, and with a newer version at the end. */
  private static void levels(String first, String second) throws Exception {
    Path folder = Files.createTempDirectory("weir-keyed-trial-");
    String savepoint = null;
    int part = 0;
    for (int parallelism : new int[] {2, 3, 1}) {
      var environment = environment(parallelism, savepoint);
      var keyed = WeirKeyed.of(parallelism == 1 ? second : first).keys("bidder").keyGroups(16).config(Map.of("gold-from", 5000));
      DataStream<Row> stream =
          environment
              .fromSequence(0, bids.size() - 1)
              .setParallelism(1)
              .uid("bids")
              .map(KeyedTrial::bid)
              .returns(Types.ROW_NAMED(new String[] {"seq", "bidder", "price"}, Types.LONG, Types.LONG, Types.LONG))
              .setParallelism(1);
      keyed.apply("level", stream).main().uid("level").process(new CheckSum()).sinkTo(new DiscardingSink<>());
      JobClient job = environment.executeAsync("levels");
      part++;
      int until = parallelism == 1 ? bids.size() : bids.size() * part / 4;
      while (SEEN.size() < until) {
        if (job.getJobStatus().get().isGloballyTerminalState() && SEEN.size() < until) {
          job.getJobExecutionResult().get();
          throw new WeirException("only " + SEEN.size() + " of " + until + " bids came back");
        }
        Thread.sleep(POLL_MS);
      }
      if (parallelism == 1) {
        job.getJobExecutionResult().get();
      } else {
        savepoint = job.stopWithSavepoint(false, folder.toString(), SavepointFormatType.CANONICAL).get();
      }
    }
    if (!HAS_FAILED.get()) {
      throw new WeirException("no task has failed");
    }
  }

  /** Slowly enough for checkpoints and savepoints in between. */
  private static Row bid(long n) throws InterruptedException {
    if (n % 4 == 0) {
      Thread.sleep(1);
    }
    long[] bid = bids.get((int) n);
    return Row.of(bid[0], bid[1], bid[2]);
  }

  /** Each result must be that of its bid; a failure gives some again. */
  private static final class CheckSum extends ProcessFunction<Row, Long> implements CheckpointListener {
    private static final long serialVersionUID = 1L;

    private transient boolean hasCheckpoint;

    @Override
    public void notifyCheckpointComplete(long checkpoint) {
      hasCheckpoint = true;
    }

    @Override
    public void processElement(Row row, Context context, Collector<Long> out) {
      if (hasCheckpoint && HAS_FAILED.compareAndSet(false, true)) {
        throw new IllegalStateException("injected");
      }
      long seq = row.<Long>getFieldAs("seq");
      long sum = bids.get((int) seq)[3];
      if (row.<Long>getFieldAs("sum") != sum) {
        throw new NonRecoverableException("bid " + seq + " has the sum " + row.getField("sum") + " instead of " + sum);
      }
      SEEN.add(seq);
    }
  }

  /** Timers of event time fire by Flink's watermarks. */
  private static void hotItems(String component, List<long[]> counts, List<long[]> expected) throws Exception {
    String[] names = {"window_start", "window_end", "auction", "num"};
    DataStream<Row> stream =
        environment(2, null)
            .fromSequence(0, counts.size() - 1)
            .setParallelism(1)
            .map(n -> Row.of(counts.get(n.intValue())[0], counts.get(n.intValue())[1], counts.get(n.intValue())[2], counts.get(n.intValue())[3]))
            .returns(Types.ROW_NAMED(names, Types.LONG, Types.LONG, Types.LONG, Types.LONG))
            .setParallelism(1)
            .assignTimestampsAndWatermarks(
                WatermarkStrategy.<Row>forMonotonousTimestamps()
                    .withTimestampAssigner((row, before) -> row.<Long>getFieldAs(1) * SECOND_MS - 1));
    var hot = WeirKeyed.of(component).keys("window_start", "window_end").apply("hot", stream);
    Set<String> found = new TreeSet<>();
    try (var rows = hot.main().executeAndCollect()) {
      rows.forEachRemaining(row -> found.add(row.getField("window_start") + "," + row.getField("auction") + "," + row.getField("num")));
    }
    Set<String> wanted = new TreeSet<>();
    expected.forEach(row -> wanted.add(row[0] + "," + row[2] + "," + row[3]));
    if (!found.equals(wanted)) {
      throw new WeirException("hot items are " + found + " instead of " + wanted);
    }
  }

  /** A component that aggregates, beside a count, in windows that Flink's watermarks fire. */
  private static void windows(String component, Path file) throws Exception {
    DataStream<Row> stream =
        environment(2, null)
            .fromSequence(0, bids.size() - 1)
            .setParallelism(1)
            .map(n -> Row.of(n, bids.get(n.intValue())[1], bids.get(n.intValue())[2]))
            .returns(Types.ROW_NAMED(new String[] {"seq", "bidder", "price"}, Types.LONG, Types.LONG, Types.LONG))
            .setParallelism(1)
            .assignTimestampsAndWatermarks(
                WatermarkStrategy.<Row>forMonotonousTimestamps().withTimestampAssigner((row, before) -> row.<Long>getFieldAs(0) * 100));
    var medians =
        WeirWindow.of(component, "price")
            .config(Map.of("q", 0.5))
            .as("median")
            .aggregate("bids", "count")
            .keys("bidder")
            .window(Map.of("tumbling", "10s"))
            .apply("medians", stream);
    String names = String.join(",", ((RowTypeInfo) medians.main().getType()).getFieldNames());
    Set<List<String>> found = new HashSet<>();
    try (var rows = medians.main().executeAndCollect()) {
      rows.forEachRemaining(row -> found.add(cells(row)));
    }
    Set<List<String>> wanted = new HashSet<>();
    try (var lines = Files.lines(file)) {
      lines.skip(1).forEach(line -> wanted.add(Arrays.stream(line.split(",")).map(KeyedTrial::plain).toList()));
    }
    if (!found.equals(wanted) || wanted.isEmpty()) {
      found.removeAll(wanted);
      throw new WeirException("of " + wanted.size() + " medians (" + names + ") these are others: " + found);
    }
  }

  private static List<String> cells(Row row) {
    return IntStream.range(0, row.getArity()).mapToObj(column -> plain(String.valueOf(row.getField(column)))).toList();
  }

  /** A number however it is written. */
  private static String plain(String cell) {
    return cell.matches("-?[0-9.]+") ? String.valueOf(Double.parseDouble(cell)) : cell;
  }

  /** Timers of the clock fire while no rows come; one that is refused is a letter. */
  private static void reminders(String component) throws Exception {
    long soonMicros = (System.currentTimeMillis() + 2 * SECOND_MS) * 1_000;
    var environment = environment(2, null);
    DataStream<Row> stream =
        environment
            .fromSequence(0, Long.MAX_VALUE - 1)
            .setParallelism(1)
            .map(
                n -> {
                  // Rows of one key stand for all that follow; the stream must not end before its timers.
                  if (n >= 3) {
                    Thread.sleep(POLL_MS);
                  }
                  return n == 0 ? Row.of("bad", 13L) : Row.of("key " + Math.min(n, 3), soonMicros);
                })
            .returns(Types.ROW_NAMED(new String[] {"key", "value"}, Types.STRING, Types.LONG))
            .setParallelism(1);
    var fired = WeirKeyed.of(component).keys("key").onError("dead-letter").apply("reminder", stream);
    // A reference to the method would take a copy of the queue along.
    fired.main().map(row -> RESULTS.add(row)).sinkTo(new DiscardingSink<>());
    fired.side("dead-letter").map(row -> RESULTS.add(row)).sinkTo(new DiscardingSink<>());
    JobClient job = environment.executeAsync("reminders");
    Map<String, Row> byKey = new HashMap<>();
    while (byKey.size() < 4) {
      for (Row row = RESULTS.poll(); row != null; row = RESULTS.poll()) {
        byKey.put(row.getFieldAs("key"), row);
      }
      if (job.getJobStatus().get().isGloballyTerminalState()) {
        job.getJobExecutionResult().get();
      }
      Thread.sleep(POLL_MS);
    }
    job.cancel().get();
    if (!byKey.get("bad").<String>getFieldAs("error").contains("thirteen is refused")) {
      throw new WeirException("the letter is " + byKey.get("bad"));
    }
    for (String key : List.of("key 1", "key 2", "key 3")) {
      Row row = byKey.get(key);
      if (row.<Long>getFieldAs("at") != soonMicros || row.<Long>getFieldAs("now") < soonMicros) {
        throw new WeirException("a timer of " + soonMicros + " gave " + row);
      }
    }
  }

  /** What does not fit is refused before a job begins. */
  private static void refuses(String component) {
    DataStream<Row> stream =
        environment(1, null)
            .fromData(1L)
            .map(Row::of)
            .returns(Types.ROW_NAMED(new String[] {"price"}, Types.LONG));
    isRefused(() -> WeirKeyed.of(component).config(Map.of("gold-from", 1)).apply("level", stream), "no key was given");
    isRefused(() -> WeirKeyed.of(component).config(Map.of("gold-from", 1)).keys("bidder").apply("level", stream), "no column \"bidder\"");
    isRefused(() -> WeirKeyed.of(component).keys("price").apply("level", stream), "gold-from");
  }

  private static void isRefused(Runnable apply, String reason) {
    try {
      apply.run();
    } catch (WeirException expected) {
      if (expected.getMessage().contains(reason)) {
        return;
      }
      throw expected;
    }
    throw new WeirException("this was not refused: " + reason);
  }
}
