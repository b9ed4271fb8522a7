package io.weir.spark;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * Which stage of a micro-batch runs which subtask. A chain runs in the stage behind those of all chains that it reads, and each of its
 * subtasks is a task of Spark. Subtasks of a job are numbered through, chain by chain.
 */
final class Layout implements Serializable {
  private static final long serialVersionUID = 1L;

  /** A subtask of a chain. */
  record Place(int chain, int number) implements Serializable {}

  private final ArrayList<Plan.Chain> chains;
  private final ArrayList<Plan.Edge> edges;
  private final ArrayList<Place> places = new ArrayList<>();
  private final int[] firstOfChain;

  /** By stage: the subtasks, in the order of its partitions. */
  private final ArrayList<ArrayList<Integer>> stages = new ArrayList<>();

  /** By subtask. */
  private final int[] stageOf;

  private final int[] partitionOf;

  Layout(Plan plan) {
    chains = new ArrayList<>(plan.chains());
    edges = new ArrayList<>(plan.edges());
    firstOfChain = new int[chains.size()];
    for (int chain = 0; chain < chains.size(); chain++) {
      firstOfChain[chain] = places.size();
      for (int number = 0; number < chains.get(chain).parallelism(); number++) {
        places.add(new Place(chain, number));
      }
    }
    stageOf = new int[places.size()];
    partitionOf = new int[places.size()];
    int[] stageOfChain = new int[chains.size()];
    for (int subtask = 0; subtask < places.size(); subtask++) {
      int stage = stage(places.get(subtask).chain(), stageOfChain) - 1;
      while (stages.size() <= stage) {
        stages.add(new ArrayList<>());
      }
      stageOf[subtask] = stage;
      partitionOf[subtask] = stages.get(stage).size();
      stages.get(stage).add(subtask);
    }
  }

  /** That of a chain, from 1; `known` has those that were asked for. */
  private int stage(int chain, int[] known) {
    if (known[chain] == 0) {
      int last = 0;
      for (int input : chains.get(chain).inputs()) {
        last = Math.max(last, stage(edges.get(input).from(), known));
      }
      known[chain] = last + 1;
    }
    return known[chain];
  }

  List<Plan.Chain> chains() {
    return chains;
  }

  Plan.Chain chain(int subtask) {
    return chains.get(places.get(subtask).chain());
  }

  Place place(int subtask) {
    return places.get(subtask);
  }

  int subtasks() {
    return places.size();
  }

  /** The subtask that an element goes to. */
  int target(int edge, int number) {
    return firstOfChain[edges.get(edge).to()] + number;
  }

  int stages() {
    return stages.size();
  }

  /** The subtasks of a stage, in the order of its partitions. */
  List<Integer> stage(int stage) {
    return stages.get(stage);
  }

  /** The partition of a stage that takes an element: what is for a later stage passes through any. */
  int partition(int stage, int target) {
    boolean runsHere = target < stageOf.length && stageOf[target] == stage;
    return runsHere ? partitionOf[target] : target % stages.get(stage).size();
  }
}
