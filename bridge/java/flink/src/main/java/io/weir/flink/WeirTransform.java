package io.weir.flink;

import io.weir.bridge.Native;
import io.weir.bridge.WeirException;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.flink.api.java.typeutils.RowTypeInfo;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonProcessingException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SideOutputDataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.types.Row;

/**
 * A component of Weir that keeps nothing between rows, as a step of a Flink program:
 *
 * <pre>{@code
 * var classified = WeirTransform.of("classify.wasm").config(Map.of("late-after-minutes", 15)).onError("dead-letter")
 *     .apply("classify", flights);
 * classified.main().print();
 * classified.side("dead-letter").print();
 * }</pre>
 *
 * Rows need names and types ({@code Types.ROW_NAMED}). Their timestamps are the event times that the component sees; without any it sees
 * the clock's. What does not fit is refused by {@link #apply}, on the client.
 */
public final class WeirTransform implements Serializable {
  private static final long serialVersionUID = 1L;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final byte[] component;
  private final String name;
  private String config = "{}";
  private String limits = "{}";
  private String onError = "fail";
  private int batchRows = 1024;
  private long lingerMs = 10;

  private WeirTransform(byte[] component, String name) {
    this.component = component;
    this.name = name;
  }

  /** The component in a file of the client; it goes to the tasks with the job. */
  public static WeirTransform of(String file) {
    Path path = Path.of(file);
    try {
      return new WeirTransform(Files.readAllBytes(path), path.getFileName().toString());
    } catch (IOException error) {
      throw new WeirException("cannot read the component " + path, error);
    }
  }

  public static WeirTransform of(byte[] component) {
    return new WeirTransform(component.clone(), "component");
  }

  /** What the component is configured with: values that JSON can say. */
  public WeirTransform config(Map<String, ?> config) {
    this.config = json("config", config);
    return this;
  }

  /** As {@code limits} of an operator in a pipeline file: {@code call-time}, {@code memory} and the others. */
  public WeirTransform limits(Map<String, ?> limits) {
    this.limits = json("limits", limits);
    return this;
  }

  /**
   * What happens to a row that the component refuses or that makes it trap: {@code fail}, {@code skip}, or {@code dead-letter}, which is then
   * an output with the reason in a column {@code error}.
   */
  public WeirTransform onError(String onError) {
    this.onError = Objects.requireNonNull(onError, "onError");
    return this;
  }

  /** How many rows the component gets in a call, at most, and how long a row waits for others. */
  public WeirTransform batch(int rows, Duration linger) {
    if (rows < 1 || linger.isNegative()) {
      throw new WeirException("a batch has at least one row, and no row waits for less than nothing");
    }
    batchRows = rows;
    lingerMs = linger.toMillis();
    return this;
  }

  /**
   * The rows of a stream through the component.
   *
   * @throws WeirException if the component cannot run over the columns of the stream
   */
  public Streams apply(String name, DataStream<Row> stream) throws Exception {
    if (!(stream.getType() instanceof RowTypeInfo type)) {
      throw new WeirException(
          "the rows of the stream are " + stream.getType() + ", without names and types of columns: say them with"
              + " .returns(Types.ROW_NAMED(names, types))");
    }
    WeirTransform applied = named(name);
    long handle = applied.open(RowColumns.of(type));
    List<RowOperator.Output> outputs;
    try {
      outputs = RowOperator.outputs(handle);
    } finally {
      Native.closeOperator(handle);
    }
    return new Streams(name, stream.transform(name, outputs.get(0).columns().type(), new RowOperator(applied, type)), outputs);
  }

  /** As it is now: it may be changed and applied again. */
  private WeirTransform named(String name) {
    WeirTransform copy = new WeirTransform(component, name);
    copy.config = config;
    copy.limits = limits;
    copy.onError = onError;
    copy.batchRows = batchRows;
    copy.lingerMs = lingerMs;
    return copy;
  }

  /** What a component gives out. */
  public static final class Streams {
    private final String name;
    private final SingleOutputStreamOperator<Row> main;
    private final List<RowOperator.Output> outputs;

    private Streams(String name, SingleOutputStreamOperator<Row> main, List<RowOperator.Output> outputs) {
      this.name = name;
      this.main = main;
      this.outputs = outputs;
    }

    /** The main output, of which parallelism and the like can be set. */
    public SingleOutputStreamOperator<Row> main() {
      return main;
    }

    /** A side output of the component, or {@code dead-letter}. */
    public SideOutputDataStream<Row> side(String output) {
      List<String> sides = outputs.stream().skip(1).map(RowOperator.Output::name).toList();
      if (!sides.contains(output)) {
        String hint = "dead-letter".equals(output) ? "; with onError(\"dead-letter\") it has that one" : "";
        throw new WeirException(name + " has no side output " + output + "; it has " + sides + hint);
      }
      return main.getSideOutput(outputs.get(1 + sides.indexOf(output)).tag());
    }
  }

  /** A handle of the native library. */
  long open(RowColumns columns) throws JsonProcessingException {
    var options = JSON.createObjectNode().put("name", name).put("on-error", onError);
    options.set("config", JSON.readTree(config));
    options.set("limits", JSON.readTree(limits));
    return Native.openOperator(component, options.toString(), columns.describe());
  }

  int batchRows() {
    return batchRows;
  }

  long lingerMs() {
    return lingerMs;
  }

  private static String json(String what, Map<String, ?> value) {
    try {
      return JSON.writeValueAsString(value);
    } catch (JsonProcessingException error) {
      throw new WeirException(what + " must be what JSON can say", error);
    }
  }
}
