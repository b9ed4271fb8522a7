package io.weir.flink;

import io.weir.bridge.Native;
import io.weir.bridge.WeirException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonProcessingException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What components log, in Flink's log: the logger of a step is {@code io.weir.operator.STEP}. Lines wait up to a second, or until rows come
 * again or the task ends. With the property {@code weir.log=stderr} they go to the standard error at once.
 */
final class GuestLog {
  private static final long PERIOD_NANOS = 1_000_000_000;
  private static final String PREFIX = "io.weir.operator.";
  private static final boolean IS_KEPT = !"stderr".equals(System.getProperty("weir.log"));
  private static final ObjectMapper JSON = new ObjectMapper();

  private long takenNanos;

  /** For a task that is about to be opened. */
  GuestLog() {
    take();
  }

  /** Takes the lines of all tasks of this process, if it has not for a while. */
  void takeIfDue() {
    if (IS_KEPT && System.nanoTime() - takenNanos >= PERIOD_NANOS) {
      take();
    }
  }

  /** Takes them now. */
  void take() {
    if (!IS_KEPT) {
      return;
    }
    takenNanos = System.nanoTime();
    String lines = Native.lines();
    if (lines == null) {
      return;
    }
    try {
      for (JsonNode line : JSON.readTree(lines)) {
        Logger logger = LoggerFactory.getLogger(PREFIX + line.path("operator").asText());
        String message = line.path("message").asText();
        switch (line.path("level").asText()) {
          case "error" -> logger.error("{}", message);
          case "warn" -> logger.warn("{}", message);
          case "info" -> logger.info("{}", message);
          case "debug" -> logger.debug("{}", message);
          default -> logger.trace("{}", message);
        }
      }
    } catch (JsonProcessingException error) {
      throw new WeirException("lines are no JSON", error);
    }
  }
}
