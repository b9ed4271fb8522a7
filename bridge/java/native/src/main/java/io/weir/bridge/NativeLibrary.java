package io.weir.bridge;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;

/**
 * Finds and loads the native library: the file that the property {@code weir.library} names, or the one in the jar. A process has
 * one copy of each version, whatever class loaders its engine makes for jobs and restarts: see {@link NativeDoor}.
 */
final class NativeLibrary {
  private static final String PROPERTY = "weir.library";

  /** Where the doors of libraries are: the one place that all class loaders share. */
  private static final String SHARED = "io.weir.native.";

  private NativeLibrary() {}

  /** Binds the native methods of a class to the library, which is loaded now if no other class loader has before. */
  static void bind(Class<?> natives) {
    var door = (Class<?>) System.getProperties().computeIfAbsent(SHARED + version(), version -> load());
    call(door, "bind", Class.class, natives);
  }

  private static Class<?> load() {
    Class<?> door = new Apart().door();
    String path = System.getProperty(PROPERTY);
    if (path != null) {
      call(door, "load", String.class, Path.of(path).toAbsolutePath().toString());
      return door;
    }
    try (InputStream library = entry()) {
      Path copy = Files.createTempFile("weir-native-", ".so");
      try {
        Files.copy(library, copy, StandardCopyOption.REPLACE_EXISTING);
        call(door, "load", String.class, copy.toString());
      } finally {
        // It stays loaded.
        Files.deleteIfExists(copy);
      }
    } catch (IOException error) {
      throw unloadable(error);
    }
    return door;
  }

  private static <T> void call(Class<?> door, String name, Class<T> type, T argument) {
    try {
      MethodHandle method = MethodHandles.publicLookup().findStatic(door, name, MethodType.methodType(void.class, type));
      method.invoke(argument);
    } catch (Throwable error) {
      throw unloadable(error);
    }
  }

  private static WeirException unloadable(Throwable error) {
    return new WeirException("cannot load Weir's native library", error);
  }

  private static String version() {
    String path = System.getProperty(PROPERTY);
    if (path != null) {
      return path;
    }
    try (InputStream library = new DigestInputStream(entry(), MessageDigest.getInstance("SHA-256"))) {
      library.transferTo(OutputStream.nullOutputStream());
      return HexFormat.of().formatHex(((DigestInputStream) library).getMessageDigest().digest());
    } catch (IOException | NoSuchAlgorithmException error) {
      throw unloadable(error);
    }
  }

  private static InputStream entry() throws IOException {
    String platform = System.getProperty("os.name").toLowerCase(Locale.ROOT) + "-" + System.getProperty("os.arch");
    InputStream library = NativeLibrary.class.getResourceAsStream("/weir/" + platform + "/libweir_native.so");
    if (library == null) {
      throw new IOException(
          "the jar has no library for " + platform + ": take one that was built on such a machine (`cargo xtask flink` or `cargo xtask spark`"
              + " in the sources), or give the JVM -D" + PROPERTY + "=PATH, for `weir submit` in JAVA_TOOL_OPTIONS");
    }
    return library;
  }

  /** Has a copy of {@link NativeDoor}, and no class of a job: those would stay with it. */
  private static final class Apart extends ClassLoader {
    Apart() {
      super(ClassLoader.getPlatformClassLoader());
    }

    Class<?> door() {
      try (InputStream file = NativeDoor.class.getResourceAsStream(NativeDoor.class.getSimpleName() + ".class")) {
        byte[] bytes = file.readAllBytes();
        return defineClass(NativeDoor.class.getName(), bytes, 0, bytes.length);
      } catch (IOException error) {
        throw unloadable(error);
      }
    }
  }
}
