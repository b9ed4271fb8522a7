package io.weir.spark;

import org.apache.spark.Partitioner;

/** Brings elements to the subtasks of a stage. */
final class ToStage extends Partitioner {
  private static final long serialVersionUID = 1L;

  private final Layout layout;
  private final int stage;

  ToStage(Layout layout, int stage) {
    this.layout = layout;
    this.stage = stage;
  }

  @Override
  public int numPartitions() {
    return layout.stage(stage).size();
  }

  @Override
  public int getPartition(Object address) {
    return layout.partition(stage, ((Address) address).target());
  }
}
