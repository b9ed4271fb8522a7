package io.weir.flink;

/**
 * What travels between the tasks of Weir's chains: bytes that only the native side reads, and the subtask that they are for.
 * Never changed after it was made.
 */
public final class WeirElement {
  /** The subtask at the other end. */
  final int target;

  /** How many subtasks there are at the other end. */
  final int targets;

  final byte[] payload;

  WeirElement(int target, int targets, byte[] payload) {
    this.target = target;
    this.targets = targets;
    this.payload = payload;
  }
}
