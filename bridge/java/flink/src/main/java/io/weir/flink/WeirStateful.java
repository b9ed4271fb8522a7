package io.weir.flink;

import io.weir.bridge.WeirException;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.api.java.typeutils.RowTypeInfo;
import org.apache.flink.configuration.ExecutionOptions;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonProcessingException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.types.Row;

/**
 * A component whose step keeps state per key: what {@link WeirKeyed} and {@link WeirWindow} have in common. Its state is in Flink's checkpoints
 * and savepoints, by key group: it resumes at another parallelism. Flink's watermarks and clock fire its timers.
 *
 * @param <T> the class itself
 */
public abstract class WeirStateful<T extends WeirStateful<T>> extends WeirComponent<T> {
  private static final long serialVersionUID = 1L;
  private static final int KEY_GROUPS = 128;

  private String[] keys = {};
  private int keyGroups = KEY_GROUPS;

  WeirStateful(byte[] component, String name) {
    super(component, name);
  }

  WeirStateful(WeirStateful<?> other, String name) {
    super(other, name);
    this.keys = other.keys;
    this.keyGroups = other.keyGroups;
  }

  /** The columns of the key. */
  public T keys(String... columns) {
    keys = columns.clone();
    return self();
  }

  /** How many key groups there are, which is the greatest parallelism. It cannot change while there is state. */
  public T keyGroups(int groups) {
    keyGroups = groups;
    return self();
  }

  /**
   * The rows of a stream through the component. Rows of a key keep the order in which one subtask of the stream has them.
   *
   * @throws WeirException if the component cannot run over the columns of the stream
   */
  public WeirStreams apply(String name, DataStream<Row> stream) {
    RowTypeInfo type = rowType(stream);
    T applied = named(name);
    check(name);
    if (stream.getExecutionEnvironment().getConfiguration().get(ExecutionOptions.RUNTIME_MODE) == RuntimeExecutionMode.BATCH) {
      throw new WeirException(name + " cannot run in batch mode: " + NoKey.STREAMS_ONLY);
    }
    try (OpenComponent component = OpenComponent.open(applied, type)) {
      var outputs = component.outputs();
      var rows = KeyGroupOperator.partition(applied, name + " key groups", type, stream);
      SingleOutputStreamOperator<Row> main = rows.transform(name, outputs.get(0).type(), new KeyedRowOperator(applied, type));
      NoKey.state(main).setMaxParallelism(keyGroups);
      return new WeirStreams(name, main, outputs);
    }
  }

  /** As it is now, with another name. */
  abstract T named(String name);

  /** Refuses what only Java can have left out. */
  void check(String name) {}

  boolean hasKeys() {
    return keys.length > 0;
  }

  @Override
  void addOptions(ObjectNode options) throws JsonProcessingException {
    for (String key : keys) {
      options.withArray("keys").add(key);
    }
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
