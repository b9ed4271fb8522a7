package io.weir.flink;

import io.weir.bridge.Native;
import io.weir.bridge.WeirException;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.typeutils.RowTypeInfo;
import org.apache.flink.types.Row;

/**
 * Opens and closes the component that is named, which traps at 13, many times, and lets the JVM handle faults of its own between: for tests
 * of what stays behind. It ends with an exception if memory or open files grow, or a fault is not handled.
 */
public final class OpensTrial {
  private static final int OPENS = 1_000;

  /** By then caches are filled. */
  private static final int SETTLED_AT = 200;

  /** An instance takes more than a tenth of a megabyte: a fraction of what leaked ones would take, if the heap is touched before. */
  private static final long GROWTH_KB_MAX = 25_000;

  private static final int FAULTS = 100;

  private OpensTrial() {}

  public static void main(String[] arguments) throws Exception {
    var type = new RowTypeInfo(new TypeInformation<?>[] {Types.LONG}, new String[] {"value"});
    var columns = RowColumns.of(type);
    var transform = WeirTransform.of(arguments[0]).onError("skip");
    Row[] rows = {Row.of(5L), Row.of(13L)};
    long settledKb = 0;
    int settledFiles = 0;
    for (int open = 0; open < OPENS; open++) {
      try (OpenComponent component = OpenComponent.open(transform, type)) {
        byte[] emitted = Native.process(component.handle(), columns.write(rows, rows.length, null));
        if (emitted.length == 0) {
          throw new WeirException("the row before the one that traps is lost");
        }
      }
      handlesFaults();
      if (open == SETTLED_AT) {
        settledKb = residentKb();
        settledFiles = openFiles();
      }
    }
    if (residentKb() - settledKb > GROWTH_KB_MAX || openFiles() > settledFiles + 2) {
      throw new WeirException(
          "memory has grown from " + settledKb + " to " + residentKb() + " KB, open files from " + settledFiles + " to " + openFiles());
    }
    System.out.println("ok");
  }

  /** The JVM finds null pointers and full stacks by the signals that the library handles, too. */
  private static void handlesFaults() {
    for (int fault = 0; fault < FAULTS; fault++) {
      try {
        length(fault % 2 == 0 ? null : "");
      } catch (NullPointerException expected) {
        continue;
      }
    }
    try {
      deeper(0);
    } catch (StackOverflowError expected) {
      return;
    }
    throw new WeirException("the stack has no end");
  }

  private static int length(String text) {
    return text.length();
  }

  private static int deeper(int depth) {
    return deeper(depth + 1) + 1;
  }

  private static long residentKb() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("\\D", ""));
      }
    }
    throw new IOException("the system does not say how much memory the process has");
  }

  private static int openFiles() {
    return new File("/proc/self/fd").list().length;
  }
}
