package io.weir.spark;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;

/** A folder of this machine, or of one that is mounted on all. */
record LocalFolder(Path path) implements Folder {
  @Override
  public List<String> names() throws IOException {
    if (!Files.isDirectory(path)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(path)) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }

  @Override
  public byte[] read(String name) throws IOException {
    return Files.readAllBytes(path.resolve(name));
  }

  @Override
  public void write(String name, byte[] bytes) throws IOException {
    Files.createDirectories(path);
    try (FileChannel file =
        FileChannel.open(
            path.resolve(name), StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
      for (ByteBuffer rest = ByteBuffer.wrap(bytes); rest.hasRemaining(); ) {
        file.write(rest);
      }
      file.force(true);
    }
  }

  @Override
  public boolean create(String name, byte[] bytes) throws IOException {
    String draft = "." + name + "." + UUID.randomUUID() + ".tmp";
    write(draft, bytes);
    try {
      // A link, as a new name would replace a file.
      Files.createLink(path.resolve(name), path.resolve(draft));
      return true;
    } catch (FileAlreadyExistsException exists) {
      return false;
    } finally {
      remove(draft);
    }
  }

  @Override
  public void remove(String name) throws IOException {
    Files.deleteIfExists(path.resolve(name));
  }
}
