package io.weir.flink;

import io.weir.bridge.BundleSource;
import io.weir.bridge.Native;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.flink.api.common.InvalidProgramException;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.WebOptions;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * Runs pipelines on a cluster in this process, for tests. It prints {@code {"rest": "URL"}}, then reads requests, one JSON object
 * per line, and prints an answer for each:
 *
 * <ul>
 *   <li>{@code pipeline}: the path of a pipeline file; {@code set}: overrides; {@code flink}: keys of Flink's configuration
 *   <li>{@code fail_at}: how many elements must have passed between chains before a task fails, in ascending order
 *   <li>{@code other}: instead of all that, the name of a job that has nothing to do with Weir
 *   <li>{@code savepoint_at}: after how many the job is stopped with a savepoint in {@code savepoint_dir}; {@code drain}
 * </ul>
 *
 * An answer has {@code ok}, {@code error}, {@code failures}, {@code elements}, {@code savepoint}, {@code wall_ms} and {@code cpu_ms}.
 */
public final class Trial {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long POLL_MS = 2;
  private static final int SLOTS = 16;
  private static final long JOB_SECONDS_MAX = 300;

  /** A minute. */
  private static final int REMOTE_TRIES = 30_000;

  private static final AtomicLong SEEN = new AtomicLong();
  private static final AtomicLong FAILURES = new AtomicLong();
  private static volatile long[] failAt = {};

  private Trial() {}

  /** Fails when so many elements have passed, over all subtasks. */
  private static final class FailAt implements MapFunction<WeirElement, WeirElement> {
    private static final long serialVersionUID = 1L;

    @Override
    public WeirElement map(WeirElement element) {
      long seen = SEEN.incrementAndGet();
      for (long at : failAt) {
        if (seen == at) {
          FAILURES.incrementAndGet();
          throw new IllegalStateException("injected at element " + seen);
        }
      }
      return element;
    }
  }

  public static void main(String[] arguments) throws Exception {
    // What the job prints must not mix with the answers.
    PrintStream answers = System.out;
    System.setOut(System.err);
    Configuration cluster = new Configuration();
    cluster.set(RestOptions.BIND_PORT, "0");
    // Clusters of one machine would share the folder of uploaded jars.
    cluster.set(WebOptions.TMP_DIR, Files.createTempDirectory("weir-trial-").toString());
    for (String argument : arguments) {
      String[] pair = argument.split("=", 2);
      cluster.setString(pair[0], pair[1]);
    }
    var settings =
        new MiniClusterConfiguration.Builder()
            .setConfiguration(cluster)
            .setNumTaskManagers(1)
            .setNumSlotsPerTaskManager(SLOTS)
            .build();
    try (MiniCluster mini = new MiniCluster(settings)) {
      mini.start();
      int port = mini.getRestAddress().get().getPort();
      answers.println(JSON.createObjectNode().put("rest", "http://localhost:" + port));
      var requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      for (String line = requests.readLine(); line != null; line = requests.readLine()) {
        ObjectNode answer = JSON.createObjectNode();
        try {
          run(JSON.readTree(line), port, answer);
          answer.put("ok", true);
        } catch (Exception error) {
          answer.put("ok", false).put("error", causes(error));
        }
        answer.put("failures", FAILURES.get()).put("elements", SEEN.get());
        answers.println(answer);
      }
    }
  }

  private static void run(JsonNode request, int port, ObjectNode answer) throws Exception {
    SEEN.set(0);
    FAILURES.set(0);
    List<Long> fail = new ArrayList<>();
    request.path("fail_at").forEach(at -> fail.add(at.asLong()));
    failAt = fail.stream().mapToLong(Long::longValue).toArray();
    List<String> set = new ArrayList<>();
    request.path("set").forEach(pair -> set.add(pair.asText()));
    Configuration flink = new Configuration();
    if (request.has("other")) {
      var environment = remote(port, flink);
      environment.fromSequence(1, 10).sinkTo(new DiscardingSink<>());
      environment.execute(request.path("other").asText());
      return;
    }
    JsonNode settings = request.path("flink");
    settings.fieldNames().forEachRemaining(key -> flink.setString(key, settings.path(key).asText()));
    long cpu = cpuMs();
    long start = System.nanoTime();
    Path file = Files.createTempFile("weir-bundle-", "");
    Files.write(file, Native.bundle(request.path("pipeline").asText(), set.toArray(new String[0])));
    var bundle = new BundleSource(file.toString());
    var environment = remote(port, flink);
    Plan plan = WeirJob.prepare(environment, bundle, Trial::failing);
    JobClient job = environment.executeAsync(plan.name());
    try {
      if (request.has("savepoint_at")) {
        awaitElements(job, request.path("savepoint_at").asLong());
        answer.put("savepoint", stop(job, request.path("drain").asBoolean(), request.path("savepoint_dir").asText()));
      }
      job.getJobExecutionResult().get(JOB_SECONDS_MAX, TimeUnit.SECONDS);
    } finally {
      answer.put("wall_ms", (System.nanoTime() - start) / 1_000_000).put("cpu_ms", cpuMs() - cpu);
      if (!job.getJobStatus().get().isGloballyTerminalState()) {
        job.cancel().get();
      }
      Files.delete(file);
    }
  }

  /**
   * Through HTTP, as to a cluster. Flink allows none while it makes a job of an uploaded jar in this process, as other tests have it do
   * meanwhile.
   */
  private static StreamExecutionEnvironment remote(int port, Configuration flink) throws InterruptedException {
    for (int tries = 1; ; tries++) {
      try {
        return StreamExecutionEnvironment.createRemoteEnvironment("localhost", port, flink);
      } catch (InvalidProgramException error) {
        if (tries == REMOTE_TRIES) {
          throw error;
        }
        Thread.sleep(POLL_MS);
      }
    }
  }

  /** Stops it with a savepoint as soon as all its tasks run. */
  private static String stop(JobClient job, boolean drain, String folder) throws Exception {
    while (true) {
      try {
        return job.stopWithSavepoint(drain, folder, SavepointFormatType.CANONICAL).get(JOB_SECONDS_MAX, TimeUnit.SECONDS);
      } catch (ExecutionException error) {
        if (!causes(error).contains("Not all required tasks are currently running")
            || job.getJobStatus().get().isGloballyTerminalState()) {
          throw new IllegalStateException("no savepoint of a job that is " + job.getJobStatus().get(), error);
        }
        Thread.sleep(POLL_MS);
      }
    }
  }

  private static DataStream<WeirElement> failing(DataStream<WeirElement> edge) {
    return edge.map(new FailAt()).returns(PlainType.ELEMENT).name("fail").setParallelism(edge.getParallelism());
  }

  private static void awaitElements(JobClient job, long elements) throws Exception {
    while (SEEN.get() < elements) {
      if (job.getJobStatus().get().isGloballyTerminalState()) {
        throw new IllegalStateException("the job was done after " + SEEN.get() + " elements");
      }
      Thread.sleep(POLL_MS);
    }
  }

  /** What each cause says that the ones before have not said. */
  static String causes(Throwable error) {
    StringBuilder text = new StringBuilder();
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      String message = cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
      if (text.indexOf(message) < 0) {
        text.append(text.length() == 0 ? "" : "\n  because ").append(message);
      }
    }
    return text.toString();
  }

  private static long cpuMs() {
    var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    return system.getProcessCpuTime() / 1_000_000;
  }
}
