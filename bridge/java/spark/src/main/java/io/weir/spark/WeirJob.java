package io.weir.spark;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.weir.bridge.BundleSource;
import io.weir.bridge.Native;
import io.weir.bridge.RepeatingException;
import io.weir.bridge.WeirException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.util.SerializableConfiguration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs a pipeline of Weir on Spark: with {@code [checkpoint]} as a stream, else as a batch job.
 *
 * <pre>WeirJob --temporary DIR [--checkpoint-dir DIR] [--allow-dropped-state]</pre>
 *
 * The pipeline is in the job's jar, where {@code weir submit} puts it. How the job ended is written to {@code outcome} in the temporary
 * folder, which that command removes.
 */
public final class WeirJob {
  private static final Logger LOG = LoggerFactory.getLogger(WeirJob.class);

  private final SparkSession spark;
  private final byte[] bundle;
  private final Plan plan;
  private final Layout layout;
  private final Figures figures = new Figures();
  private long microBatches;
  private long runs;

  WeirJob(SparkSession spark, byte[] bundle) {
    this.spark = spark;
    this.bundle = bundle;
    this.plan = Plan.read(Native.plan(bundle, null));
    if (!plan.refusals().isEmpty()) {
      throw new RepeatingException("the pipeline cannot run on Spark:\n" + String.join("\n", plan.refusals()));
    }
    this.layout = new Layout(plan);
  }

  public static void main(String[] arguments) throws Exception {
    String folder = null;
    Path temporary = null;
    boolean dropsState = false;
    for (int i = 0; i < arguments.length; i++) {
      switch (arguments[i]) {
        case "--checkpoint-dir" -> folder = arguments[++i];
        case "--temporary" -> temporary = Path.of(arguments[++i]);
        case "--allow-dropped-state" -> dropsState = true;
        default -> throw new WeirException("unknown option " + arguments[i]);
      }
    }
    if (temporary == null) {
      throw new WeirException("name a temporary folder with --temporary, as `weir submit` does");
    }
    endWithCaller();
    Map<String, Object> told = new LinkedHashMap<>();
    try (SparkSession spark = session()) {
      byte[] bundle = new BundleSource((String) null).read(Thread.currentThread().getContextClassLoader());
      var job = new WeirJob(spark, bundle);
      job.run(folder, temporary, dropsState);
      told.put("ok", true);
      told.put("micro_batches", job.microBatches());
      told.put("steps", job.steps());
    } catch (Exception | LinkageError error) {
      told.put("ok", false);
      told.put("error", causes(error));
    }
    Files.write(temporary.resolve("outcome"), new ObjectMapper().writeValueAsBytes(told));
    // Threads of Spark's may still be there.
    System.exit(told.get("ok").equals(true) ? 0 : 1);
  }

  /** A session in which Spark leaves to Weir what to do about failures. */
  static SparkSession session() {
    return SparkSession.builder()
        .config("spark.task.maxFailures", 1)
        .config("spark.stage.maxConsecutiveAttempts", 1)
        .config("spark.speculation", false)
        // Where a subtask is in memory its tasks run: they wait until that executor is free, and no executor goes while it is idle. They
        // do not wait for anything else.
        .config("spark.locality.wait", "1h")
        .config("spark.locality.wait.process", "1h")
        .config("spark.locality.wait.node", "1h")
        .config("spark.locality.wait.rack", "1h")
        .config("spark.shuffle.reduceLocality.enabled", false)
        .config("spark.dynamicAllocation.enabled", false)
        // The first micro-batch says where subtasks stay, so it waits until all executors are there, for half a minute at most.
        .config("spark.scheduler.minRegisteredResourcesRatio", 1.0)
        .config("spark.serializer", "org.apache.spark.serializer.JavaSerializer")
        .getOrCreate();
  }

  /** How many micro-batches of the job are complete; 0: it is a batch job. */
  long microBatches() {
    return microBatches;
  }

  /** How many runs have begun. */
  long runs() {
    return runs;
  }

  /** What each step has counted. */
  Map<String, Map<String, Long>> steps() {
    return figures.steps();
  }

  /**
   * Runs it to its end.
   *
   * @param folder where checkpoints are, which all machines share; null: a batch job has none
   * @param temporary a folder of this machine, of use only while it runs
   */
  void run(String folder, Path temporary, boolean dropsState) throws Exception {
    if (plan.intervalMs() == 0) {
      BatchJob.run(JavaSparkContext.fromSparkContext(spark.sparkContext()), begin(0, 0, 0, null, false), figures);
      return;
    }
    if (folder == null) {
      throw new RepeatingException("a stream needs a folder for its checkpoints: name it with --checkpoint-dir");
    }
    var log = new CheckpointLog(folder, hadoop(), UUID.randomUUID().toString());
    var restarts = new Restarts(plan.restart());
    while (true) {
      try {
        runOnce(log, folder, temporary, dropsState);
        return;
      } catch (Exception error) {
        long delay = repeats(error) ? -1 : restarts.onFailure(System.nanoTime() / 1_000_000);
        if (delay < 0) {
          throw error;
        }
        LOG.warn("{}; beginning again in {} ms, behind micro-batch {}", causes(error), delay, microBatches);
        Thread.sleep(delay);
      }
      figures.nextRun();
    }
  }

  private void runOnce(CheckpointLog log, String folder, Path temporary, boolean dropsState) throws Exception {
    long number = log.begin();
    Run run = begin(number, log.last().number(), log.attempt(), folder, dropsState);
    try (var stream = new StreamRun(spark, run, plan, log, figures, temporary)) {
      stream.run();
    } finally {
      microBatches = log.last().number();
    }
  }

  private Run begin(long number, long checkpoint, int attempt, String folder, boolean dropsState) {
    runs++;
    String id = UUID.randomUUID().toString().replace("-", "");
    var configuration = new SerializableConfiguration(hadoop());
    return new Run(bundle, layout, plan.fingerprint(), id, number, checkpoint, attempt, folder, dropsState, configuration);
  }

  private Configuration hadoop() {
    return spark.sparkContext().hadoopConfiguration();
  }

  private static boolean repeats(Throwable error) {
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      if (cause instanceof RepeatingException) {
        return true;
      }
    }
    return false;
  }

  /** The command holds the other end of the standard input: when that is closed nobody waits for the job any more. */
  private static void endWithCaller() {
    Thread watch =
        new Thread(
            () -> {
              try {
                while (System.in.read() >= 0) {
                  // Nothing is said by it.
                }
              } catch (java.io.IOException error) {
                // It is closed, too.
              }
              Runtime.getRuntime().halt(1);
            },
            "watch");
    watch.setDaemon(true);
    watch.start();
  }

  /** The reason: Weir's own, without what Spark says around it; else all causes. */
  static String causes(Throwable error) {
    StringBuilder text = new StringBuilder();
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      if (cause instanceof WeirException) {
        return cause.getMessage() + (cause.getCause() == null ? "" : "\n  because " + causes(cause.getCause()));
      }
    }
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      String message = cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
      if (text.indexOf(message) < 0) {
        text.append(text.length() == 0 ? "" : "\n  because ").append(message);
      }
    }
    return text.toString();
  }
}
