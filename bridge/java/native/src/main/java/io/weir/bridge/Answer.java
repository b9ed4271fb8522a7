package io.weir.bridge;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * What a native call gives out: a byte of flags, then frames of {@code u32 edge, u32 target, u32 length, payload}, little endian.
 */
public final class Answer {
  private static final int HAS_MORE = 1;
  private static final int FROZEN = 2;
  private static final int ENDED = 4;
  private static final int HAD_ROWS = 8;
  private static final int HOLDING = 16;

  /** Takes the frames of an answer. */
  public interface Frames {
    void take(int edge, int target, byte[] payload) throws Exception;
  }

  private final int flags;
  private final ByteBuffer frames;

  public Answer(byte[] bytes) {
    frames = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    flags = frames.get();
  }

  public void forEach(Frames taker) throws Exception {
    while (frames.hasRemaining()) {
      int edge = frames.getInt();
      int target = frames.getInt();
      byte[] payload = new byte[frames.getInt()];
      frames.get(payload);
      taker.take(edge, target, payload);
    }
  }

  /** {@link Native#more} is to be called. */
  public boolean hasMore() {
    return (flags & HAS_MORE) != 0;
  }

  /** The state of the barrier is ready: {@link Native#snapshot}. */
  public boolean isFrozen() {
    return (flags & FROZEN) != 0;
  }

  public boolean hasEnded() {
    return (flags & ENDED) != 0;
  }

  /** A poll found rows. */
  public boolean hadRows() {
    return (flags & HAD_ROWS) != 0;
  }

  /** Rows wait for a batch to fill. */
  public boolean isHolding() {
    return (flags & HOLDING) != 0;
  }
}
