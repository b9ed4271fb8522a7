package io.weir.spark;

import io.weir.bridge.Answer;
import io.weir.bridge.RepeatingException;
import io.weir.bridge.WeirException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.concurrent.locks.LockSupport;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskKilledException;
import org.apache.spark.util.TaskCompletionListener;
import scala.Tuple2;

/**
 * One subtask in one micro-batch, as a task of Spark: elements in, elements out, and at last a {@link Report}. It works while what it gives
 * out is taken, so nothing but what Spark sorts is in memory. What is for later stages passes through.
 *
 * <p>A source that is read again gives other elements. So a task runs once: if Spark starts it again, because an executor or its files are
 * lost, it refuses, and the micro-batch fails as a whole. The run begins again from the last checkpoint, as if nothing of the micro-batch
 * had been.
 */
final class SubtaskTurn implements Iterator<Tuple2<Address, byte[]>> {
  /** How long a source that gave nothing waits at least before it is asked again. */
  private static final long PAUSE_NANOS = 1_000_000;

  private final Turn turn;
  private final Run run;
  private final int subtask;
  private final Plan.Chain chain;
  private final Iterator<Tuple2<Address, byte[]>> input;
  private final TaskContext context;
  private final ArrayDeque<Tuple2<Address, byte[]>> out = new ArrayDeque<>();
  private final long begunNanos = System.nanoTime();

  /** Null: it has ended in an earlier micro-batch, or is done with this one. */
  private OpenSubtask open;

  private long sequence;
  private long reads;
  private boolean isRead;
  private boolean isDone;

  /** Whether its state is another than before the micro-batch. */
  private boolean hasChanged;

  SubtaskTurn(Turn turn, int subtask, Iterator<Tuple2<Address, byte[]>> input, TaskContext context) throws IOException {
    this.turn = turn;
    this.run = turn.run().value();
    this.subtask = subtask;
    this.chain = run.layout().chain(subtask);
    this.input = input;
    this.context = context;
    if (context.attemptNumber() > 0 || context.stageAttemptNumber() > 0) {
      throw new WeirException("Spark ran a task of " + chain.name() + " again, as an executor or what it had written was lost");
    }
    isDone = turn.ended().get(subtask);
    if (!isDone) {
      open = OpenSubtasks.take(turn, subtask);
      hasChanged = turn.isFirst() || open.hasMore();
      context.addTaskCompletionListener(
          (TaskCompletionListener)
              over -> {
                if (open != null) {
                  open.close();
                }
              });
    }
  }

  @Override
  public boolean hasNext() {
    try {
      while (out.isEmpty() && step()) {
        if (context.isInterrupted()) {
          throw new TaskKilledException();
        }
      }
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
    return !out.isEmpty();
  }

  @Override
  public Tuple2<Address, byte[]> next() {
    return out.remove();
  }

  /** Does something; false: there is nothing left. */
  private boolean step() throws IOException {
    if (open != null && open.hasMore()) {
      take(open.more());
    } else if (!isRead) {
      isRead = chain.isSource() ? !read() : !receive();
    } else if (!isDone) {
      isDone = true;
      finish();
    } else {
      return false;
    }
    return true;
  }

  /** Reads from a source; false: it is enough for this micro-batch. */
  private boolean read() {
    if (open == null || open.hasEnded()) {
      return false;
    }
    takeTime();
    long before = System.nanoTime();
    Answer answer = open.hasMore() ? null : open.poll();
    if (answer == null) {
      return true;
    }
    take(answer);
    hasChanged = true;
    boolean isTimeOver = turn.readMs() > 0 && System.nanoTime() - begunNanos >= turn.readMs() * 1_000_000;
    if (answer.hadRows() || open.hasEnded()) {
      reads++;
      return !isTimeOver && reads < turn.readsMax();
    }
    // In its first micro-batch a source may still be connecting to its broker: it is asked until the interval is over.
    boolean waits = turn.readMs() == 0 || turn.isFirst() && sequence == 0;
    if (waits && !isTimeOver) {
      if (!open.hasMore()) {
        take(open.flush());
      }
      if (System.nanoTime() - before < PAUSE_NANOS) {
        LockSupport.parkNanos(PAUSE_NANOS);
      }
      return true;
    }
    return false;
  }

  /** Takes an element; false: there is none left. */
  private boolean receive() {
    if (!input.hasNext()) {
      return false;
    }
    Tuple2<Address, byte[]> element = input.next();
    if (element._1().target() != subtask) {
      out.add(element);
      return true;
    }
    if (open == null) {
      throw new RepeatingException(chain.name() + " has ended, and was sent something");
    }
    takeTime();
    while (open.hasMore()) {
      take(open.more());
    }
    take(open.element(element._2()));
    hasChanged = true;
    return true;
  }

  private void takeTime() {
    Answer answer = open.timeIfDue();
    if (answer != null) {
      take(answer);
      hasChanged = true;
    }
  }

  private void take(Answer answer) {
    try {
      answer.forEach(
          (edge, number, element) ->
              out.add(new Tuple2<>(new Address(run.layout().target(edge, number), sequence++, subtask), element)));
    } catch (Exception error) {
      throw new WeirException("cannot read an answer", error);
    }
  }

  private void finish() throws IOException {
    takeTime();
    while (open.hasMore()) {
      take(open.more());
    }
    if (!run.isDurable() && !open.hasEnded()) {
      throw new RepeatingException(chain.name() + " has not got the end of all its inputs");
    }
    if (run.isDurable()) {
      Answer answer = open.barrier(turn.number());
      take(answer);
      while (!answer.isFrozen()) {
        answer = open.more();
        take(answer);
      }
    }
    var prepared = new HashMap<String, byte[]>();
    for (String sink : chain.sinks()) {
      byte[] ofSink = open.prepared(sink);
      if (ofSink != null) {
        prepared.put(sink, ofSink);
      }
    }
    if (run.isDurable() && (hasChanged || !prepared.isEmpty())) {
      open.piece = StateFile.name(run.number(), turn.number(), subtask);
      Folder.at(run.states(), run.hadoop().value()).write(open.piece, open.snapshot());
    }
    var report = new Report(subtask, open.piece, open.hasEnded(), prepared, open.figures(), location());
    out.add(new Tuple2<>(new Address(Address.DRIVER, sequence++, subtask), report.encode()));
    GuestLog.take();
    OpenSubtask done = open;
    open = null;
    OpenSubtasks.put(turn, subtask, done);
  }

  /** In Spark's form: this process, and no other of the same machine. */
  private static String location() {
    SparkEnv spark = SparkEnv.get();
    return "executor_" + spark.blockManager().blockManagerId().host() + "_" + spark.executorId();
  }
}
