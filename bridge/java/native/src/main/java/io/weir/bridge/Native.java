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
   * A subtask, which begins with what was {@link #restored}, and takes it. With {@code dropsState} state of steps that the pipeline no longer
   * has is left out. Subtasks and committers of a job share connectors, those of others do not.
   */
  public static native long open(
      byte[] bundle,
      String job,
      int chain,
      int subtask,
      long restored,
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

  /** A checkpoint is complete: a source may tell another system how far it is. */
  public static native void completed(long handle, long checkpoint);

  /** Ends a source as if its input had ended. */
  public static native byte[] drain(long handle);

  /** Something to resume from: without pieces, a subtask begins. */
  public static native long restored();

  /** Adds a piece: of any subtask of the chain what {@link #snapshot} or {@link #rest} gave, or the state of a key group. */
  public static native void addRestored(long restored, byte[] piece);

  /** Lets it go if no subtask has taken it. */
  public static native void dropRestored(long restored);

  /** The state of the last barrier, or of the end, as one piece. */
  public static native byte[] snapshot(long handle);

  /**
   * The same as pieces by key group, which may be made by another thread while the task is called: {@link #groups}, {@link #takeGroup} for
   * each of them, and {@link #rest}; {@link #release} in any case.
   */
  public static native long freeze(long handle);

  /** The key groups of which there is state. */
  public static native int[] groups(long frozen);

  /** The state of a key group, once. */
  public static native byte[] takeGroup(long frozen, int group);

  /** All else: a subtask resumes from that of all subtasks, and from its own key groups. */
  public static native byte[] rest(long frozen);

  public static native void release(long frozen);

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

  /**
   * A checkpoint is complete: makes visible what was prepared, which names its checkpoints itself and may be nothing. It may be called again
   * for the same.
   */
  public static native void commit(long committer, long checkpoint, byte[][] prepared);

  public static native void closeCommitter(long committer);

  /** A component over rows, with options and the columns of the rows as JSON. One with keys begins before anything else. */
  public static native long openOperator(byte[] component, String options, String columns);

  /** What an operator reads, and its outputs and their columns, as JSON: {@code RowOperator::describe} in {@code weir_embed}. */
  public static native String describeOperator(long operator);

  /** Rows through an operator, in the form of {@code weir_embed::rows}; the answer is that of {@code RowOperator::process} there. */
  public static native byte[] process(long operator, byte[] rows);

  /** Begins with what was {@link #restored}, and takes it; it owns the key groups from one to another, both included. */
  public static native void beginOperator(long operator, long restored, int firstGroup, int lastGroup);

  /** The watermark rises, in microseconds: timers fire. */
  public static native byte[] advance(long operator, long watermark);

  /** Timers of the clock fire. */
  public static native byte[] onClock(long operator);

  /** When {@link #onClock} is to be called, in microseconds; {@code Long.MAX_VALUE}: never. */
  public static native long clockDeadline(long operator);

  /** As {@link #freeze}. */
  public static native long freezeOperator(long operator, int firstGroup, int lastGroup);

  public static native void closeOperator(long operator);

  /** So many key groups, of rows with these columns of a key, as JSON. */
  public static native long openKeyGroups(int count, String columns);

  /** The key group of each row. */
  public static native int[] keyGroups(long opened, byte[] rows);

  public static native void closeKeyGroups(long opened);
}
