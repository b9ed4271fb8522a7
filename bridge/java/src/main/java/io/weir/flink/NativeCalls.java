package io.weir.flink;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/**
 * The methods of {@link Native}, in the one copy of it that a process has: each class loader would load the library anew, and
 * Flink makes one for each job and each restart. A library is never unloaded, because its threads run on.
 */
final class NativeCalls {
  private static final Class<?> NATIVE = NativeLibrary.shared();

  private static final MethodHandle PLAN = find("plan", String.class, byte[].class, String.class);
  private static final MethodHandle BUNDLE = find("bundle", byte[].class, String.class, String[].class);
  private static final MethodHandle WITH_OVERRIDES = find("withOverrides", byte[].class, byte[].class, String[].class);
  private static final MethodHandle OPEN =
      find(
          "open",
          long.class,
          byte[].class,
          String.class,
          int.class,
          int.class,
          byte[][].class,
          long.class,
          int.class,
          boolean.class,
          boolean.class);
  private static final MethodHandle POLL = find("poll", byte[].class, long.class, long.class);
  private static final MethodHandle ELEMENT = find("element", byte[].class, long.class, byte[].class);
  private static final MethodHandle MORE = find("more", byte[].class, long.class);
  private static final MethodHandle TIME = find("time", byte[].class, long.class, long.class);
  private static final MethodHandle FLUSH = find("flush", byte[].class, long.class, boolean.class);
  private static final MethodHandle BARRIER = find("barrier", byte[].class, long.class, long.class);
  private static final MethodHandle DRAIN = find("drain", byte[].class, long.class);
  private static final MethodHandle SNAPSHOT = find("snapshot", byte[].class, long.class);
  private static final MethodHandle PREPARED = find("prepared", byte[].class, long.class, String.class);
  private static final MethodHandle DEADLINE = find("deadline", long.class, long.class);
  private static final MethodHandle FIGURES = find("figures", String.class, long.class);
  private static final MethodHandle LINES = find("lines", String.class);
  private static final MethodHandle CLOSE = find("close", void.class, long.class);
  private static final MethodHandle OPEN_COMMITTER =
      find("openCommitter", long.class, byte[].class, String.class, String.class, long.class, int.class, boolean.class);
  private static final MethodHandle COMMIT = find("commit", void.class, long.class, byte[][].class);
  private static final MethodHandle CLOSE_COMMITTER = find("closeCommitter", void.class, long.class);
  private static final MethodHandle OPEN_OPERATOR =
      find("openOperator", long.class, byte[].class, String.class, String.class);
  private static final MethodHandle OUTPUTS = find("outputs", String.class, long.class);
  private static final MethodHandle PROCESS = find("process", byte[].class, long.class, byte[].class);
  private static final MethodHandle CLOSE_OPERATOR = find("closeOperator", void.class, long.class);

  private NativeCalls() {}

  private static MethodHandle find(String name, Class<?> result, Class<?>... parameters) {
    try {
      return MethodHandles.publicLookup().findStatic(NATIVE, name, MethodType.methodType(result, parameters));
    } catch (ReflectiveOperationException error) {
      throw new WeirException("the native library is of another version", error);
    }
  }

  /** The exception is of the class loader of the library. */
  private static RuntimeException translated(Throwable error) {
    if (error.getClass().getName().equals(RepeatingException.class.getName())) {
      return new RepeatingException(error.getMessage());
    }
    if (error.getClass().getName().equals(WeirException.class.getName())) {
      return new WeirException(error.getMessage(), error.getCause());
    }
    if (error instanceof Error fatal) {
      throw fatal;
    }
    return new WeirException("a native call failed", error);
  }

  static String plan(byte[] bundle, String job) {
    try {
      return (String) PLAN.invokeExact(bundle, job);
    } catch (Throwable error) {
      throw translated(error);
    }
  }

  static byte[] bundle(String pipeline, String[] overrides) {
    try {
      return (byte[]) BUNDLE.invokeExact(pipeline, overrides);
    } catch (Throwable error) {
      throw translated(error);
    }
  }

  static byte[] withOverrides(byte[] bundle, String[] overrides) {
    try {
      return (byte[]) WITH_OVERRIDES.invokeExact(bundle, overrides);
    } catch (Throwable error) {
      throw translated(error);
    }
  }

