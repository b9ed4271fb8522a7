package io.weir.spark;

import java.io.Serializable;
import java.util.BitSet;
import java.util.List;
import org.apache.spark.broadcast.Broadcast;

/**
 * What the tasks of one micro-batch need to know.
 *
 * @param number that of the micro-batch
 * @param readMs how long sources read at most; 0: to their end
 * @param readsMax how many batches each subtask of a source reads at most
 * @param restored by chain: the files of state that it resumes from; null: its subtasks are open
 * @param ended the subtasks that are not run any more
 */
record Turn(Broadcast<Run> run, long number, long readMs, long readsMax, List<List<String>> restored, BitSet ended)
    implements Serializable {
  boolean isFirst() {
    return restored != null;
  }
}
