package io.weir.spark;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.weir.bridge.WeirException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * What of a pipeline's plan a job on Spark is made of.
 *
 * @param intervalMs from one checkpoint to the next; 0: the pipeline makes none
 */
record Plan(
    String name, String fingerprint, long intervalMs, Restart restart, List<String> refusals, List<Chain> chains, List<Edge> edges) {

  /** A chain of steps. */
  record Chain(String name, List<String> steps, int parallelism, boolean isSource, List<Integer> inputs, List<String> sinks)
      implements Serializable {}

  /** How rows get from one chain to another. */
  record Edge(int from, int to) implements Serializable {}

  /** When a job that has failed is started again. */
  record Restart(long delayMs, long delayMaxMs, int failuresMax, long periodMs) {}

  static Plan read(String json) {
    JsonNode root;
    try {
      root = new ObjectMapper().readTree(json);
    } catch (JsonProcessingException error) {
      throw new WeirException("the plan is no JSON", error);
    }
    List<Chain> chains = new ArrayList<>();
    for (JsonNode chain : root.path("chains")) {
      List<Integer> inputs = new ArrayList<>();
      chain.path("inputs").forEach(input -> inputs.add(input.asInt()));
      chains.add(
          new Chain(
              chain.path("name").asText(),
              texts(chain.path("steps")),
              chain.path("parallelism").asInt(),
              chain.path("source").asBoolean(),
              inputs,
              texts(chain.path("sinks"))));
    }
    List<Edge> edges = new ArrayList<>();
    root.path("edges").forEach(edge -> edges.add(new Edge(edge.path("from").asInt(), edge.path("to").asInt())));
    JsonNode restart = root.path("restart");
    return new Plan(
        root.path("name").asText(),
        root.path("fingerprint").asText(),
        root.path("checkpoint").path("interval_ms").asLong(),
        new Restart(
            restart.path("delay_ms").asLong(),
            restart.path("delay_max_ms").asLong(),
            restart.path("failures_max").asInt(),
            restart.path("period_ms").asLong()),
        texts(root.path("refusals")),
        chains,
        edges);
  }

  private static List<String> texts(JsonNode array) {
    List<String> texts = new ArrayList<>();
    array.forEach(text -> texts.add(text.asText()));
    return texts;
  }
}
