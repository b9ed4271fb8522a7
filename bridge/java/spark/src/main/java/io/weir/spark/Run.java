package io.weir.spark;

import java.io.Serializable;
import org.apache.spark.util.SerializableConfiguration;

/**
 * One run of a job: from its start, or its start again, to its end or a failure. All subtasks are opened in its first micro-batch, and stay
 * in the memory of the executors; where one is lost the run has failed.
 *
 * @param bundle the pipeline and its components
 * @param id names the run in the native library, 32 hexadecimal digits
 * @param number that of the run in {@link CheckpointLog}
 * @param checkpoint the micro-batch that it resumes from; 0: none
 * @param attempt how many runs have begun there before
 * @param folder where checkpoints are; null: a batch job
 * @param dropsState whether state of steps that the pipeline no longer has is left out
 */
record Run(
    byte[] bundle,
    Layout layout,
    String fingerprint,
    String id,
    long number,
    long checkpoint,
    int attempt,
    String folder,
    boolean dropsState,
    SerializableConfiguration hadoop)
    implements Serializable {

  boolean isDurable() {
    return folder != null;
  }

  String states() {
    return folder + "/state";
  }
}
