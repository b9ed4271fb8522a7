package io.weir.flink;

import io.weir.bridge.WeirException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.types.Row;
import org.apache.flink.util.Collector;

/**
 * A program of Flink with {@link WeirKeyed} and {@link WeirWindow}, for tests: it ends with an exception if results differ from those of Weir's
 * own engine.
 *
 * <pre>KeyedTrial STATE_BACKEND LEVEL_V1 LEVEL_V2 LEVELS.csv HOT_ITEMS COUNTS.csv HOT.csv REMINDER QUANTILE MEDIANS.csv MEDIANS_OF_ALL.csv LEVELS_WITH_TTL.csv</pre>
 *
 * {@code LEVELS.csv} has bids and what Weir's engine gave for each, {@code COUNTS.csv} what {@code HOT_ITEMS} gets and {@code HOT.csv} what it
 * gave, {@code MEDIANS.csv} the median of the prices of each bidder in windows of ten seconds, with a bid each tenth of a second, and
 * {@code MEDIANS_OF_ALL.csv} that of all bidders together. In {@code LEVELS_WITH_TTL.csv} a bidder without a bid for 40 ms begins again, with a
 * bid each millisecond.
 */
public final class KeyedTrial {
  private static final AtomicBoolean HAS_FAILED = new AtomicBoolean();
  private static final Queue<Row> RESULTS = new ConcurrentLinkedQueue<>();
  private static final Set<Long> SEEN = ConcurrentHashMap.newKeySet();
  private static final List<long[]> LEVELS = new ArrayList<>();
  private static final long SECOND_MS = 1_000;
  private static final long POLL_MS = 5;

  private KeyedTrial() {}

  public static void main(String[] arguments) throws Exception {
    Stages stages = new Stages(arguments[0]);
    List<long[]> bids = numbers(Path.of(arguments[3]));
    levels(stages, arguments[1], arguments[2], bids);
    WindowTrial.hotItems(stages, arguments[4], numbers(Path.of(arguments[5])), numbers(Path.of(arguments[6])));
    WindowTrial.medians(stages, arguments[8], bids, true, Path.of(arguments[9]));
    WindowTrial.medians(stages, arguments[8], bids, false, Path.of(arguments[10]));
    WindowTrial.expiring(stages, arguments[1], numbers(Path.of(arguments[11])));
    reminders(stages, arguments[7]);
    refuses(stages, arguments[1], arguments[8]);
    System.out.println("ok");
  }

  private static List<long[]> numbers(Path file) throws Exception {
    try (var lines = Files.lines(file)) {
      return lines.skip(1).map(line -> List.of(line.split(",")).stream().limit(4).mapToLong(Long::parseLong).toArray()).toList();
    }
  }

  /** Each bid with the sum of its bidder so far, whatever fails, at any parallelism, and with a newer version at the end. */
  private static void levels(Stages stages, String first, String second, List<long[]> bids) throws Exception {
    LEVELS.addAll(bids);
    String[] names = {"seq", "bidder", "price"};
    stages.run(
        bids.stream().map(bid -> Row.of(bid[0], bid[1], bid[2])).toList(),
        Types.ROW_NAMED(names, Types.LONG, Types.LONG, Types.LONG),
        new int[] {2, 3, 1},
        1,
        (rows, isLast) -> {
          if (!isLast) {
            // Rows by key need no custom partitioner, which Flink refuses here.
            rows.getExecutionEnvironment().getCheckpointConfig().enableUnalignedCheckpoints();
          }
          var keyed = WeirKeyed.of(isLast ? second : first).keys("bidder").keyGroups(16).config(Map.of("gold-from", 5000));
          keyed.apply("level", rows).main().uid("level").process(new CheckSum()).sinkTo(new DiscardingSink<>());
        });
    if (SEEN.size() != bids.size() || !HAS_FAILED.get()) {
      throw new WeirException("only " + SEEN.size() + " of " + bids.size() + " bids came back, or no task has failed");
    }
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
      long sum = LEVELS.get((int) seq)[3];
      if (row.<Long>getFieldAs("sum") != sum) {
        throw new NonRecoverableException("bid " + seq + " has the sum " + row.getField("sum") + " instead of " + sum);
      }
      SEEN.add(seq);
    }
  }

  /** Timers of the clock fire while no rows come; one that is refused is a letter. */
  private static void reminders(Stages stages, String component) throws Exception {
    long soonMicros = (System.currentTimeMillis() + 2 * SECOND_MS) * 1_000;
    var environment = stages.environment(2, null, 0);
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

  /** What does not fit is refused before a job begins, or when it does. */
  private static void refuses(Stages stages, String component, String quantile) {
    var keyed = WeirKeyed.of(component).config(Map.of("gold-from", 1));
    DataStream<Row> stream = prices(stages.environment(1, null, 0));
    isRefused(() -> keyed.apply("level", stream), "no key was given");
    isRefused(() -> keyed.keys("bidder").apply("level", stream), "no column \"bidder\"");
    isRefused(() -> WeirKeyed.of(component).keys("price").apply("level", stream), "gold-from");
    var window = WeirWindow.of(quantile, "price").config(Map.of("q", 0.5)).window(Map.of("tumblin", "1h"));
    isRefused(() -> window.apply("medians", stream), "window has no key \"tumblin\"");
    isRefused(() -> window.window(Map.of("tumbling", "1h")).set("gap", "1h").apply("medians", stream), "the window has no key \"gap\"");
    keyed.keys("price");
    isRefused(() -> keyed.apply("level", prices(stages.environment(1, null, 0).setRuntimeMode(RuntimeExecutionMode.BATCH))), "STREAMING");
    isRefused(() -> collect(keyed, stages.environment(1, null, 0).setRuntimeMode(RuntimeExecutionMode.AUTOMATIC)), "STREAMING");
    var heapTimers = stages.environment(1, null, 0);
    heapTimers.configure(Configuration.fromMap(Map.of("state.backend.rocksdb.timer-service.factory", "HEAP")));
    isRefused(() -> collect(keyed, heapTimers), "timer-service.factory");
  }

  private static DataStream<Row> prices(StreamExecutionEnvironment environment) {
    return environment.fromSequence(1, 1).map(Row::of).returns(Types.ROW_NAMED(new String[] {"price"}, Types.LONG));
  }

  private static void collect(WeirKeyed keyed, StreamExecutionEnvironment environment) throws Exception {
    keyed.apply("level", prices(environment)).main().executeAndCollect(1);
  }

  /** What may be refused. */
  private interface Attempt {
    void run() throws Exception;
  }

  private static void isRefused(Attempt attempt, String reason) {
    try {
      attempt.run();
    } catch (Exception expected) {
      if (Trial.causes(expected).contains(reason)) {
        return;
      }
      throw new WeirException("it was refused for another reason than " + reason, expected);
    }
    throw new WeirException("this was not refused: " + reason);
  }
}
