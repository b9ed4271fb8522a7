package io.weir.spark;

import java.util.ArrayDeque;

/** When a job that has failed is started again, as {@code [restart]} of the pipeline says: as in Weir's own engine. */
final class Restarts {
  private final Plan.Restart settings;
  private final ArrayDeque<Long> failures = new ArrayDeque<>();
  private int streak;

  Restarts(Plan.Restart settings) {
    this.settings = settings;
  }

  /** The job has failed; how long to wait, in milliseconds. Negative: it has failed too often. */
  long onFailure(long nowMs) {
    boolean isQuiet = failures.isEmpty() || nowMs - failures.getLast() >= settings.periodMs();
    streak = isQuiet ? 0 : streak + 1;
    while (!failures.isEmpty() && nowMs - failures.getFirst() >= settings.periodMs()) {
      failures.removeFirst();
    }
    failures.addLast(nowMs);
    if (failures.size() > settings.failuresMax()) {
      return -1;
    }
    double delay = settings.delayMs() * Math.pow(2, streak);
    return (long) Math.min(delay, settings.delayMaxMs());
  }
}
