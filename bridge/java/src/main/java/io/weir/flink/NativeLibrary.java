package io.weir.flink;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Locale;

/**
 * Loads the native library: the file that the property {@code weir.library} names, or the one in the jar. Each class loader needs
 * a copy of its own, because Java loads a file only once.
 */
final class NativeLibrary {
  private static final String PROPERTY = "weir.library";

  private NativeLibrary() {}

  static void load() {
    String path = System.getProperty(PROPERTY);
    if (path != null) {
      try {
        System.load(Path.of(path).toAbsolutePath().toString());
        return;
      } catch (UnsatisfiedLinkError error) {
        // Another class loader has this very file, or it is none: a copy will tell.
      }
    }
    try (InputStream library = path == null ? entry() : Files.newInputStream(Path.of(path))) {
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

  private static InputStream entry() throws IOException {
    String platform = System.getProperty("os.name").toLowerCase(Locale.ROOT) + "-" + System.getProperty("os.arch");
    InputStream library = NativeLibrary.class.getResourceAsStream("/weir/" + platform + "/libweir_native.so");
    if (library == null) {
      throw new IOException("the jar has no library for " + platform + "; -D" + PROPERTY + "=PATH names one");
    }
    return library;
  }
}
