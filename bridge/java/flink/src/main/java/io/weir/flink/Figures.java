package io.weir.flink;

import io.weir.bridge.Native;
import io.weir.bridge.WeirException;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.flink.api.common.accumulators.LongCounter;
import org.apache.flink.api.common.functions.RuntimeContext;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonProcessingException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * What the native side counts, as metrics of Flink: {@code weir.STEP.rows-in} and so on. They are a second old at most. Accumulators of the
 * same names have the sums over all subtasks when the job has ended; as metrics, they begin again when a task is started again.
 */
final class Figures {
  private static final long PERIOD_NANOS = 1_000_000_000;
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final String SUMS = "weir.";

  /** What begins so is counted, and can be added up. */
  private static final String ROWS = "rows-";

  private final RuntimeContext task;
  private final MetricGroup group;
  private final Map<String, AtomicLong> values = new ConcurrentHashMap<>();
  private final Map<String, LongCounter> sums = new HashMap<>();
  private long refreshedNanos = System.nanoTime() - PERIOD_NANOS;

  Figures(RuntimeContext task, MetricGroup group) {
    this.task = task;
    this.group = group.addGroup("weir");
  }

  /** The sums of a job that has ended, by step and name. */
  static void write(Map<String, Object> accumulators, ObjectNode told) {
    for (var sum : new TreeMap<>(accumulators).entrySet()) {
      int end = sum.getKey().lastIndexOf('.');
      if (sum.getKey().startsWith(SUMS) && sum.getValue() instanceof Long value) {
        String step = sum.getKey().substring(SUMS.length(), end);
        ObjectNode counts = told.has(step) ? (ObjectNode) told.get(step) : told.putObject(step);
        counts.put(sum.getKey().substring(end + 1), value);
      }
    }
  }

  /** Looks what a subtask has counted, if it has not for a while or it is the last time. */
  void refresh(long handle, boolean isLast) {
    long now = System.nanoTime();
    if (!isLast && now - refreshedNanos < PERIOD_NANOS) {
      return;
    }
    refreshedNanos = now;
    JsonNode figures;
    try {
      figures = JSON.readTree(Native.figures(handle));
    } catch (JsonProcessingException error) {
      throw new WeirException("figures are no JSON", error);
    }
    for (JsonNode step : figures.path("steps")) {
      String name = step.path("name").asText();
      step.fieldNames().forEachRemaining(count -> {
        if (step.path(count).isIntegralNumber()) {
          set(name, count, step.path(count).asLong());
        }
      });
    }
  }

  private void set(String step, String name, long now) {
    long before = value(step, name).getAndSet(now);
    if (sums.containsKey(step + "." + name)) {
      sums.get(step + "." + name).add(now - before);
    }
  }

  private AtomicLong value(String step, String name) {
    return values.computeIfAbsent(
        step + "." + name,
        key -> {
          AtomicLong value = new AtomicLong();
          group.addGroup(step).gauge(name, (Gauge<Long>) value::get);
          if (name.startsWith(ROWS)) {
            sums.put(key, new LongCounter());
            task.addAccumulator(SUMS + key, sums.get(key));
          }
          return value;
        });
  }
}
