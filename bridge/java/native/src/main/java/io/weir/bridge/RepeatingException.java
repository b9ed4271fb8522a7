package io.weir.bridge;

/** A failure that would only come again, such as a row that an operator refuses: there is no use in trying once more. */
public class RepeatingException extends WeirException {
  private static final long serialVersionUID = 1L;

  public RepeatingException(String message) {
    super(message);
  }
}
