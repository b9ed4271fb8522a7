package io.weir.bridge;

/**
 * The native library. Each method throws {@link WeirException}, or {@link RepeatingException} if it would fail again, and never ends the
 * process; a handle is used by one thread at a time. The answers of a subtask are read with {@link Answer}.
 */
public final class Native {
  static {
    NativeLibrary.bind(Native.class);
  }

  private Native() {}

  /** The plan of a bundle, as JSON. The job is that of the task that asks; null: a client asks. */
  public static native String plan(byte[] bundle, String job);

  /** A pipeline file and its components, read from disk; overrides are {@code KEY=VALUE}. */
  public static native byte[] bundle(String pipeline, String[] overrides);

  /** The same bundle with more overrides. */
  public static native byte[] withOverrides(byte[] bundle, String[] overrides);

  /**
   * A subtask, restored from the snapshots of all subtasks of its chain; none: it begins without state. With {@code dropsState}
   * that of steps that the pipeline no longer has is left out. Subtasks and committers of a job share connectors, those of others do not.
   */
  public static native long open(
      byte[] bundle,
      String job,
      int chain,
      int subtask,
      byte[][] restored,
      long restoredCheckpoint,
      int attempt,
      boolean durable,
      boolean dropsState);

  /** Of a source: reads. */
  public static native byte[] poll(long handle, long nowMicros);

  /** Hands over a record of another subtask. */
  public static native byte[] element(long handle, byte[] payload);

  /** Continues what the last answer had not finished. */
  public static native byte[] more(long handle);

  /** The clock has reached the deadline. */
  public static native byte[] time(long handle, long nowMicros);

  /** Gives out what waits for a batch to fill: nothing has come for a while or, with {@code linger}, it has waited for a while. */
  public static native byte[] flush(long handle, boolean linger);

  /** Freezes the state of a checkpoint. */
  public static native byte[] barrier(long handle, long checkpoint);

  /** Ends a source as if its input had ended. */
  public static native byte[] drain(long handle);

  /** The state of the last barrier, or of the end. */
  public static native byte[] snapshot(long handle);

  /** What a sink has prepared since it was asked last; null: nothing. */
  public static native byte[] prepared(long handle, String sink);

  /** When {@link #time} is to be called, in microseconds; {@code Long.MAX_VALUE}: never. */
  public static native long deadline(long handle);

  /** What was counted, by step, as JSON. */
  public static native String figures(long handle);

  /**
   * What operators of this process have logged since it was called last, as JSON; null: nothing. Lines before the first call went to the
   * standard error.
   */
  public static native String lines();

  public static native void close(long handle);

  /** What makes a sink's rows visible; 0: the sink needs none. */
  public static native long openCommitter(
      byte[] bundle, String job, String sink, long restoredCheckpoint, int attempt, boolean durable);

  /** Makes visible what was prepared for some checkpoints, which it names itself; it may be called again for the same. */
  public static native void commit(long committer, byte[][] prepared);

  public static native void closeCommitter(long committer);

  /** A component over rows, with options and the columns of the rows as JSON. */
  public static native long openOperator(byte[] component, String options, String columns);

  /** The outputs of an operator and their columns, as JSON. */
  public static native String outputs(long operator);

  /** Rows through an operator, in the form of {@code weir_embed::rows}. */
  public static native byte[] process(long operator, byte[] rows);

  public static native void closeOperator(long operator);
}
