package io.weir.flink;

import io.weir.bridge.BundleSource;
import io.weir.bridge.Native;
import io.weir.bridge.WeirException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.apache.flink.api.common.JobExecutionResult;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExecutionOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * Runs a pipeline of Weir as a Flink job.
 *
 * <pre>WeirJob [--bundle FILE] [--parallelism N] [--set KEY=VALUE]... [-D KEY=VALUE]...</pre>
 *
 * Without a file the bundle is in the job's jar, where {@code weir submit} puts it. {@code --set} changes a key of the pipeline file,
 * {@code -D} one of Flink's configuration.
 */
public final class WeirJob {
  /** Checkpoints fail while the sources of a job finish, and a job does not fail for it. */
  private static final int FAILED_CHECKPOINTS_MAX = 10;

  /** Which keys of Flink's configuration {@code weir submit} was given. */
  private static final String SETTINGS = "weir.settings";

  private WeirJob() {}

  public static void main(String[] arguments) throws Exception {
    run(arguments);
  }

  static JobExecutionResult run(String[] arguments) throws Exception {
    String file = null;
    List<String> overrides = new ArrayList<>();
    Configuration configuration = new Configuration();
    for (int i = 0; i < arguments.length; i += 2) {
      if (i + 1 == arguments.length) {
        throw new WeirException(arguments[i] + " needs a value");
      }
      String value = arguments[i + 1];
      switch (arguments[i]) {
        case "--bundle" -> file = value;
        case "--parallelism" -> overrides.add("parallelism=" + value);
        case "--set" -> overrides.add(value);
        case "-D" -> {
          String[] pair = value.split("=", 2);
          if (pair.length < 2) {
            throw new WeirException("-D " + value + ": expected KEY=VALUE");
          }
          configuration.setString(pair[0], pair[1]);
        }
        default -> throw new WeirException("unknown option " + arguments[i]);
      }
    }
    BundleSource bundle = new BundleSource(file);
    if (!overrides.isEmpty()) {
      // Once: what sources have to read is listed here, and is the same for every task.
      byte[] original = bundle.read(Thread.currentThread().getContextClassLoader());
      bundle = new BundleSource(Native.withOverrides(original, overrides.toArray(new String[0])));
    }
    var environment = StreamExecutionEnvironment.getExecutionEnvironment(configuration);
    Plan plan = prepare(environment, bundle, UnaryOperator.identity());
    return environment.execute(plan.name());
  }

  /** Builds the job, and sets what the pipeline file says of checkpoints and restarts where Flink's configuration says nothing. */
  static Plan prepare(
      StreamExecutionEnvironment environment, BundleSource bundle, UnaryOperator<DataStream<WeirElement>> onEdge)
      throws Exception {
    Plan plan = Plan.read(Native.plan(bundle.read(Thread.currentThread().getContextClassLoader()), null));
    if (!plan.refusals().isEmpty()) {
      throw new WeirException("the pipeline cannot run on Flink:\n" + String.join("\n", plan.refusals()));
    }
    environment.configure(defaults(environment, plan), Thread.currentThread().getContextClassLoader());
    label(environment, plan);
    new JobBuilder(environment, plan, bundle, onEdge).build();
    return plan;
  }

  /** Lets the job be told from others, by {@code weir ps} and on Flink's pages: parameters of the job, with those that were given. */
  private static void label(StreamExecutionEnvironment environment, Plan plan) {
    Configuration parameters = new Configuration();
    environment.getConfig().getGlobalJobParameters().toMap().forEach(parameters::setString);
    plan.labels().forEach(parameters::setString);
    parameters.setString(SETTINGS, environment.getConfiguration().toMap().getOrDefault(SETTINGS, ""));
    environment.getConfig().setGlobalJobParameters(parameters);
  }

  private static Configuration defaults(StreamExecutionEnvironment environment, Plan plan) {
    var given = environment.getConfiguration();
    Configuration defaults = new Configuration();
    // Weir's operators work on streams; an input that ends is one that ends.
    defaults.set(ExecutionOptions.RUNTIME_MODE, RuntimeExecutionMode.STREAMING);
    // Nothing of a job is in Flink's state backend: another than this would only open a database for each subtask.
    defaults.set(StateBackendOptions.STATE_BACKEND, "hashmap");
    var interval = CheckpointingOptions.CHECKPOINTING_INTERVAL;
    if (!plan.checkpoint().isObject() && given.getOptional(interval).isEmpty()) {
      return defaults;
    }
    if (given.getOptional(interval).isEmpty()) {
      defaults.set(interval, millis(plan.checkpoint().path("interval_ms").asLong()));
      defaults.set(
          CheckpointingOptions.MIN_PAUSE_BETWEEN_CHECKPOINTS, millis(plan.checkpoint().path("min_pause_ms").asLong()));
      defaults.set(CheckpointingOptions.CHECKPOINTING_TIMEOUT, millis(plan.checkpoint().path("timeout_ms").asLong()));
    }
    // Flink asks for this where partitioners are not its own, as it cannot tell whether a rescale is right: ToTarget checks that.
    if (given.get(CheckpointingOptions.ENABLE_UNALIGNED)) {
      defaults.set(CheckpointingOptions.FORCE_UNALIGNED, true);
    }
    if (given.getOptional(CheckpointingOptions.TOLERABLE_FAILURE_NUMBER).isEmpty()) {
      defaults.set(CheckpointingOptions.TOLERABLE_FAILURE_NUMBER, FAILED_CHECKPOINTS_MAX);
    }
    boolean restarts = given.getOptional(RestartStrategyOptions.RESTART_STRATEGY).isEmpty() && plan.restart().isObject();
    if (restarts && plan.restart().path("failures_max").asInt() == 0) {
      defaults.set(RestartStrategyOptions.RESTART_STRATEGY, "none");
    } else if (restarts) {
      defaults.set(RestartStrategyOptions.RESTART_STRATEGY, "exponential-delay");
      defaults.set(
          RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_INITIAL_BACKOFF,
          millis(plan.restart().path("delay_ms").asLong()));
      defaults.set(
          RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_MAX_BACKOFF,
          millis(plan.restart().path("delay_max_ms").asLong()));
      defaults.set(
          RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_RESET_BACKOFF_THRESHOLD,
          millis(plan.restart().path("period_ms").asLong()));
      // Each delay is twice the one before, as in Weir's own engine.
      defaults.set(RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_BACKOFF_MULTIPLIER, 2.0);
      defaults.set(
          RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_ATTEMPTS,
          plan.restart().path("failures_max").asInt());
    }
    return defaults;
  }

  private static Duration millis(long millis) {
    return Duration.ofMillis(Math.max(1, millis));
  }
}
