package io.weir.spark;

import java.io.IOException;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;

/** A folder of a file system that all machines share. It knows no checkpoint. */
interface Folder {
  /** That of a path or a URL, of any file system that Hadoop knows. */
  static Folder at(String path, Configuration hadoop) throws IOException {
    Path named = new Path(path);
    // Hadoop starts a process for each file of this machine, to set its permissions.
    return named.getFileSystem(hadoop) instanceof LocalFileSystem
        ? new LocalFolder(java.nio.file.Path.of(named.toUri().getPath()))
        : new SharedFolder(named, hadoop);
  }

  /** The names of its files. */
  List<String> names() throws IOException;

  byte[] read(String name) throws IOException;

  /** Writes a file whose name nothing else has. */
  void write(String name, byte[] bytes) throws IOException;

  /** Writes a file, whole or not at all; false: there is one of this name, which stays as it is. */
  boolean create(String name, byte[] bytes) throws IOException;

  void remove(String name) throws IOException;
}
