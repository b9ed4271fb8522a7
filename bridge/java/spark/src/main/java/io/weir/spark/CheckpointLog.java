package io.weir.spark;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.weir.bridge.RepeatingException;
import io.weir.bridge.WeirException;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.apache.hadoop.conf.Configuration;

/**
 * The checkpoints of a job, in one sequence with its runs: each entry has the next number, and is there once. So a run that is not the
 * newest any more, because another driver has begun one, can complete nothing: the number that it wants is taken.
 */
final class CheckpointLog {
  /** Checkpoints that are kept. */
  private static final int KEPT = 2;

  /** What is in the folder: the log, the files of states, and what Spark keeps of its query. */
  private static final Set<String> OWN = Set.of("log", "state", "query");

  private static final ObjectMapper JSON = new ObjectMapper();

  /** A checkpoint, or a run that has begun: then there is none. And the driver that wrote it. */
  record Entry(String driver, Checkpoint checkpoint) {}

  private final Folder entries;
  private final Folder states;
  private final String shown;
  private final String driver;

  /** The driver of the newest entry; null: there is none. */
  private String owner;

  /** The numbers of entries that are there; of those that hold a checkpoint the newest. */
  private final TreeSet<Long> numbers = new TreeSet<>();

  private final TreeSet<Long> checkpoints = new TreeSet<>();
  private Checkpoint last = Checkpoint.NONE;
  private int runs;

  /** That of a folder, for a driver with a name of its own. */
  CheckpointLog(String folder, Configuration hadoop, String driver) throws IOException {
    this.driver = driver;
    entries = Folder.at(folder + "/log", hadoop);
    states = Folder.at(folder + "/state", hadoop);
    shown = folder;
    for (String name : Folder.at(folder, hadoop).names()) {
      if (!OWN.contains(name) && !name.startsWith(".")) {
        throw new RepeatingException(folder + " holds other files, such as " + name + ": name a folder that is only for this job on Spark");
      }
    }
    for (String name : entries.names()) {
      if (name.matches("\\d+")) {
        numbers.add(Long.parseLong(name));
      }
    }
    for (long number : numbers.descendingSet()) {
      Entry entry = read(number);
      owner = owner == null ? entry.driver() : owner;
      Checkpoint checkpoint = entry.checkpoint();
      if (checkpoint == null) {
        runs += checkpoints.isEmpty() ? 1 : 0;
        continue;
      }
      last = checkpoints.isEmpty() ? checkpoint : last;
      checkpoints.add(number);
      if (checkpoints.size() == KEPT) {
        break;
      }
    }
  }

  /** The newest checkpoint. */
  Checkpoint last() {
    return last;
  }

  /** How many runs have begun from it. */
  int runs() {
    return runs;
  }

  /** Refuses to continue a job that another driver runs now. */
  void checkOwner() {
    if (!driver.equals(owner)) {
      throw replaced();
    }
  }

  /** Begins a run; its number. From now on older ones complete nothing. */
  long begin() throws IOException {
    long run = append(null);
    runs++;
    // What older runs were at: none of them is complete.
    Set<String> used = new HashSet<>();
    for (long number : checkpoints) {
      used.addAll(read(number).checkpoint().files());
    }
    for (String file : states.names()) {
      if (!used.contains(file) && StateFile.run(file) < run) {
        states.remove(file);
      }
    }
    return run;
  }

  /** Completes a micro-batch. */
  void complete(Checkpoint checkpoint) throws IOException {
    checkpoints.add(append(checkpoint));
    Set<String> before = last.files();
    last = checkpoint;
    runs = 0;
    if (checkpoints.size() > KEPT) {
      Set<String> dropped = read(checkpoints.pollFirst()).checkpoint().files();
      dropped.removeAll(before);
      dropped.removeAll(checkpoint.files());
      for (String file : dropped) {
        states.remove(file);
      }
    }
    for (long number : List.copyOf(numbers.headSet(checkpoints.first()))) {
      entries.remove(name(number));
      numbers.remove(number);
    }
  }

  private long append(Checkpoint checkpoint) throws IOException {
    long number = numbers.isEmpty() ? 1 : numbers.last() + 1;
    if (!entries.create(name(number), JSON.writeValueAsBytes(new Entry(driver, checkpoint)))) {
      throw replaced();
    }
    numbers.add(number);
    owner = driver;
    return number;
  }

  private RepeatingException replaced() {
    return new RepeatingException("another driver runs this job now, from the checkpoints in " + shown);
  }

  private Entry read(long number) throws IOException {
    try {
      return JSON.readValue(entries.read(name(number)), Entry.class);
    } catch (com.fasterxml.jackson.core.JacksonException error) {
      throw new WeirException("cannot read " + shown + "/log/" + name(number) + ": it is not as Weir has written it", error);
    }
  }

  private static String name(long number) {
    return String.format("%012d", number);
  }
}
