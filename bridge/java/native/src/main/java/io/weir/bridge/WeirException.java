package io.weir.bridge;

/** What the native side reports: the message is the whole chain of causes. */
public class WeirException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public WeirException(String message) {
    super(message);
  }

  public WeirException(String message, Throwable cause) {
    super(message, cause);
  }
}
