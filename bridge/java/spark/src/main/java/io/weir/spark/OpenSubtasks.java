package io.weir.spark;

import io.weir.bridge.WeirException;
import java.io.IOException;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;

/** The subtasks that are open in this process, between micro-batches. Those of earlier runs are closed. */
final class OpenSubtasks {
  private record Key(String run, int subtask) {}

  private static final Map<Key, OpenSubtask> OPEN = new HashMap<>();

  private OpenSubtasks() {}

  /** Takes one for a micro-batch, or opens it. */
  static OpenSubtask take(Turn turn, int subtask) throws IOException {
    String run = turn.run().value().id();
    OpenSubtask open;
    synchronized (OPEN) {
      closeOthers(run);
      open = OPEN.remove(new Key(run, subtask));
    }
    if (turn.isFirst()) {
      if (open != null) {
        open.close();
        throw new WeirException("a subtask was opened twice in one run");
      }
      return OpenSubtask.open(turn, subtask);
    }
    if (open == null || open.microBatch != turn.number() - 1) {
      if (open != null) {
        open.close();
      }
      String name = turn.run().value().layout().chain(subtask).name();
      throw new WeirException("a subtask of " + name + " is not in the memory of this executor: the one that had it is gone, or busy");
    }
    return open;
  }

  /** Keeps one for the next micro-batch, unless it has ended. */
  static void put(Turn turn, int subtask, OpenSubtask open) {
    if (open.hasEnded()) {
      open.close();
      return;
    }
    open.microBatch = turn.number();
    synchronized (OPEN) {
      OPEN.put(new Key(turn.run().value().id(), subtask), open);
    }
  }

  /** A process has one run at a time; what puts back a subtask of another one later is found by the next. */
  private static void closeOthers(String run) {
    for (Iterator<Map.Entry<Key, OpenSubtask>> all = OPEN.entrySet().iterator(); all.hasNext(); ) {
      Map.Entry<Key, OpenSubtask> entry = all.next();
      if (!entry.getKey().run().equals(run)) {
        all.remove();
        entry.getValue().close();
      }
    }
  }
}
