package io.weir.spark;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.weir.bridge.RepeatingException;
import io.weir.bridge.WeirException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.hadoop.conf.Configuration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The checkpoints of a job, in one sequence with its runs: each entry has the next number, and is there once. So a run that is not the
 * newest any more, because another driver has begun one, can complete nothing: the number that it wants is taken, or, if that entry has
 * been removed since, there are higher ones.
 */
final class CheckpointLog {
  private static final Logger LOG = LoggerFactory.getLogger(CheckpointLog.class);

  /** Checkpoints that are kept. */
  private static final int KEPT = 2;

  /** How often a driver tries to replace one that completes micro-batches meanwhile. */
  private static final int TRIES = 20;

  /** What is in the folder: the log, and the files of states. */
  private static final Set<String> OWN = Set.of("log", "state");

  private static final ObjectMapper JSON = new ObjectMapper();

  /** A checkpoint, or a run that has begun: then there is none. And the driver that wrote it. */
  record Entry(String driver, Checkpoint checkpoint) {}

  private final Folder entries;
  private final Folder states;
  private final String shown;
  private final String driver;
  private boolean hasBegun;

  /** The driver of the newest entry; null: there is none. */
  private String owner;

  /** The numbers of entries that are there. */
  private final TreeSet<Long> numbers = new TreeSet<>();

  /** The newest entries that hold a checkpoint, with the files of its state. */
  private final TreeMap<Long, Set<String>> checkpoints = new TreeMap<>();

  private Checkpoint last = Checkpoint.NONE;
  private int attempt;

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
  }

  /** The newest checkpoint. */
  Checkpoint last() {
    return last;
  }

  /** How many runs had begun from it before this one. */
  int attempt() {
    return attempt;
  }

  /**
   * Begins a run from the newest checkpoint; its number. From now on older ones complete nothing. The first of a driver replaces any other
   * driver; a later one is refused if there is a newer driver.
   */
  long begin() throws IOException {
    for (int tries = 0; tries < TRIES; tries++) {
      try {
        load();
      } catch (FileNotFoundException | NoSuchFileException removed) {
        // The driver that runs has completed a micro-batch, and removed an old entry.
        continue;
      }
      if (hasBegun && !driver.equals(owner)) {
        throw replaced();
      }
      long run = next();
      if (append(run, null)) {
        hasBegun = true;
        removeUnfinished(run);
        return run;
      }
    }
    throw new WeirException(
        "cannot take the job over: the driver that runs it now, from the checkpoints in " + shown + ", has completed a micro-batch at each of "
            + TRIES + " tries");
  }

  /** Completes a micro-batch. */
  void complete(Checkpoint checkpoint) throws IOException {
    long number = next();
    if (!append(number, checkpoint)) {
      throw replaced();
    }
    checkpoints.put(number, checkpoint.files());
    last = checkpoint;
  }

  /** Removes what no checkpoint that is kept needs. Nothing depends on it, so an error is only logged. */
  void clean() {
    try {
      while (checkpoints.size() > KEPT) {
        long oldest = checkpoints.firstKey();
        Set<String> unused = new HashSet<>(checkpoints.get(oldest));
        checkpoints.tailMap(oldest, false).values().forEach(unused::removeAll);
        for (String file : unused) {
          states.remove(file);
        }
        checkpoints.remove(oldest);
      }
      for (long number : List.copyOf(numbers.headSet(checkpoints.firstKey()))) {
        entries.remove(name(number));
        numbers.remove(number);
      }
    } catch (IOException error) {
      LOG.warn("cannot remove old checkpoints in {}; trying again behind the next micro-batch", shown, error);
    }
  }

  /** Reads the entries down to the oldest checkpoint that is kept. */
  private void load() throws IOException {
    numbers.clear();
    checkpoints.clear();
    last = Checkpoint.NONE;
    owner = null;
    attempt = 0;
    numbers.addAll(written());
    for (long number : numbers.descendingSet()) {
      Entry entry = read(number);
      owner = owner == null ? entry.driver() : owner;
      Checkpoint checkpoint = entry.checkpoint();
      if (checkpoint == null) {
        attempt += checkpoints.isEmpty() ? 1 : 0;
        continue;
      }
      last = checkpoints.isEmpty() ? checkpoint : last;
      checkpoints.put(number, checkpoint.files());
      if (checkpoints.size() == KEPT) {
        break;
      }
    }
  }

  /** Removes the state that older runs have written without completing it. */
  private void removeUnfinished(long run) {
    Set<String> used = new HashSet<>();
    checkpoints.values().forEach(used::addAll);
    try {
      for (String file : states.names()) {
        if (!used.contains(file) && StateFile.run(file) < run) {
          states.remove(file);
        }
      }
    } catch (IOException error) {
      LOG.warn("cannot remove state in {} that no checkpoint needs; trying again when the next run begins", shown, error);
    }
  }

  private long next() {
    return numbers.isEmpty() ? 1 : numbers.last() + 1;
  }

  /** Adds an entry; false: another driver has added one. */
  private boolean append(long number, Checkpoint checkpoint) throws IOException {
    if (!entries.create(name(number), JSON.writeValueAsBytes(new Entry(driver, checkpoint)))) {
      return false;
    }
    // A newer driver may have removed the entry that had this number, as it was old.
    if (written().last() > number) {
      entries.remove(name(number));
      return false;
    }
    // Where a rename is not atomic, as on S3, another driver may have replaced the entry.
    if (!driver.equals(read(number).driver())) {
      return false;
    }
    numbers.add(number);
    return true;
  }

  /** The numbers of entries that are there now. */
  private TreeSet<Long> written() throws IOException {
    var written = new TreeSet<Long>();
    for (String name : entries.names()) {
      if (name.matches("\\d+")) {
        written.add(Long.parseLong(name));
      }
    }
    return written;
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
    return String.format(Locale.ROOT, "%012d", number);
  }
}
