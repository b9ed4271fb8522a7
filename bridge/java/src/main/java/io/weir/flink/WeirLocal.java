package io.weir.flink;

/** {@link WeirJob} in a process of its own, for {@code weir submit --target local}: a failure is told without stack traces. */
public final class WeirLocal {
  private WeirLocal() {}

  public static void main(String[] arguments) {
    try {
      WeirJob.main(arguments);
    } catch (Exception error) {
      System.err.println("error: " + causes(error));
      System.exit(1);
    }
    // Threads of Flink's may still be there.
    System.exit(0);
  }

  /** What each cause says that the ones before have not said. */
  static String causes(Throwable error) {
    StringBuilder text = new StringBuilder();
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      String message = cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
      if (text.indexOf(message) < 0) {
        text.append(text.length() == 0 ? "" : "\n  because ").append(message);
      }
    }
    return text.toString();
  }
}
