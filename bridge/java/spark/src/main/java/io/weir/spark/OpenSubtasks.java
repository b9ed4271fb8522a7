package io.weir.spark;

import io.weir.bridge.WeirException;
import java.io.IOException;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.Objects;

/** The subtasks that are open in this process, between micro-batches. Those of earlier runs are closed. */
final class OpenSubtasks {
  /** The folder is that of the job; a batch job has none, and nothing of it stays open. */
  private record Key(String folder, long run, int subtask) {
    static Key of(Run run, int subtask) {
      return new Key(run.folder(), run.number(), subtask);
    }
  }

  private static final Map<Key, OpenSubtask> OPEN = new HashMap<>();

  private OpenSubtasks() {}

  /** Takes one for a micro-batch, or opens it. */
  static OpenSubtask take(Turn turn, int subtask) throws IOException {
    Run run = turn.run().value();
    OpenSubtask open;
    synchronized (OPEN) {
      closeOlder(run);
      open = OPEN.remove(Key.of(run, subtask));
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
      String name = run.layout().chain(subtask).name();
      throw new WeirException("a subtask of " + name + " is not in the memory of this executor: the one that had it is gone, or busy");
    }
    // The next micro-batch begins only when this one is complete.
    open.completed(open.microBatch);
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
      OPEN.put(Key.of(turn.run().value(), subtask), open);
    }
  }

  /** Closes what older runs have left open. A task of one may still run, and put back its subtask: the next micro-batch closes that. */
  private static void closeOlder(Run run) {
    for (Iterator<Map.Entry<Key, OpenSubtask>> all = OPEN.entrySet().iterator(); all.hasNext(); ) {
      Map.Entry<Key, OpenSubtask> entry = all.next();
      Key key = entry.getKey();
      if (!Objects.equals(key.folder(), run.folder()) || key.run() < run.number()) {
        all.remove();
        entry.getValue().close();
      }
    }
  }
}
