package io.weir.flink;

import io.weir.bridge.WeirException;
import java.util.List;
import org.apache.flink.streaming.api.datastream.SideOutputDataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.types.Row;

/** What a component gives out. */
public final class WeirStreams {
  private final String name;
  private final SingleOutputStreamOperator<Row> main;
  private final List<RowOutput> outputs;

  WeirStreams(String name, SingleOutputStreamOperator<Row> main, List<RowOutput> outputs) {
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
    List<String> sides = outputs.stream().skip(1).map(RowOutput::name).toList();
    if (!sides.contains(output)) {
      String hint = "dead-letter".equals(output) ? "; with onError(\"dead-letter\") it has that one" : "";
      throw new WeirException(name + " has no side output " + output + "; it has " + sides + hint);
    }
    return main.getSideOutput(outputs.get(1 + sides.indexOf(output)).tag());
  }
}
