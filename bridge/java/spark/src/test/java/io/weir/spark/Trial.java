package io.weir.spark;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.weir.bridge.Native;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.MapOutputTrackerMaster;
import org.apache.spark.SparkEnv;
import org.apache.spark.scheduler.JobSucceeded$;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerJobEnd;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.sql.SparkSession;

/**
 * Runs pipelines on a Spark in this process, for tests. It reads requests, one JSON object per line, and prints an answer for each:
 *
 * <ul>
 *   <li>{@code pipeline}: the path of a pipeline file; {@code set}: overrides
 *   <li>{@code checkpoint_dir}: where checkpoints are; {@code allow_dropped_state}
 *   <li>{@code reads_max}: how many batches each subtask of a source reads in a micro-batch at most
 *   <li>{@code fail_at}: after how many tasks of Spark all that runs is cancelled, in ascending order
 * </ul>
 *
 * An answer has {@code ok}, {@code error}, {@code runs}, {@code tasks}, {@code micro_batches}, {@code steps}, and in {@code shuffles} how many
 * shuffles still have files. With {@code checkpoint_log}, a folder, it is tried how two drivers use one folder of checkpoints.
 */
public final class Trial {
  private static final ObjectMapper JSON = new ObjectMapper();

  private Trial() {}

  /** Cancels what runs when so many tasks have ended, and again with each further task until a job of Spark has failed. */
  private static final class Failing extends SparkListener {
    private final SparkSession spark;
    private final List<Long> failAt = new ArrayList<>();
    private int due;
    long tasks;

    Failing(SparkSession spark, JsonNode failAt) {
      this.spark = spark;
      failAt.forEach(at -> this.failAt.add(at.asLong()));
    }

    @Override
    public synchronized void onTaskEnd(SparkListenerTaskEnd end) {
      tasks++;
      due += failAt.contains(tasks) ? 1 : 0;
      // The job may have ended already, and then it does nothing.
      if (due > 0) {
        spark.sparkContext().cancelAllJobs();
      }
    }

    @Override
    public synchronized void onJobEnd(SparkListenerJobEnd end) {
      if (due > 0 && !(end.jobResult() instanceof JobSucceeded$)) {
        due--;
      }
    }
  }

  public static void main(String[] arguments) throws Exception {
    // What a job prints must not mix with the answers.
    PrintStream answers = System.out;
    System.setOut(System.err);
    try (SparkSession spark = WeirJob.session()) {
      answers.println(JSON.createObjectNode().put("ok", true));
      var requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      for (String line = requests.readLine(); line != null; line = requests.readLine()) {
        ObjectNode answer = JSON.createObjectNode();
        JsonNode request = JSON.readTree(line);
        if (request.has("checkpoint_log")) {
          tryLog(spark, request.path("checkpoint_log").asText(), answer);
        } else {
          run(spark, request, answer);
        }
        answers.println(answer);
      }
    }
  }

  private static void tryLog(SparkSession spark, String folder, ObjectNode answer) {
    try {
      new CheckpointLogTrial(folder, spark.sparkContext().hadoopConfiguration()).run();
      answer.put("ok", true);
    } catch (Exception error) {
      answer.put("ok", false).put("error", error.toString());
    }
  }

  private static void run(SparkSession spark, JsonNode request, ObjectNode answer) {
    List<String> set = new ArrayList<>();
    request.path("set").forEach(pair -> set.add(pair.asText()));
    var failing = new Failing(spark, request.path("fail_at"));
    spark.sparkContext().addSparkListener(failing);
    WeirJob job = null;
    spark.conf().set(StreamRun.READS_MAX, request.path("reads_max").asLong(Long.MAX_VALUE));
    try {
      job = new WeirJob(spark, Native.bundle(request.path("pipeline").asText(), set.toArray(new String[0])));
      String checkpoints = request.path("checkpoint_dir").asText(null);
      job.run(checkpoints, Path.of(checkpoints + "-temporary"), request.path("allow_dropped_state").asBoolean());
      answer.put("ok", true);
    } catch (Exception error) {
      answer.put("ok", false).put("error", WeirJob.causes(error));
    }
    spark.sparkContext().removeSparkListener(failing);
    var shuffles = (MapOutputTrackerMaster) SparkEnv.get().mapOutputTracker();
    answer.put("tasks", failing.tasks).put("shuffles", shuffles.shuffleStatuses().size());
    if (job != null) {
      answer.put("runs", job.runs()).put("micro_batches", job.microBatches()).putPOJO("steps", job.steps());
    }
  }
}
