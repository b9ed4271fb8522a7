package io.weir.spark;

/** Names of files with the state of a subtask: of which run, micro-batch and subtask it is. No name is used twice. */
final class StateFile {
  private StateFile() {}

  static String name(long run, long microBatch, int subtask) {
    return run + "-" + microBatch + "-" + subtask;
  }

  /** The number of the run that wrote a file; the highest number, if the file is no state of ours. */
  static long run(String name) {
    int end = name.indexOf('-');
    boolean isOne = name.matches("\\d+-\\d+-\\d+");
    return isOne ? Long.parseLong(name.substring(0, end)) : Long.MAX_VALUE;
  }
}
