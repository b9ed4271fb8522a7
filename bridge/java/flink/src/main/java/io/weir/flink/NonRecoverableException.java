package io.weir.flink;

import io.weir.bridge.RepeatingException;
import org.apache.flink.runtime.throwable.ThrowableAnnotation;
import org.apache.flink.runtime.throwable.ThrowableType;

/**
 * A failure that would only come again, such as a row that an operator refuses: Flink ends the job at once, and does not use up its
 * attempts to restart it. If this class is on the class path, the native library throws it instead of {@code RepeatingException}. The
 * annotation marks it for Flink; Flink's own {@code SuppressRestartsException} would hide the reason behind a message of its own.
 */
@ThrowableAnnotation(ThrowableType.NonRecoverableError)
public final class NonRecoverableException extends RepeatingException {
  private static final long serialVersionUID = 1L;

  public NonRecoverableException(String message) {
    super(message);
  }
}
