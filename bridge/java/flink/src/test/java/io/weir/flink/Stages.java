package io.weir.flink;

import io.weir.bridge.WeirException;
import java.nio.file.Files;
import java.util.List;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.types.Row;

/** Runs a program of a test in stages, each at another parallelism and from the savepoint of the one before. */
final class Stages {
  private static final long POLL_MS = 5;

  /** How long the source takes for all rows that it gives slowly. */
  private static final long SLOW_MS = 40_000;

  private final String backend;

  Stages(String backend) {
    this.backend = backend;
  }

  /** What is done with the rows of the source. */
  interface Program {
    void add(DataStream<Row> rows, boolean isLast);
  }

  StreamExecutionEnvironment environment(int parallelism, String savepoint, int restarts) {
    Configuration flink = new Configuration();
    flink.set(RestOptions.BIND_PORT, "0");
    flink.set(StateBackendOptions.STATE_BACKEND, backend);
    flink.set(RestartStrategyOptions.RESTART_STRATEGY, restarts > 0 ? "fixed-delay" : "none");
    flink.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, restarts);
    if (savepoint != null) {
      flink.set(StateRecoveryOptions.SAVEPOINT_PATH, savepoint);
    }
    var environment = StreamExecutionEnvironment.createLocalEnvironment(parallelism, flink);
    environment.enableCheckpointing(20);
    return environment;
  }

  /** Each stage but the last one ends with a savepoint; in the first one tasks fail so many times. */
  void run(List<Row> rows, TypeInformation<Row> type, int[] parallelisms, int failures, Program program) throws Exception {
    String folder = Files.createTempDirectory("weir-stages-").toString();
    String savepoint = null;
    for (int stage = 0; stage < parallelisms.length; stage++) {
      boolean isLast = stage == parallelisms.length - 1;
      int restarts = stage == 0 ? failures : 0;
      var environment = environment(parallelisms[stage], savepoint, restarts);
      Source.mayStop = false;
      int until = isLast ? rows.size() : rows.size() * (stage + 1) / (parallelisms.length + 1);
      DataStream<Row> source =
          environment
              .fromSequence(0, rows.size() - 1)
              .setParallelism(1)
              .uid("numbers")
              .map(new Source(rows, until, restarts))
              .returns(type)
              .setParallelism(1);
      program.add(source, isLast);
      JobClient job = environment.executeAsync("stage " + stage);
      if (isLast) {
        job.getJobExecutionResult().get();
        return;
      }
      while (!Source.mayStop) {
        if (job.getJobStatus().get().isGloballyTerminalState()) {
          job.getJobExecutionResult().get();
          throw new WeirException("stage " + stage + " has ended before it could be stopped");
        }
        Thread.sleep(POLL_MS);
      }
      savepoint = job.stopWithSavepoint(false, folder, SavepointFormatType.CANONICAL).get();
    }
  }

  /** Gives rows quickly up to one of them, and slowly from there on, so that the job can be stopped long before the end. It never blocks. */
  private static final class Source extends RichMapFunction<Long, Row> implements CheckpointListener {
    private static final long serialVersionUID = 1L;

    /** All tasks run, after all failures, and the quick rows are given. */
    private static volatile boolean mayStop;

    private final List<Row> rows;
    private final int until;
    private final int failures;
    private transient boolean hasCheckpoint;

    private Source(List<Row> rows, int until, int failures) {
      this.rows = rows;
      this.until = until;
      this.failures = failures;
    }

    /** Only when all tasks run is a checkpoint complete. */
    @Override
    public void notifyCheckpointComplete(long checkpoint) {
      hasCheckpoint = true;
    }

    @Override
    public Row map(Long n) throws InterruptedException {
      boolean isSlow = n >= until;
      if (isSlow && hasCheckpoint && getRuntimeContext().getTaskInfo().getAttemptNumber() == failures) {
        mayStop = true;
      }
      if (isSlow || n % 4 == 0) {
        Thread.sleep(isSlow ? SLOW_MS / rows.size() : 1);
      }
      return rows.get(n.intValue());
    }
  }
}
