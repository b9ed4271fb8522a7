package io.weir.spark;

import java.io.Serializable;

/**
 * Where an element of a micro-batch goes. Elements of one sender stay in their order; those of several are mixed one by one, so that event
 * time moves on in all inputs of a subtask together and little has to wait for it.
 *
 * @param target the subtask, by its number in {@link Layout}; {@link #DRIVER}: it is a {@link Report}
 * @param sequence how many elements its sender had sent before
 * @param sender that subtask
 */
record Address(int target, long sequence, int sender) implements Comparable<Address>, Serializable {
  /** Behind all subtasks. */
  static final int DRIVER = Integer.MAX_VALUE;

  @Override
  public int compareTo(Address other) {
    int byTarget = Integer.compare(target, other.target);
    int bySequence = Long.compare(sequence, other.sequence);
    return byTarget != 0 ? byTarget : bySequence != 0 ? bySequence : Integer.compare(sender, other.sender);
  }
}
