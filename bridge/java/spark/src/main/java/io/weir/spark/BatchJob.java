package io.weir.spark;

import io.weir.bridge.RepeatingException;
import io.weir.bridge.WeirException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.spark.api.java.JavaSparkContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs a pipeline whose input ends as one job of Spark, without state: sources are read to their end, and then all sinks commit. */
final class BatchJob {
  private static final Logger LOG = LoggerFactory.getLogger(BatchJob.class);

  /** All work is done when sinks commit, so a broker that is away is waited for. */
  private static final int COMMITS_MAX = 30;

  private static final long COMMIT_PAUSE_MS = 1_000;

  private BatchJob() {}

  static void run(JavaSparkContext spark, Run run, Figures figures)
      throws ExecutionException, InterruptedException {
    try (var committers = new Committers(run)) {
      List<List<String>> nothing = new ArrayList<>();
      run.layout().chains().forEach(chain -> nothing.add(new ArrayList<>()));
      var turn = new Turn(spark.broadcast(run), 1, 0, Long.MAX_VALUE, nothing, new BitSet());
      List<Report> reports = MicroBatch.run(spark, run.layout(), turn, new String[run.layout().subtasks()], new LostExecutors());
      Map<String, List<byte[]>> prepared = new HashMap<>();
      for (Report report : reports) {
        report.prepared().forEach((sink, bytes) -> prepared.computeIfAbsent(sink, name -> new ArrayList<>()).add(bytes));
      }
      commit(committers, prepared);
      figures.take(reports.toArray(new Report[0]));
    }
  }

  private static void commit(Committers committers, Map<String, List<byte[]>> prepared) throws InterruptedException {
    for (int tries = 1; ; tries++) {
      try {
        committers.commit(1, prepared);
        return;
      } catch (RepeatingException error) {
        throw error;
      } catch (WeirException error) {
        if (tries == COMMITS_MAX) {
          throw error;
        }
        LOG.warn("cannot commit; trying again", error);
        Thread.sleep(COMMIT_PAUSE_MS);
      }
    }
  }
}
