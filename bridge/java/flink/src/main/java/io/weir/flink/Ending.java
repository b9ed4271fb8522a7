package io.weir.flink;

import io.weir.bridge.WeirException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;

/**
 * Lets all sources of a job finish together, although each may have read everything long before. Flink does not start a task again
 * that had finished in the checkpoint from which a job resumes; the subtasks behind it would wait for its end, which travels
 * among its rows. So a checkpoint holds either no finished source or only finished ones, and those between fail.
 *
 * <p>The enumerators of a job's sources run in one process and one class loader, and meet here.
 */
final class Ending {
  private static final Map<String, Ending> JOBS = new HashMap<>();

  private final String job;
  private final Member[] members;

  private Ending(String job, int sources) {
    this.job = job;
    this.members = new Member[sources];
  }

  static Member join(String job, int source, int sources, SplitEnumeratorContext<?> context) {
    synchronized (JOBS) {
      Ending ending = JOBS.computeIfAbsent(job, name -> new Ending(name, sources));
      Member member = ending.new Member(source, context);
      ending.members[source] = member;
      return member;
    }
  }

  /** One source. */
  final class Member {
    private final int source;
    private final SplitEnumeratorContext<?> context;
    private final Set<Integer> ended = new HashSet<>();
    private final Set<Integer> told = new HashSet<>();
    private final Set<Integer> finished = new HashSet<>();

    private Member(int source, SplitEnumeratorContext<?> context) {
      this.source = source;
      this.context = context;
    }

    /** A subtask has started, perhaps again. */
    void begin(int subtask) {
      synchronized (JOBS) {
        ended.remove(subtask);
        told.remove(subtask);
        finished.remove(subtask);
      }
    }

    /** A subtask has read everything. */
    void end(int subtask) {
      synchronized (JOBS) {
        ended.add(subtask);
        for (Member member : members) {
          if (member == null || member.ended.size() < member.context.currentParallelism()) {
            return;
          }
        }
        for (Member member : members) {
          member.tellAll();
        }
      }
    }

    private void tellAll() {
      for (int subtask : ended) {
        if (told.add(subtask)) {
          context.runInCoordinatorThread(
              () -> context.sendEventToSourceReader(subtask, TurnSource.Sign.FINISH));
        }
      }
    }

    /** A subtask gives no more turns. */
    void finish(int subtask) {
      synchronized (JOBS) {
        finished.add(subtask);
      }
    }

    /** Fails a checkpoint that would hold some finished sources. */
    void check() {
      synchronized (JOBS) {
        boolean some = false;
        boolean all = true;
        for (Member member : members) {
          some |= member != null && !member.told.isEmpty();
          all &= member != null && member.finished.size() == member.context.currentParallelism();
        }
        if (some && !all) {
          throw new WeirException("the sources of the job are about to finish: the next checkpoint holds their end");
        }
      }
    }

    void leave() {
      synchronized (JOBS) {
        if (members[source] == this) {
          members[source] = null;
        }
        for (Member member : members) {
          if (member != null) {
            return;
          }
        }
        JOBS.remove(job, Ending.this);
      }
    }
  }
}
