package io.weir.flink;

/**
 * The native library. Each method throws {@link WeirException} and never ends the process; a handle is used by one thread at a
 * time. The answers of a subtask are read with {@link Answer}.
 */
final class Native {
  static {
    NativeLibrary.load();
  }

  private Native() {}

  /** The plan of a bundle, as JSON. */
  static native String plan(byte[] bundle);

  /** A pipeline file and its components, read from disk; overrides are {@code KEY=VALUE}. */
  static native byte[] bundle(String pipeline, String[] overrides);

  /** The same bundle with more overrides. */
  static native byte[] withOverrides(byte[] bundle, String[] overrides);

  /** A subtask, restored from the snapshots of all subtasks of its chain; none: it begins without state. */
  static native long open(
      byte[] bundle, int chain, int subtask, byte[][] restored, long restoredCheckpoint, int attempt, boolean durable);

  /** Of a source: reads. */
  static native byte[] poll(long handle, long nowMicros);

  /** Hands over a record of another subtask. */
  static native byte[] element(long handle, byte[] payload);

  /** Continues what the last answer had not finished. */
  static native byte[] more(long handle);

  /** The clock has reached the deadline. */
  static native byte[] time(long handle, long nowMicros);

  /** Gives out what waits for a batch to fill: nothing has come for a while or, with {@code linger}, it has waited for a while. */
  static native byte[] flush(long handle, boolean linger);

  /** Freezes the state of a checkpoint. */
  static native byte[] barrier(long handle, long checkpoint);

  /** Ends a source as if its input had ended. */
  static native byte[] drain(long handle);

  /** The state of the last barrier, or of the end. */
  static native byte[] snapshot(long handle);

  /** What a sink has prepared since it was asked last; null: nothing. */
  static native byte[] prepared(long handle, String sink);

  /** When {@link #time} is to be called, in microseconds; {@code Long.MAX_VALUE}: never. */
  static native long deadline(long handle);

  /** What was counted, by step, as JSON. */
  static native String figures(long handle);

  static native void close(long handle);

  /** What makes a sink's rows visible; 0: the sink needs none. */
  static native long openCommitter(byte[] bundle, String sink, long restoredCheckpoint, int attempt, boolean durable);

  /** Makes visible what was prepared up to a checkpoint; it may be called again for the same. */
  static native void commit(long committer, long checkpoint, byte[][] prepared);

  static native void closeCommitter(long committer);
}
