package io.weir.flink;

/** What the native side reports: the message is the whole chain of causes. */
public class WeirException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public WeirException(String message) {
    super(message);
  }

  WeirException(String message, Throwable cause) {
    super(message, cause);
  }
}
