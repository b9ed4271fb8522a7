package io.weir.flink;

import io.weir.bridge.Native;
import io.weir.bridge.WeirException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonProcessingException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

/** What the native side counts, as metrics of Flink: {@code weir.STEP.rows_in} and so on. They are a second old at most. */
final class Figures {
  private static final long PERIOD_NANOS = 1_000_000_000;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final MetricGroup group;
  private final Map<String, AtomicLong> values = new ConcurrentHashMap<>();
  private long refreshedNanos = System.nanoTime() - PERIOD_NANOS;

  Figures(MetricGroup group) {
    this.group = group.addGroup("weir");
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
          value(name, count).set(step.path(count).asLong());
        }
      });
    }
  }

  private AtomicLong value(String step, String name) {
    return values.computeIfAbsent(
        step + "." + name,
        key -> {
          AtomicLong value = new AtomicLong();
          group.addGroup(step).gauge(name, (Gauge<Long>) value::get);
          return value;
        });
  }
}
