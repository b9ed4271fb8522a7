package io.weir.flink;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
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
 * one copy of each version, in a class loader of its own that stays; that of the first job stays with it.
 */
final class NativeLibrary {
  private static final String PROPERTY = "weir.library";

  /** Where the classes of libraries are: the one place that all class loaders share. */
  private static final String SHARED = "io.weir.flink.native.";

  /** What a library needs to be called, and to report an error. */
  private static final Class<?>[] APART = {
    WeirException.class, RepeatingException.class, NativeLibrary.class, Native.class
  };

  private NativeLibrary() {}

  /** {@link Native} of the one copy of this library, which is loaded now if no job has before. */
  static Class<?> shared() {
    return (Class<?>) System.getProperties().computeIfAbsent(SHARED + version(), version -> new Apart().load());
  }

  /** Loads the library for this class loader. */
  static void load() {
    String path = System.getProperty(PROPERTY);
    if (path != null) {
      System.load(Path.of(path).toAbsolutePath().toString());
      return;
    }
    try (InputStream library = entry()) {
      Path copy = Files.createTempFile("weir-native-", ".so");
      try {
        Files.copy(library, copy, StandardCopyOption.REPLACE_EXISTING);
        System.load(copy.toString());
      } finally {
        // It stays loaded.
        Files.deleteIfExists(copy);
      }
    } catch (IOException error) {
      throw new WeirException("cannot load Weir's native library", error);
    }
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
      throw new WeirException("cannot read Weir's native library", error);
    }
  }

  private static InputStream entry() throws IOException {
    String platform = System.getProperty("os.name").toLowerCase(Locale.ROOT) + "-" + System.getProperty("os.arch");
    InputStream library = NativeLibrary.class.getResourceAsStream("/weir/" + platform + "/libweir_native.so");
    if (library == null) {
      throw new IOException("the jar has no library for " + platform + "; -D" + PROPERTY + "=PATH names one");
    }
    return library;
  }

  /** Has copies of a few classes, and no other class of the job. */
  private static final class Apart extends ClassLoader {
    Apart() {
      super(ClassLoader.getPlatformClassLoader());
    }

    Class<?> load() {
      try {
        Class<?> last = null;
        // All now: the job's jar is gone when the job is.
        for (Class<?> original : APART) {
          String name = original.getName();
          try (InputStream file = original.getResourceAsStream(original.getSimpleName() + ".class")) {
            byte[] bytes = file.readAllBytes();
            last = defineClass(name, bytes, 0, bytes.length);
          }
        }
        return Class.forName(last.getName(), true, this);
      } catch (IOException | ClassNotFoundException error) {
        throw new WeirException("cannot load Weir's native library", error);
      }
    }

    @Override
    public InputStream getResourceAsStream(String name) {
      return NativeLibrary.class.getClassLoader().getResourceAsStream(name);
    }
  }
}
