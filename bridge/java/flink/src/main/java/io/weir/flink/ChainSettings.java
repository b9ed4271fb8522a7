package io.weir.flink;

import io.weir.bridge.BundleSource;
import java.io.Serializable;
import java.util.List;
import java.util.Map;

/**
 * What a task must know of its chain.
 *
 * @param allSteps the steps of all chains
 * @param fingerprint of the plan that the job was built from
 * @param index its number in the plan
 * @param targets how many subtasks are at the other end of each edge that leaves it
 * @param sinks its sinks whose rows a {@link CommitOperator} makes visible
 * @param lingerMs how long rows wait for a batch to fill
 * @param isDurable whether the job keeps checkpoints
 * @param allowsDropped whether state of steps that it no longer has may be left out
 */
record ChainSettings(
    BundleSource bundle,
    String name,
    List<String> steps,
    List<String> allSteps,
    String fingerprint,
    int index,
    int parallelism,
    Map<Integer, Integer> targets,
    String[] sinks,
    long lingerMs,
    boolean isDurable,
    boolean allowsDropped)
    implements Serializable {}
