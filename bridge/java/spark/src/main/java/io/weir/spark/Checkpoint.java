package io.weir.spark;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * How far a job is when a micro-batch is complete.
 *
 * @param number that of the micro-batch, from 1; 0: before the first
 * @param chains the state of each chain
 * @param prepared by sink: what is to be made visible, which may have been done
 * @param isDone whether all chains have ended
 */
record Checkpoint(long number, List<ChainState> chains, Map<String, List<byte[]>> prepared, boolean isDone) {
  static final Checkpoint NONE = new Checkpoint(0, List.of(), Map.of(), false);

  /** The files that the subtasks of a chain have their state in. */
  record ChainState(String name, List<String> steps, List<String> pieces) {}

  /** That of a micro-batch, by what all of its subtasks have reported last. */
  static Checkpoint of(long number, Layout layout, Report[] reports, Collection<Report> now) {
    List<ChainState> chains = new ArrayList<>();
    for (Plan.Chain chain : layout.chains()) {
      chains.add(new ChainState(chain.name(), chain.steps(), new ArrayList<>()));
    }
    boolean isDone = true;
    for (Report report : reports) {
      chains.get(layout.place(report.subtask()).chain()).pieces().add(report.piece());
      isDone &= report.hasEnded();
    }
    Map<String, List<byte[]>> prepared = new HashMap<>();
    for (Report report : now) {
      report.prepared().forEach((sink, bytes) -> prepared.computeIfAbsent(sink, name -> new ArrayList<>()).add(bytes));
    }
    return new Checkpoint(number, chains, prepared, isDone);
  }

  /** The files of its state. */
  Set<String> files() {
    Set<String> files = new HashSet<>();
    chains.forEach(chain -> files.addAll(chain.pieces()));
    return files;
  }

  /**
   * The files that each chain of a plan resumes from: those of all chains that had a step of it, since steps run together or apart by
   * parallelism. The native side takes what belongs to it, and refuses state of steps that the pipeline no longer has.
   *
   * @param gone gets the steps of chains of which nothing is left
   */
  List<List<String>> piecesFor(Layout layout, Set<String> gone) {
    List<List<String>> pieces = new ArrayList<>();
    Set<String> all = new HashSet<>();
    for (Plan.Chain chain : layout.chains()) {
      all.addAll(chain.steps());
      List<String> ofChain = new ArrayList<>();
      for (ChainState before : chains) {
        if (before.steps().stream().anyMatch(chain.steps()::contains)) {
          ofChain.addAll(before.pieces());
        }
      }
      pieces.add(ofChain);
    }
    for (ChainState before : chains) {
      if (before.steps().stream().noneMatch(all::contains)) {
        gone.addAll(before.steps());
      }
    }
    return pieces;
  }
}
