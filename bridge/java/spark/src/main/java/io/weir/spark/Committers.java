package io.weir.spark;

import io.weir.bridge.Native;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Makes the rows of all sinks of a job visible, in the driver. Opening them fences older runs. */
final class Committers implements AutoCloseable {
  private final Map<String, Long> handles = new HashMap<>();

  Committers(Run run) {
    try {
      for (Plan.Chain chain : run.layout().chains()) {
        for (String sink : chain.sinks()) {
          if (!handles.containsKey(sink)) {
            handles.put(
                sink, Native.openCommitter(run.bundle(), run.id(), sink, run.checkpoint(), run.attempt(), run.isDurable()));
          }
        }
      }
    } catch (RuntimeException | LinkageError error) {
      close();
      throw error;
    }
  }

  /** A checkpoint is complete, and this was prepared for it, which may be nothing. It may be called again for the same. */
  void commit(long checkpoint, Map<String, List<byte[]>> prepared) {
    handles.forEach(
        (sink, handle) -> {
          if (handle != 0) {
            List<byte[]> parts = prepared.getOrDefault(sink, List.of());
            Native.commit(handle, checkpoint, parts.toArray(new byte[0][]));
          }
        });
  }

  @Override
  public void close() {
    handles.values().stream().filter(handle -> handle != 0).forEach(Native::closeCommitter);
    handles.clear();
  }
}
