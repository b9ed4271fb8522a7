package io.weir.flink;

import io.weir.bridge.WeirException;
import java.nio.file.Path;
import java.util.Map;
import org.apache.flink.api.java.typeutils.RowTypeInfo;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonProcessingException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.types.Row;

/**
 * A component of Weir that keeps state per key, as a step of a Flink program:
 *
 * <pre>{@code
 * var levels = WeirKeyed.of("level.wasm").keys("bidder").config(Map.of("gold-from", 100)).apply("level", bids);
 * levels.main().uid("level");
 * }</pre>
 *
 * Its state is in Flink's checkpoints and savepoints, by key group: it resumes at another parallelism, and a newer version of the component
 * reads it. Flink's watermarks and clock fire its timers. What does not fit is refused by {@link #apply}, on the client.
 */
public final class WeirKeyed extends WeirComponent<WeirKeyed> {
  private static final long serialVersionUID = 1L;
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int KEY_GROUPS = 128;

  private String[] keys = {};
  private String ttl = "null";
  private int keyGroups = KEY_GROUPS;

  private WeirKeyed(byte[] component, String name) {
    super(component, name);
  }

  private WeirKeyed(WeirKeyed other, String name) {
    super(other, name);
    this.keys = other.keys;
    this.ttl = other.ttl;
    this.keyGroups = other.keyGroups;
  }

  /** The component in a file of the client; it goes to the tasks with the job. */
  public static WeirKeyed of(String file) {
    Path path = Path.of(file);
    return new WeirKeyed(read(path), path.getFileName().toString());
  }

  public static WeirKeyed of(byte[] component) {
    return new WeirKeyed(component.clone(), "component");
  }

  @Override
  WeirKeyed self() {
    return this;
  }

  /** The columns of the key. */
  public WeirKeyed keys(String... columns) {
    keys = columns.clone();
    return this;
  }

  /** As {@code ttl} of an operator in a pipeline file: {@code Map.of("after", "1h")}. */
  public WeirKeyed ttl(Map<String, ?> ttl) {
    this.ttl = json("ttl", ttl);
    return this;
  }

  /** How many key groups there are, which is the greatest parallelism. It cannot change while there is state. */
  public WeirKeyed keyGroups(int groups) {
    keyGroups = groups;
    return this;
  }

  /**
   * The rows of a stream through the component. Rows of a key keep the order in which one subtask of the stream has them.
   *
   * @throws WeirException if the component cannot run over the columns of the stream, or there are no keys
   */
  public WeirStreams apply(String name, DataStream<Row> stream) {
    RowTypeInfo type = rowType(stream);
    WeirKeyed applied = new WeirKeyed(this, name);
    if (keys.length == 0) {
      throw new WeirException(name + " keeps state per key, and no key was given: name its columns with keys(..)");
    }
    try (OpenComponent component = OpenComponent.open(applied, type)) {
      var outputs = component.outputs();
      var rows = KeyGroupOperator.partition(applied, name + " key groups", type, stream);
      SingleOutputStreamOperator<Row> main = rows.transform(name, outputs.get(0).type(), new KeyedRowOperator(applied, type));
      NoKey.state(main).setMaxParallelism(keyGroups);
      return new WeirStreams(name, main, outputs);
    }
  }

  @Override
  void addOptions(ObjectNode options) throws JsonProcessingException {
    for (String key : keys) {
      options.withArray("keys").add(key);
    }
    options.set("ttl", JSON.readTree(ttl));
    options.put("key-groups", keyGroups);
  }

  int keyGroups() {
    return keyGroups;
  }

  RowColumns keyColumns(RowTypeInfo type) {
    RowColumns columns = RowColumns.of(type);
    int[] picked = new int[keys.length];
    for (int key = 0; key < keys.length; key++) {
      picked[key] = columns.index(keys[key]);
    }
    return columns.pick(picked);
  }
}
