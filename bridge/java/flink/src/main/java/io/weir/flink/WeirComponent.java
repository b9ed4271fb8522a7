package io.weir.flink;

import io.weir.bridge.WeirException;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import org.apache.flink.api.java.typeutils.RowTypeInfo;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonProcessingException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.types.Row;

/**
 * A component of Weir as a step of a Flink program: what {@link WeirTransform}, {@link WeirKeyed} and {@link WeirWindow} have in common.
 *
 * <p>Rows need names and types ({@code Types.ROW_NAMED}). Their timestamps are the event times that the component sees; without any it sees
 * the clock's.
 *
 * @param <T> the class itself
 */
public abstract class WeirComponent<T extends WeirComponent<T>> implements Serializable {
  private static final long serialVersionUID = 1L;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final byte[] component;
  private final String name;
  private String config = "{}";
  private String limits = "{}";
  private String onError = "fail";
  private int batchRows = 1024;
  private long lingerMs = 10;

  WeirComponent(byte[] component, String name) {
    this.component = component;
    this.name = name;
  }

  /** As another one is now, which may be changed and applied again. */
  WeirComponent(WeirComponent<?> other, String name) {
    this(other.component, name);
    this.config = other.config;
    this.limits = other.limits;
    this.onError = other.onError;
    this.batchRows = other.batchRows;
    this.lingerMs = other.lingerMs;
  }

  static byte[] read(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException error) {
      throw new WeirException("cannot read the component " + file, error);
    }
  }

  abstract T self();

  /** What the component is configured with: values that JSON can say. */
  public T config(Map<String, ?> config) {
    this.config = json("config", config);
    return self();
  }

  /** As {@code limits} of an operator in a pipeline file: {@code call-time}, {@code memory} and the others. */
  public T limits(Map<String, ?> limits) {
    this.limits = json("limits", limits);
    return self();
  }

  /**
   * What happens to a row that the component refuses or that makes it trap: {@code fail}, {@code skip}, or {@code dead-letter}, which is then
   * an output with the reason in a column {@code error}.
   */
  public T onError(String onError) {
    this.onError = Objects.requireNonNull(onError, "onError");
    return self();
  }

  /**
   * How many rows the component gets in a call, at most, and how long a row waits for others: with keys or windows once before rows are divided by
   * key, and once behind that.
   */
  public T batch(int rows, Duration linger) {
    if (rows < 1 || linger.isNegative()) {
      throw new WeirException("a batch has at least one row, and no row waits for less than nothing");
    }
    batchRows = rows;
    lingerMs = linger.toMillis();
    return self();
  }

  static RowTypeInfo rowType(DataStream<Row> stream) {
    if (stream.getType() instanceof RowTypeInfo type) {
      return type;
    }
    throw new WeirException(
        "the rows of the stream are " + stream.getType() + ", without names and types of columns: say them with"
            + " .returns(Types.ROW_NAMED(names, types))");
  }

  byte[] bytes() {
    return component;
  }

  /** As the native library takes them. */
  final String options() {
    try {
      ObjectNode options = JSON.createObjectNode().put("name", name).put("on-error", onError);
      options.set("config", JSON.readTree(config));
      options.set("limits", JSON.readTree(limits));
      addOptions(options);
      return options.toString();
    } catch (JsonProcessingException error) {
      throw new WeirException("options are no JSON", error);
    }
  }

  void addOptions(ObjectNode options) throws JsonProcessingException {}

  int batchRows() {
    return batchRows;
  }

  long lingerMs() {
    return lingerMs;
  }

  static String json(String what, Object value) {
    try {
      return JSON.writeValueAsString(value);
    } catch (JsonProcessingException error) {
      throw new WeirException(what + " must be what JSON can say", error);
    }
  }
}
