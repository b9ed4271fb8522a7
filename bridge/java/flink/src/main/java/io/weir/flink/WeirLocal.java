package io.weir.flink;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * {@link WeirJob} in a process of its own, for {@code weir submit --target local}: why it failed is written, without stack traces, to
 * the file that the first argument names.
 */
public final class WeirLocal {
  private WeirLocal() {}

  public static void main(String[] arguments) throws IOException {
    Thread watch = new Thread(WeirLocal::endWithCaller, "watch");
    watch.setDaemon(true);
    watch.start();
    try {
      WeirJob.main(Arrays.copyOfRange(arguments, 1, arguments.length));
    } catch (Exception | LinkageError error) {
      Files.writeString(Path.of(arguments[0]), causes(error));
      System.exit(1);
    }
    // Threads of Flink's may still be there.
    System.exit(0);
  }

  /** The command holds the other end of the standard input: when that is closed nobody waits for the job any more. */
  private static void endWithCaller() {
    try {
      while (System.in.read() >= 0) {
        // Nothing is said by it.
      }
    } catch (IOException error) {
      // It is closed, too.
    }
    Runtime.getRuntime().halt(1);
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
