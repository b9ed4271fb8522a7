package io.weir.bridge;

import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where a task finds the pipeline file and its components: in the job's jar, in a file of this machine, or in the job itself. */
public final class BundleSource implements Serializable {
  private static final long serialVersionUID = 1L;

  /** The entry that {@code weir submit} adds to the jar. */
  public static final String ENTRY = "weir/bundle";

  /** Null: it is not in a file. */
  private final String path;

  /** Null: it is elsewhere. */
  private final byte[] bytes;

  public BundleSource(String path) {
    this.path = path;
    this.bytes = null;
  }

  public BundleSource(byte[] bytes) {
    this.path = null;
    this.bytes = bytes;
  }

  public byte[] read(ClassLoader job) throws IOException {
    if (bytes != null) {
      return bytes;
    }
    return path == null ? entry(job) : Files.readAllBytes(Path.of(path));
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
