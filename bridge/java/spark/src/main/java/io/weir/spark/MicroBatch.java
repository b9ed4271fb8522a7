package io.weir.spark;

import io.weir.bridge.WeirException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaFutureAction;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaSparkContext;

/** Runs all subtasks once, stage by stage: a job of Spark with a shuffle between stages. */
final class MicroBatch {
  /** How often it is looked whether an executor is lost. */
  private static final long LOOK_MS = 200;

  /** How long a job that was cancelled may take to end. */
  private static final long CANCEL_MS = 10_000;

  private MicroBatch() {}

  /**
   * Gives what all subtasks report that are run.
   *
   * @param locations by subtask, where it is in memory; null: it is not open yet
   */
  static List<Report> run(JavaSparkContext spark, Layout layout, Turn turn, String[] locations, LostExecutors lost)
      throws ExecutionException, InterruptedException {
    var numbers = IntStream.range(0, layout.stage(0).size()).boxed().toList();
    JavaPairRDD<Address, byte[]> sent =
        spark.parallelize(numbers, numbers.size()).flatMapToPair(number -> List.<scala.Tuple2<Address, byte[]>>of().iterator());
    for (int stage = 0; stage < layout.stages(); stage++) {
      int runs = stage;
      if (stage > 0) {
        sent = sent.repartitionAndSortWithinPartitions(new ToStage(layout, stage));
      }
      List<String> places = layout.stage(stage).stream().map(subtask -> locations[subtask]).toList();
      sent =
          AtLocations.of(sent, places)
              .mapPartitionsToPair(
                  input -> {
                    TaskContext context = TaskContext.get();
                    int subtask = turn.run().value().layout().stage(runs).get(context.partitionId());
                    return new SubtaskTurn(turn, subtask, input, context);
                  });
    }
    var reports = sent.filter(element -> element._1().target() == Address.DRIVER).values().collectAsync();
    List<Report> decoded = new ArrayList<>();
    try {
      await(reports, locations, lost).forEach(report -> decoded.add(Report.decode(report)));
    } finally {
      // Else they stay until the driver's garbage is collected.
      if (hasEnded(reports)) {
        sent.rdd().cleanShuffleDependencies(false);
      }
    }
    return decoded;
  }

  /** Waits for a job that was cancelled: files of a shuffle must not be removed while its tasks add some. */
  private static boolean hasEnded(JavaFutureAction<?> result) throws InterruptedException {
    try {
      result.get(CANCEL_MS, TimeUnit.MILLISECONDS);
      return true;
    } catch (ExecutionException | CancellationException failed) {
      return true;
    } catch (TimeoutException runs) {
      return false;
    }
  }

  private static <T> T await(JavaFutureAction<T> result, String[] locations, LostExecutors lost)
      throws ExecutionException, InterruptedException {
    try {
      while (true) {
        try {
          return result.get(LOOK_MS, TimeUnit.MILLISECONDS);
        } catch (TimeoutException runs) {
          if (lost.had(locations)) {
            throw new WeirException("an executor is lost that had subtasks in its memory");
          }
        }
      }
    } finally {
      result.cancel(true);
    }
  }
}
