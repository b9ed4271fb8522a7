package io.weir.spark;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.CreateFlag;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileContext;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Options;
import org.apache.hadoop.fs.Path;

/**
 * A folder of HDFS, S3 or another file system of Hadoop. A file is created only once where a rename that replaces nothing is atomic, as in
 * HDFS. On S3 it is not: the file system looks for the new name, and then copies.
 */
final class SharedFolder implements Folder {
  private final FileContext files;
  private final Path path;

  SharedFolder(Path path, Configuration hadoop) throws IOException {
    this.path = path;
    this.files = FileContext.getFileContext(path.toUri(), hadoop);
  }

  @Override
  public List<String> names() throws IOException {
    List<String> names = new ArrayList<>();
    try {
      for (FileStatus file : files.util().listStatus(path)) {
        names.add(file.getPath().getName());
      }
    } catch (FileNotFoundException none) {
      // It comes into being with its first file.
    }
    return names;
  }

  @Override
  public byte[] read(String name) throws IOException {
    try (var in = files.open(new Path(path, name))) {
      return in.readAllBytes();
    }
  }

  @Override
  public void write(String name, byte[] bytes) throws IOException {
    var flags = EnumSet.of(CreateFlag.CREATE, CreateFlag.OVERWRITE);
    try (var out = files.create(new Path(path, name), flags, Options.CreateOpts.createParent())) {
      out.write(bytes);
      // Not all of them can; a file is whole there when it is closed.
      if (out.hasCapability("hsync")) {
        out.hsync();
      }
    }
  }

  @Override
  public boolean create(String name, byte[] bytes) throws IOException {
    String draft = "." + name + "." + UUID.randomUUID() + ".tmp";
    write(draft, bytes);
    try {
      files.rename(new Path(path, draft), new Path(path, name), Options.Rename.NONE);
      return true;
    } catch (FileAlreadyExistsException exists) {
      remove(draft);
      return false;
    }
  }

  @Override
  public void remove(String name) throws IOException {
    try {
      files.delete(new Path(path, name), false);
    } catch (FileNotFoundException gone) {
      // That is what was wanted.
    }
  }
}
