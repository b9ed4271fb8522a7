package io.weir.flink;

import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where a task finds the pipeline file and its components: in the job's jar, or in a file of this machine. */
final class BundleSource implements Serializable {
  private static final long serialVersionUID = 1L;

  /** The entry that {@code weir submit} adds to the jar. */
  static final String ENTRY = "weir/bundle";

  /** Null: in the jar. */
  private final String path;

  private final String[] overrides;

  BundleSource(String path, String... overrides) {
    this.path = path;
    this.overrides = overrides;
  }

  byte[] read(ClassLoader job) throws IOException {
    byte[] bundle = path == null ? entry(job) : Files.readAllBytes(Path.of(path));
    return overrides.length == 0 ? bundle : NativeCalls.withOverrides(bundle, overrides);
  }

  private static byte[] entry(ClassLoader job) throws IOException {
    try (InputStream bundle = job.getResourceAsStream(ENTRY)) {
      if (bundle == null) {
        throw new WeirException("the job's jar holds no pipeline: `weir submit` puts it there, or name the file of a bundle");
      }
      return bundle.readAllBytes();
    }
  }
}
