package io.weir.flink;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.apache.flink.api.common.JobExecutionResult;
import org.apache.flink.runtime.util.EnvironmentInformation;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.flink.util.ExceptionUtils;

/**
 * {@link WeirJob} in a process of its own, for {@code weir submit --target local}: what came of it is written to the file that the first
 * argument names. That is JSON, {@code {"id": .., "flink": VERSION, "elapsed_ms": .., "figures": {"STEP": {"rows-in": ..}}}}, or the stack
 * trace of why it failed.
 */
public final class WeirLocal {
  private WeirLocal() {}

  public static void main(String[] arguments) throws IOException {
    Thread watch = new Thread(WeirLocal::endWithCaller, "watch");
    watch.setDaemon(true);
    watch.start();
    Path outcome = Path.of(arguments[0]);
    try {
      Files.writeString(outcome, told(WeirJob.run(Arrays.copyOfRange(arguments, 1, arguments.length))));
    } catch (Exception | LinkageError error) {
      Files.writeString(outcome, ExceptionUtils.stringifyException(error));
      System.exit(1);
    }
    // Threads of Flink's may still be there.
    System.exit(0);
  }

  private static String told(JobExecutionResult result) {
    ObjectNode told = new ObjectMapper().createObjectNode();
    told.put("id", result.getJobID().toHexString());
    told.put("flink", EnvironmentInformation.getVersion());
    told.put("elapsed_ms", result.getNetRuntime());
    Figures.write(result.getAllAccumulatorResults(), told.putObject("figures"));
    return told.toString();
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
}
