package io.weir.spark;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.weir.bridge.Native;
import io.weir.bridge.WeirException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What components log, in Spark's log: the logger of a step is {@code io.weir.operator.STEP}. Lines wait for the end of a task. With the
 * property {@code weir.log=stderr} they go to the standard error at once.
 */
final class GuestLog {
  private static final String PREFIX = "io.weir.operator.";
  private static final boolean IS_KEPT = !"stderr".equals(System.getProperty("weir.log"));
  private static final ObjectMapper JSON = new ObjectMapper();

  private GuestLog() {}

  /** Takes the lines of all tasks of this process. */
  static void take() {
    String lines = IS_KEPT ? Native.lines() : null;
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
