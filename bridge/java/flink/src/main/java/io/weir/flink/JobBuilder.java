package io.weir.flink;

import io.weir.bridge.BundleSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.UnaryOperator;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.transformations.PartitionTransformation;

/** Makes a Flink job of a plan: an operator per chain, and one per sink that commits. */
final class JobBuilder {
  private final StreamExecutionEnvironment environment;
  private final Plan plan;
  private final BundleSource bundle;
  private final boolean isDurable;
  private final boolean allowsDropped;

  /** What tests put between two chains. */
  private final UnaryOperator<DataStream<WeirElement>> onEdge;

  private final Map<Integer, SingleOutputStreamOperator<WeirElement>> built = new HashMap<>();
  private final Set<String> names = new HashSet<>();

  JobBuilder(
      StreamExecutionEnvironment environment,
      Plan plan,
      BundleSource bundle,
      UnaryOperator<DataStream<WeirElement>> onEdge) {
    this.environment = environment;
    this.plan = plan;
    this.bundle = bundle;
    this.allowsDropped = environment.getConfiguration().get(StateRecoveryOptions.SAVEPOINT_IGNORE_UNCLAIMED_STATE);
    this.isDurable = environment.getCheckpointConfig().isCheckpointingEnabled();
    this.onEdge = onEdge;
  }

  void build() {
    environment.getConfig().enableObjectReuse();
    environment.setMaxParallelism(plan.keyGroups());
    environment.setBufferTimeout(plan.lingerMs());
    String job = UUID.randomUUID().toString();
    int sources = (int) plan.chains().stream().filter(Plan.Chain::isSource).count();
    int source = 0;
    for (Plan.Chain chain : plan.chains()) {
      var operator = chain.isSource() ? source(chain, new TurnSource(job, source++, sources)) : behind(chain);
      NoKey.state(operator).setParallelism(chain.parallelism()).uid(unique(chain.steps().get(0)));
      built.put(chain.index(), operator);
    }
    Map<String, DataStream<WeirElement>> prepared = new HashMap<>();
    for (Plan.Chain chain : plan.chains()) {
      for (String sink : chain.sinks()) {
        var stream = built.get(chain.index()).getSideOutput(ChainOperator.commitTag(sink));
        prepared.merge(sink, stream, (one, other) -> one.union(other));
      }
    }
    prepared.forEach(
        (sink, stream) ->
            aligned(stream.global())
                .transform("commit " + sink, PlainType.ELEMENT, new CommitOperator(bundle, sink, isDurable))
                .forceNonParallel()
                .uid(unique("commit " + sink)));
  }

  /** Barriers do not overtake what sinks have prepared: it belongs to the checkpoint before which it was sent. */
  private static DataStream<WeirElement> aligned(DataStream<WeirElement> prepared) {
    ((PartitionTransformation<WeirElement>) prepared.getTransformation()).getPartitioner().disableUnalignedCheckpoints();
    return prepared;
  }

  private SingleOutputStreamOperator<WeirElement> source(Plan.Chain chain, TurnSource turns) {
    return environment
        .fromSource(turns, WatermarkStrategy.noWatermarks(), "read", PlainType.TURN)
        .setParallelism(chain.parallelism())
        .uid(unique("read " + chain.steps().get(0)))
        .transform(chain.name(), PlainType.ELEMENT, new SourceChain(settings(chain)));
  }

  private SingleOutputStreamOperator<WeirElement> behind(Plan.Chain chain) {
    DataStream<WeirElement> input = null;
    for (int index : chain.inputs()) {
      Plan.Edge edge = plan.edges().get(index);
      DataStream<WeirElement> sent = onEdge.apply(built.get(edge.from()).getSideOutput(ChainOperator.edgeTag(index)));
      DataStream<WeirElement> at = edge.isForward() ? sent.forward() : ToTarget.partition(sent);
      input = input == null ? at : input.union(at);
    }
    return input.transform(chain.name(), PlainType.ELEMENT, new InputChain(settings(chain)));
  }

  private ChainSettings settings(Plan.Chain chain) {
    Map<Integer, Integer> targets = new HashMap<>();
    for (int index : chain.outputs()) {
      targets.put(index, plan.chains().get(plan.edges().get(index).to()).parallelism());
    }
    List<String> sinks = new ArrayList<>(chain.sinks());
    return new ChainSettings(
        bundle,
        chain.name(),
        chain.steps(),
        plan.chains().stream().flatMap(other -> other.steps().stream()).distinct().toList(),
        plan.fingerprint(),
        chain.index(),
        chain.parallelism(),
        targets,
        sinks.toArray(new String[0]),
        plan.lingerMs(),
        isDurable,
        allowsDropped);
  }

  /** Two chains begin with the same step where that is divided over both. */
  private String unique(String name) {
    String unique = name;
    for (int number = 2; !names.add(unique); number++) {
      unique = name + " " + number;
    }
    return unique;
  }
}
