package io.weir.spark;

import io.weir.bridge.RepeatingException;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.TimeoutException;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryException;
import org.apache.spark.sql.streaming.Trigger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One run of a pipeline as a stream: a query of Spark whose micro-batches run all subtasks once. The source of the query has one row per
 * micro-batch, which only says that it is time for it.
 *
 * <p>A micro-batch is complete when {@link CheckpointLog} has it, with the state of all subtasks and what sinks have prepared. Before that
 * nothing of it counts; after it sinks commit, again if need be. What Spark keeps of the query, and its numbers of micro-batches, say
 * nothing: it is a new one in each run.
 */
final class StreamRun implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(StreamRun.class);

  /** How many batches each subtask of a source reads in a micro-batch at most. */
  static final String READS_MAX = "spark.weir.maxReadsPerTrigger";

  /** How often it is looked whether all chains have ended. */
  private static final long LOOK_MS = 20;

  private final SparkSession spark;
  private final JavaSparkContext context;
  private final Run run;
  private final String name;
  private final CheckpointLog log;
  private final Figures figures;
  private final Path temporary;
  private final long intervalMs;
  private final long readsMax;
  private final Broadcast<Run> shared;
  private final Committers committers;

  private final List<List<String>> restored;
  private final Report[] reports;
  private final String[] locations;
  private final BitSet ended = new BitSet();
  private final LostExecutors lost = new LostExecutors();
  private volatile boolean isDone;

  StreamRun(SparkSession spark, Run run, Plan plan, CheckpointLog log, Figures figures, Path temporary) {
    this.spark = spark;
    this.context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    this.run = run;
    this.log = log;
    this.figures = figures;
    this.temporary = temporary;
    this.name = plan.name();
    this.intervalMs = plan.intervalMs();
    this.readsMax = Long.parseLong(spark.conf().get(READS_MAX, Long.toString(Long.MAX_VALUE)));
    var gone = new TreeSet<String>();
    restored = log.last().piecesFor(run.layout(), gone);
    if (!gone.isEmpty() && !run.dropsState()) {
      throw new RepeatingException(
          "the checkpoint has state of " + gone + ", which the pipeline no longer has: discard it with --allow-dropped-state");
    }
    reports = new Report[run.layout().subtasks()];
    locations = new String[run.layout().subtasks()];
    committers = new Committers(run);
    shared = context.broadcast(run);
    isDone = log.last().isDone();
    spark.sparkContext().addSparkListener(lost);
  }

  /** Runs until all chains have ended. */
  void run() throws StreamingQueryException, TimeoutException {
    // It may not have been made visible when the run before this one failed.
    committers.commit(log.last().number(), log.last().prepared());
    if (isDone) {
      return;
    }
    Dataset<Row> turns = spark.readStream().format("rate-micro-batch").option("rowsPerBatch", 1).load();
    StreamingQuery query =
        turns
            .writeStream()
            .queryName(name)
            // Only the driver uses what Spark keeps of the query, and only until the run ends.
            .option("checkpointLocation", temporary.resolve("query-" + run.number()).toUri().toString())
            .trigger(Trigger.ProcessingTime(intervalMs))
            .foreachBatch((Dataset<Row> rows, Long number) -> microBatch())
            .start();
    try {
      while (!query.awaitTermination(LOOK_MS)) {
        if (isDone) {
          return;
        }
      }
    } finally {
      query.stop();
    }
  }

  private void microBatch() throws Exception {
    if (isDone) {
      return;
    }
    long number = log.last().number() + 1;
    boolean isFirst = number == run.checkpoint() + 1;
    var turn = new Turn(shared, number, intervalMs, readsMax, isFirst ? restored : null, ended);
    List<Report> now = MicroBatch.run(context, run.layout(), turn, locations, lost);
    for (Report report : now) {
      reports[report.subtask()] = report;
      locations[report.subtask()] = report.location();
      ended.set(report.subtask(), report.hasEnded());
    }
    Checkpoint next = Checkpoint.of(number, run.layout(), reports, now);
    log.complete(next);
    committers.commit(number, next.prepared());
    log.clean();
    figures.take(reports);
    LOG.info("micro-batch {} is complete", number);
    isDone = next.isDone();
  }

  @Override
  public void close() {
    spark.sparkContext().removeSparkListener(lost);
    committers.close();
    shared.destroy();
  }
}