  static long open(
      byte[] bundle,
      String job,
      int chain,
      int subtask,
      byte[][] restored,
      long restoredCheckpoint,
      int attempt,
      boolean durable,
      boolean dropsState) {
    try {
      return (long) OPEN.invokeExact(bundle, job, chain, subtask, restored, restoredCheckpoint, attempt, durable, dropsState);
    } catch (Throwable error) {
      throw translated(error);
    }
  }

  static byte[] poll(long handle, long nowMicros) {
    try {
      return (byte[]) POLL.invokeExact(handle, nowMicros);
    } catch (Throwable error) {
      throw translated(error);
    }
  }

  static byte[] element(long handle, byte[] payload) {
    try {
      return (byte[]) ELEMENT.invokeExact(handle, payload);
    } catch (Throwable error) {
      throw translated(error);
    }
  }

  static byte[] more(long handle) {
    try {
      return (byte[]) MORE.invokeExact(handle);
    } catch (Throwable error) {
      throw translated(error);
    }
  }

  static byte[] time(long handle, long nowMicros) {
    try {
      return (byte[]) TIME.invokeExact(handle, nowMicros);
    } catch (Throwable error) {
      throw translated(error);
    }
  }

  static byte[] flush(long handle, boolean linger) {
    try {
      return (byte[]) FLUSH.invokeExact(handle, linger);
    } catch (Throwable error) {
      throw translated(error);
    }
  }

  static byte[] barrier(long handle, long checkpoint) {
    try {
      return (byte[]) BARRIER.invokeExact(handle, checkpoint);
    } catch (Throwable error) {
      throw translated(error);
    }
  }

  static byte[] drain(long handle) {
    try {
      return (byte[]) DRAIN.invokeExact(handle);
    } catch (Throwable error) {
      throw translated(error);
    }
  }

  static byte[] snapshot(long handle) {
    try {
      return (byte[]) SNAPSHOT.invokeExact(handle);
    } catch (Throwable error) {
      throw translated(error);
    }
  }

  static byte[] prepared(long handle, String sink) {
    try {
      return (byte[]) PREPARED.invokeExact(handle, sink);
    } catch (Throwable error) {
      throw translated(error);
    }
  }

  static long deadline(long handle) {
    try {
      return (long) DEADLINE.invokeExact(handle);
    } catch (Throwable error) {
      throw translated(error);
    }
  }

  static String figures(long handle) {
    try {
      return (String) FIGURES.invokeExact(handle);
    } catch (Throwable error) {
      throw translated(error);
    }
  }

  static String lines() {
    try {
      return (String) LINES.invokeExact();
    } catch (Throwable error) {
      throw translated(error);
    }
  }

  static void close(long handle) {
    try {
      CLOSE.invokeExact(handle);
    } catch (Throwable error) {
      throw translated(error);
    }
  }

  static long openCommitter(
      byte[] bundle, String job, String sink, long restoredCheckpoint, int attempt, boolean durable) {
    try {
      return (long) OPEN_COMMITTER.invokeExact(bundle, job, sink, restoredCheckpoint, attempt, durable);
    } catch (Throwable error) {
      throw translated(error);
    }
  }

  static void commit(long committer, byte[][] prepared) {
    try {
      COMMIT.invokeExact(committer, prepared);
    } catch (Throwable error) {
      throw translated(error);
    }
  }

  static void closeCommitter(long committer) {
    try {
      CLOSE_COMMITTER.invokeExact(committer);
    } catch (Throwable error) {
      throw translated(error);
    }
  }

  static long openOperator(byte[] component, String options, String columns) {
    try {
      return (long) OPEN_OPERATOR.invokeExact(component, options, columns);
    } catch (Throwable error) {
      throw translated(error);
    }
  }

  static String outputs(long operator) {
    try {
      return (String) OUTPUTS.invokeExact(operator);
    } catch (Throwable error) {
      throw translated(error);
    }
  }

  static byte[] process(long operator, byte[] rows) {
    try {
      return (byte[]) PROCESS.invokeExact(operator, rows);
    } catch (Throwable error) {
      throw translated(error);
    }
  }

  static void closeOperator(long operator) {
    try {
      CLOSE_OPERATOR.invokeExact(operator);
    } catch (Throwable error) {
      throw translated(error);
    }
  }
}
