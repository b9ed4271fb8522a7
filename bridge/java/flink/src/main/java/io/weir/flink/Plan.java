package io.weir.flink;

import io.weir.bridge.WeirException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonProcessingException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

/** What of a pipeline's plan the job is built from. */
record Plan(
    String name,
    Map<String, String> labels,
    String fingerprint,
    int keyGroups,
    long lingerMs,
    JsonNode checkpoint,
    JsonNode restart,
    List<String> refusals,
    List<Chain> chains,
    List<Edge> edges) {

  /** A chain of steps: one operator of Flink. */
  record Chain(
      int index, String name, List<String> steps, int parallelism, boolean isSource, List<Integer> inputs, List<Integer> outputs,
      List<String> sinks) {}

  /** How rows get from one chain to another. */
  record Edge(int index, int from, int to, boolean isForward) {}

  static Plan read(String json) {
    JsonNode root;
    try {
      root = new ObjectMapper().readTree(json);
    } catch (JsonProcessingException error) {
      throw new WeirException("the plan is no JSON", error);
    }
    List<Chain> chains = new ArrayList<>();
    for (JsonNode chain : root.path("chains")) {
      chains.add(
          new Chain(
              chains.size(),
              chain.path("name").asText(),
              texts(chain.path("steps")),
              chain.path("parallelism").asInt(),
              chain.path("source").asBoolean(),
              numbers(chain.path("inputs")),
              numbers(chain.path("outputs")),
              texts(chain.path("sinks"))));
    }
    List<Edge> edges = new ArrayList<>();
    for (JsonNode edge : root.path("edges")) {
      edges.add(
          new Edge(
              edges.size(),
              edge.path("from").asInt(),
              edge.path("to").asInt(),
              edge.path("partitioning").asText().equals("forward")));
    }
    return new Plan(
        root.path("name").asText(),
        labels(root),
        root.path("fingerprint").asText(),
        root.path("key_groups").asInt(),
        root.path("linger_ms").asLong(),
        root.path("checkpoint"),
        root.path("restart"),
        texts(root.path("refusals")),
        chains,
        edges);
  }

  /** What Flink shows of the job: that it is Weir's, and what runs. */
  private static Map<String, String> labels(JsonNode root) {
    Map<String, String> labels = new TreeMap<>();
    labels.put("weir.version", root.path("weir").asText());
    labels.put("weir.digest", root.path("digest").asText());
    for (JsonNode component : root.path("components")) {
      String what = component.path("name").asText() + " " + component.path("digest").asText();
      component.path("operators").forEach(operator -> labels.put("weir.component." + operator.asText(), what));
    }
    return labels;
  }

  private static List<Integer> numbers(JsonNode array) {
    List<Integer> numbers = new ArrayList<>();
    array.forEach(number -> numbers.add(number.asInt()));
    return numbers;
  }

  private static List<String> texts(JsonNode array) {
    List<String> texts = new ArrayList<>();
    array.forEach(text -> texts.add(text.asText()));
    return texts;
  }
}
