package io.weir.spark;

import io.weir.bridge.Answer;
import io.weir.bridge.Native;
import io.weir.bridge.RepeatingException;
import java.io.IOException;
import java.time.Instant;
import java.util.List;

/** A native subtask, and how it stands. It is used by one thread at a time. */
final class OpenSubtask {
  private final long handle;

  /** Its last micro-batch. */
  long microBatch;

  /** {@link #more} comes before anything else but a barrier. */
  private boolean hasMore = true;

  private boolean hasEnded;

  /** The file of its state. */
  String piece;

  private OpenSubtask(long handle) {
    this.handle = handle;
  }

  /** Opens it in the first micro-batch of a run. */
  static OpenSubtask open(Turn turn, int subtask) throws IOException {
    Run run = turn.run().value();
    Layout.Place place = run.layout().place(subtask);
    // Before it is open: until then lines go elsewhere.
    GuestLog.take();
    if (!Plan.read(Native.plan(run.bundle(), run.id())).fingerprint().equals(run.fingerprint())) {
      throw new RepeatingException(
          "the input of " + run.layout().chain(subtask).name() + " has changed since the job was submitted, so that its steps would run in"
              + " other chains: submit the pipeline again");
    }
    List<String> files = turn.restored().get(place.chain());
    long restored = Native.restored();
    try {
      if (!files.isEmpty()) {
        Folder states = Folder.at(run.states(), run.hadoop().value());
        for (String file : files) {
          Native.addRestored(restored, states.read(file));
        }
      }
    } catch (Exception error) {
      Native.dropRestored(restored);
      throw error;
    }
    return new OpenSubtask(
        Native.open(
            run.bundle(),
            run.id(),
            place.chain(),
            place.number(),
            restored,
            run.checkpoint(),
            run.attempt(),
            run.isDurable(),
            run.dropsState()));
  }

  boolean hasMore() {
    return hasMore;
  }

  boolean hasEnded() {
    return hasEnded;
  }

  Answer poll() {
    return taken(Native.poll(handle, nowMicros()));
  }

  Answer element(byte[] element) {
    return taken(Native.element(handle, element));
  }

  Answer more() {
    return taken(Native.more(handle));
  }

  Answer flush() {
    return taken(Native.flush(handle, false));
  }

  /** Hands over the time; null: it does not wait for it. */
  Answer timeIfDue() {
    long now = nowMicros();
    return !hasEnded && Native.deadline(handle) <= now ? taken(Native.time(handle, now)) : null;
  }

  Answer barrier(long checkpoint) {
    return taken(Native.barrier(handle, checkpoint));
  }

  void completed(long checkpoint) {
    Native.completed(handle, checkpoint);
  }

  byte[] snapshot() {
    return Native.snapshot(handle);
  }

  byte[] prepared(String sink) {
    return Native.prepared(handle, sink);
  }

  String figures() {
    return Native.figures(handle);
  }

  void close() {
    Native.close(handle);
  }

  private Answer taken(byte[] bytes) {
    Answer answer = new Answer(bytes);
    hasMore = answer.hasMore();
    hasEnded |= answer.hasEnded();
    return answer;
  }

  private static long nowMicros() {
    Instant now = Instant.now();
    return Math.addExact(Math.multiplyExact(now.getEpochSecond(), 1_000_000L), now.getNano() / 1000);
  }
}
