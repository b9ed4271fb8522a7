package io.weir.flink;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * What Flink takes for the source of a chain: it reads nothing, but gives the {@link SourceChain} behind it one {@link Turn} after
 * another. That operator has the splits, their offsets and the state, so a restart can divide them anew.
 *
 * <p>A source that has read everything stays until all sources of the job have: see {@link Ending}.
 */
final class TurnSource implements Source<Turn, TurnSource.NoSplit, String> {
  private static final long serialVersionUID = 1L;

  /** Names this run of the job among those of the same process. */
  private final String job;

  private final int source;
  private final int sources;

  TurnSource(String job, int source, int sources) {
    this.job = job;
    this.source = source;
    this.sources = sources;
  }

  /** It never calls for one. */
  static final class NoSplit implements SourceSplit {
    @Override
    public String splitId() {
      return "";
    }
  }

  /** From a reader: it has read all. From the enumerator: all readers of all sources have. */
  enum Sign implements SourceEvent {
    ENDED,
    FINISH,
    FINISHED
  }

  @Override
  public Boundedness getBoundedness() {
    return Boundedness.CONTINUOUS_UNBOUNDED;
  }

  @Override
  public SourceReader<Turn, NoSplit> createReader(SourceReaderContext context) {
    return new Reader(context);
  }

  @Override
  public SplitEnumerator<NoSplit, String> createEnumerator(SplitEnumeratorContext<NoSplit> context) {
    return new Enumerator(context, Ending.join(job, source, sources, context));
  }

  @Override
  public SplitEnumerator<NoSplit, String> restoreEnumerator(SplitEnumeratorContext<NoSplit> context, String state) {
    return createEnumerator(context);
  }

  @Override
  public SimpleVersionedSerializer<NoSplit> getSplitSerializer() {
    return new NoBytes<>(new NoSplit());
  }

  @Override
  public SimpleVersionedSerializer<String> getEnumeratorCheckpointSerializer() {
    return new NoBytes<>("");
  }

  /** Of a value that says nothing. */
  private record NoBytes<T>(T value) implements SimpleVersionedSerializer<T> {
    @Override
    public int getVersion() {
      return 1;
    }

    @Override
    public byte[] serialize(T value) {
      return new byte[0];
    }

    @Override
    public T deserialize(int version, byte[] bytes) {
      return value;
    }
  }

  private static final class Reader implements SourceReader<Turn, NoSplit> {
    private final SourceReaderContext context;
    private final Turn turn = new Turn();
    private CompletableFuture<Void> available = CompletableFuture.completedFuture(null);
    private boolean isToFinish;

    Reader(SourceReaderContext context) {
      this.context = context;
    }

    @Override
    public void start() {}

    @Override
    public InputStatus pollNext(ReaderOutput<Turn> output) {
      if (isToFinish) {
        context.sendSourceEventToCoordinator(Sign.FINISHED);
        return InputStatus.END_OF_INPUT;
      }
      if (!turn.hasEnded) {
        output.collect(turn);
        if (!turn.hasEnded) {
          return InputStatus.MORE_AVAILABLE;
        }
        available = new CompletableFuture<>();
        context.sendSourceEventToCoordinator(Sign.ENDED);
      }
      return InputStatus.NOTHING_AVAILABLE;
    }

    @Override
    public void handleSourceEvents(SourceEvent event) {
      isToFinish = true;
      available.complete(null);
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
      return available;
    }

    @Override
    public List<NoSplit> snapshotState(long checkpoint) {
      return List.of();
    }

    @Override
    public void addSplits(List<NoSplit> splits) {}

    @Override
    public void notifyNoMoreSplits() {}

    @Override
    public void close() {}
  }

  private record Enumerator(SplitEnumeratorContext<NoSplit> context, Ending.Member member)
      implements SplitEnumerator<NoSplit, String> {
    @Override
    public void start() {}

    @Override
    public void handleSplitRequest(int subtask, String host) {}

    @Override
    public void addSplitsBack(List<NoSplit> splits, int subtask) {}

    @Override
    public void addReader(int subtask) {
      member.begin(subtask);
    }

    @Override
    public void handleSourceEvent(int subtask, SourceEvent event) {
      if (event == Sign.ENDED) {
        member.end(subtask);
      } else {
        member.finish(subtask);
      }
    }

    @Override
    public String snapshotState(long checkpoint) {
      member.check();
      return "";
    }

    @Override
    public void close() {
      member.leave();
    }
  }
}
