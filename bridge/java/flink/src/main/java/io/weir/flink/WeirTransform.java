package io.weir.flink;

import java.nio.file.Path;
import org.apache.flink.api.java.typeutils.RowTypeInfo;
import org.apache.flink.streaming.api.datastream.DataStream;
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
 * What does not fit is refused by {@link #apply}, on the client.
 */
public final class WeirTransform extends WeirComponent<WeirTransform> {
  private static final long serialVersionUID = 1L;

  private WeirTransform(byte[] component, String name) {
    super(component, name);
  }

  private WeirTransform(WeirTransform other, String name) {
    super(other, name);
  }

  /** The component in a file of the client; it goes to the tasks with the job. */
  public static WeirTransform of(String file) {
    Path path = Path.of(file);
    return new WeirTransform(read(path), path.getFileName().toString());
  }

  public static WeirTransform of(byte[] component) {
    return new WeirTransform(component.clone(), "component");
  }

  @Override
  WeirTransform self() {
    return this;
  }

  /**
   * The rows of a stream through the component.
   *
   * @throws io.weir.bridge.WeirException if the component cannot run over the columns of the stream
   */
  public WeirStreams apply(String name, DataStream<Row> stream) {
    RowTypeInfo type = rowType(stream);
    WeirTransform applied = new WeirTransform(this, name);
    try (OpenComponent component = OpenComponent.open(applied, type)) {
      var outputs = component.outputs();
      return new WeirStreams(name, stream.transform(name, outputs.get(0).type(), new RowOperator(applied, type)), outputs);
    }
  }
}
