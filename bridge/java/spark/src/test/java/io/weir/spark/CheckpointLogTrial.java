package io.weir.spark;

import io.weir.bridge.RepeatingException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.hadoop.conf.Configuration;

/** Two drivers over one folder of checkpoints. */
final class CheckpointLogTrial {
  /** How often a driver takes the job over from one that runs. */
  private static final int TAKEOVERS = 10;

  /** How many micro-batches that one completes meanwhile: fewer than a driver that takes over tries. */
  private static final int MICRO_BATCHES = 5;

  private final Path folder;
  private final Configuration hadoop;

  CheckpointLogTrial(String folder, Configuration hadoop) {
    this.folder = Path.of(folder);
    this.hadoop = hadoop;
  }

  void run() throws Exception {
    replacedDriverCompletesNothing();
    takeoverSucceedsWhileMicroBatchesComplete();
  }

  /** The newer driver has completed several micro-batches, and removed the entry that replaced the older driver. */
  private void replacedDriverCompletesNothing() throws IOException {
    CheckpointLog older = log("replaced", "older");
    older.begin();
    complete(older, 1);
    CheckpointLog newer = log("replaced", "newer");
    check(newer.begin() == 3 && newer.last().number() == 1 && newer.attempt() == 0, "the newer driver resumes");
    for (long number = 2; number <= 4; number++) {
      complete(newer, number);
    }
    Path entry = folder.resolve("replaced/log/000000000003");
    check(Files.notExists(entry), "the entry of the newer run is removed");
    checkReplaced(() -> older.complete(checkpoint(2)));
    check(Files.notExists(entry), "the older driver leaves no entry");
    checkReplaced(older::begin);
    complete(newer, 5);
    check(newer.begin() == 8 && newer.last().number() == 5, "the newer driver resumes from its own checkpoint");
    check(newer.begin() == 9 && newer.attempt() == 1, "a second run from one checkpoint has another number");
  }

  private void takeoverSucceedsWhileMicroBatchesComplete() throws Exception {
    ExecutorService threads = Executors.newSingleThreadExecutor();
    try {
      for (int takeover = 0; takeover < TAKEOVERS; takeover++) {
        CheckpointLog running = log("taken-over", "running-" + takeover);
        running.begin();
        long begun = running.last().number();
        Future<Long> completed = threads.submit(() -> completeSome(running, begun));
        CheckpointLog next = log("taken-over", "next-" + takeover);
        next.begin();
        check(next.last().number() == completed.get(), "the next driver resumes from the last that the one before it has completed");
        checkReplaced(() -> running.complete(checkpoint(next.last().number() + 1)));
      }
    } finally {
      threads.shutdownNow();
    }
  }

  /** Gives the last that is complete: fewer, if another driver has begun. */
  private static long completeSome(CheckpointLog log, long begun) throws IOException {
    for (long number = begun + 1; number <= begun + MICRO_BATCHES; number++) {
      try {
        complete(log, number);
      } catch (RepeatingException replaced) {
        return number - 1;
      }
    }
    return begun + MICRO_BATCHES;
  }

  private CheckpointLog log(String name, String driver) throws IOException {
    return new CheckpointLog(folder.resolve(name).toString(), hadoop, driver);
  }

  private static void complete(CheckpointLog log, long number) throws IOException {
    log.complete(checkpoint(number));
    log.clean();
  }

  private static Checkpoint checkpoint(long number) {
    return new Checkpoint(number, List.of(), Map.of(), false);
  }

  private interface Action {
    void run() throws IOException;
  }

  private static void checkReplaced(Action action) throws IOException {
    try {
      action.run();
    } catch (RepeatingException replaced) {
      check(replaced.getMessage().startsWith("another driver runs this job now"), replaced.getMessage());
      return;
    }
    check(false, "an older driver has gone through");
  }

  private static void check(boolean holds, String what) {
    if (!holds) {
      throw new IllegalStateException("not so: " + what);
    }
  }
}
