package io.weir.spark;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;

/** Executors that are gone. A task waits for the one that has its subtask in memory, and Spark does not say that it waits in vain. */
final class LostExecutors extends SparkListener {
  private final Set<String> ids = ConcurrentHashMap.newKeySet();

  @Override
  public void onExecutorRemoved(SparkListenerExecutorRemoved removed) {
    ids.add(removed.executorId());
  }

  /** Whether something is in one of them, by {@link Report#location}; null: it is nowhere yet. */
  boolean had(String[] locations) {
    for (String location : locations) {
      if (location != null && ids.contains(location.substring(location.lastIndexOf('_') + 1))) {
        return true;
      }
    }
    return false;
  }
}
