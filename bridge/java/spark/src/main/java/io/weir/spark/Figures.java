package io.weir.spark;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.weir.bridge.WeirException;
import java.util.LinkedHashMap;
import java.util.Map;

/** What the steps of a job have counted in micro-batches that are complete, over all runs of this driver. */
final class Figures {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Map<String, Map<String, Long>> ofEarlierRuns = new LinkedHashMap<>();
  private Report[] newest = {};

  /** A run has completed a micro-batch: what all subtasks have reported last. */
  void take(Report[] reports) {
    newest = reports.clone();
  }

  /** Another run begins to count. */
  void nextRun() {
    Map<String, Map<String, Long>> all = steps();
    ofEarlierRuns.clear();
    ofEarlierRuns.putAll(all);
    newest = new Report[0];
  }

  /** By step and count, such as {@code rows-in}. */
  Map<String, Map<String, Long>> steps() {
    Map<String, Map<String, Long>> steps = new LinkedHashMap<>();
    ofEarlierRuns.forEach((step, counts) -> steps.put(step, new LinkedHashMap<>(counts)));
    for (Report report : newest) {
      for (JsonNode step : read(report.figures()).path("steps")) {
        var counts = steps.computeIfAbsent(step.path("name").asText(), name -> new LinkedHashMap<>());
        for (var count : step.properties()) {
          if (count.getValue().isIntegralNumber()) {
            counts.merge(count.getKey(), count.getValue().asLong(), Long::sum);
          }
        }
      }
    }
    return steps;
  }

  private static JsonNode read(String figures) {
    try {
      return JSON.readTree(figures);
    } catch (JsonProcessingException error) {
      throw new WeirException("figures are no JSON", error);
    }
  }
}
