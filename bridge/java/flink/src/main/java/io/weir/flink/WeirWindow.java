package io.weir.flink;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonProcessingException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * A component of Weir that aggregates, in windows of Weir, as a step of a Flink program:
 *
 * <pre>{@code
 * var medians = WeirWindow.of("quantile.wasm", "price").config(Map.of("q", 0.5)).as("median").aggregate("bids", "count")
 *     .keys("bidder").window(Map.of("tumbling", "1h")).set("allowed-lateness", "10m")
 *     .apply("medians", bids);
 * medians.main().uid("medians");
 * medians.side("late").print();
 * }</pre>
 *
 * Windows are those of {@code [windows.NAME]} in a pipeline file that a component aggregates: tumbling, sliding and session windows, with
 * {@code allowed-lateness} and {@code limits}, and without triggers and the other keys. They end by Flink's watermarks. Without keys one subtask
 * has the windows of all rows.
 */
public final class WeirWindow extends WeirStateful<WeirWindow> {
  private static final long serialVersionUID = 1L;
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Keys of a window in a pipeline file that a method of their own sets here. */
  private static final Map<String, String> METHODS =
      Map.of("input", "apply", "key-by", "keys", "on-error", "onError", "aggregates", "aggregate");

  private final String[] columns;
  private String aggregate = "result";
  private final LinkedHashMap<String, String> aggregates;
  private final LinkedHashMap<String, String> settings;

  private WeirWindow(byte[] component, String name, String[] columns) {
    super(component, name);
    this.columns = columns;
    this.aggregates = new LinkedHashMap<>();
    this.settings = new LinkedHashMap<>();
  }

  private WeirWindow(WeirWindow other, String name) {
    super(other, name);
    this.columns = other.columns;
    this.aggregate = other.aggregate;
    this.aggregates = new LinkedHashMap<>(other.aggregates);
    this.settings = new LinkedHashMap<>(other.settings);
  }

  /** The component in a file of the client, and the columns that it aggregates. */
  public static WeirWindow of(String file, String... columns) {
    Path path = Path.of(file);
    return new WeirWindow(read(path), path.getFileName().toString(), columns.clone());
  }

  public static WeirWindow of(byte[] component, String... columns) {
    return new WeirWindow(component.clone(), "component", columns.clone());
  }

  /** What the results of the component are called: {@code result} by default. */
  public WeirWindow as(String name) {
    aggregate = name;
    return this;
  }

  /** Another aggregate, as in a pipeline file: {@code "count"}, {@code Map.of("sum", "price")}. */
  public WeirWindow aggregate(String name, Object aggregate) {
    aggregates.put(name, json("aggregate", aggregate));
    return this;
  }

  /** The windows, as in a pipeline file: {@code Map.of("tumbling", "1h")}, {@code Map.of("session", "30m")}. */
  public WeirWindow window(Map<String, ?> window) {
    return set("window", window);
  }

  /** Another key of a window in a pipeline file: {@code allowed-lateness}, or {@code limits} of its state. */
  public WeirWindow set(String key, Object value) {
    if (METHODS.containsKey(key)) {
      throw new IllegalArgumentException(key + " is not set by its name: call " + METHODS.get(key) + "(..)");
    }
    settings.put(key, json(key, value));
    return this;
  }

  @Override
  WeirWindow self() {
    return this;
  }

  @Override
  WeirWindow named(String name) {
    return new WeirWindow(this, name);
  }

  @Override
  void addOptions(ObjectNode options) throws JsonProcessingException {
    super.addOptions(options);
    ObjectNode window = options.putObject("window");
    for (var setting : settings.entrySet()) {
      window.set(setting.getKey(), JSON.readTree(setting.getValue()));
    }
    ObjectNode named = window.putObject("aggregates");
    for (var other : aggregates.entrySet()) {
      named.set(other.getKey(), JSON.readTree(other.getValue()));
    }
    for (String column : columns) {
      options.withArray("columns").add(column);
    }
    options.put("aggregate", aggregate);
  }
}
