//! What a source and a sink are to the engine. Connectors implement these traits; the engine knows no connector by name.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};

use crate::batch::StreamBatch;
pub use crate::connector_error::{ConnectorError, ReaderGone};
pub use crate::guarantee::Guarantee;
use crate::options::Options;
pub use crate::sink_report::SinkReport;
use crate::time::{Clock, WatermarkStrategy};
pub use crate::written::Written;

/// Makes sources and sinks by the name that the pipeline file gives; the command hands one to the engine.
pub trait Connectors: Send + Sync {
    /// A source, checked: its options are valid and its schema is known.
    ///
    /// # Errors
    /// See [`ConnectorError`]; an option that is wrong carries its place in the pipeline file.
    fn source(&self, connector: &str, options: &Options) -> Result<Box<dyn Source>, ConnectorError>;

    /// A sink, checked.
    ///
    /// # Errors
    /// As [`Connectors::source`].
    fn sink(&self, connector: &str, options: &Options) -> Result<Box<dyn Sink>, ConnectorError>;

    /// The names that [`Connectors::source`] takes.
    fn source_names(&self) -> Vec<&'static str>;

    /// The names that [`Connectors::sink`] takes.
    fn sink_names(&self) -> Vec<&'static str>;

    /// The sink that a program adds to keep the rows of a step that nothing reads, and that an author can read later: its
    /// connector and its options. `path`, in `base`, is a file or, if it ends in `/`, a folder; it comes into being with its first
    /// row. `None`: there is no such sink.
    fn keeping_sink(&self, path: &str, base: &Path) -> Option<(&'static str, Options)> {
        let _ = (path, base);
        None
    }

    /// A source over a file of such rows, at `path` in `base`, with these columns.
    ///
    /// # Errors
    /// If there is no such source, or it cannot be opened.
    fn kept_source(&self, path: &str, base: &Path, schema: &Schema) -> Result<Box<dyn Source>, ConnectorError> {
        let _ = (base, schema);
        Err(ConnectorError::Data(format!("there is no connector that reads {path}")))
    }
}

/// Where rows come from: some splits, each an ordered stream of its own.
pub trait Source: Send + Sync {
    /// All columns that it can deliver.
    fn schema(&self) -> SchemaRef;

    /// What a person should be told about it before it runs, such as a schema that was inferred. One line each.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Some of its first rows with one column, if they are at hand: nobody waits for them, and they are read again when it runs.
    fn sample(&self, column: usize) -> Option<RecordBatch> {
        let _ = column;
        None
    }

    /// What a person should be told of the rows that it has read, when the job has ended. One line each.
    fn notes_after(&self) -> Vec<String> {
        Vec::new()
    }

    /// What has happened to its input since it was asked last, and a person should know: a file that was truncated. One line each.
    fn take_notices(&self) -> Vec<String> {
        Vec::new()
    }

    /// The files that it reads, and the folders of which it reads everything: no sink of the same job may write there.
    fn files(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Whether it reads what a sink writes there, or would the next time, for another reason than that it is among
    /// [`Source::files`]: by a pattern.
    fn reads(&self, written: &Written) -> bool {
        let _ = written;
        false
    }

    /// How watermarks follow where the pipeline does not say. The default holds for rows that come in the order of their time; an
    /// input that ends, and may be in any order, has none before its end.
    fn default_watermark(&self) -> WatermarkStrategy {
        WatermarkStrategy::Monotonic
    }

    /// What becomes of its rows when a job resumes from a checkpoint.
    fn guarantee(&self) -> Guarantee;

    /// Its splits, for this many subtasks. The same pipeline at another parallelism may have other splits, but together they
    /// always hold the same rows.
    ///
    /// # Errors
    /// If the system that holds the rows cannot be asked.
    fn splits(&self, parallelism: usize) -> Result<Vec<Split>, ConnectorError>;

    /// Opens a split at an offset (`None`: at its beginning). Its batches have the columns of `projection` (indices into
    /// [`Source::schema`]), in that order.
    ///
    /// # Errors
    /// If the split cannot be opened, or has no such offset.
    fn reader(
        &self,
        split: &Split,
        projection: &[usize],
        offset: Option<&Offset>,
        clock: Arc<dyn Clock>,
    ) -> Result<Box<dyn SourceReader>, ConnectorError>;

    /// A job resumes, and this split was read to its end before, at this offset: it is not opened. What is odd about that, such as
    /// rows that are there now, can be told by [`Source::take_notices`].
    fn ended(&self, split: &Split, offset: &Offset) {
        let _ = (split, offset);
    }

    /// The splits that have come into being since there were `known` of them. It is asked often, and never waits. A split keeps
    /// its place in the order for ever, so that every subtask knows which new ones are its own.
    fn new_splits(&self, known: usize) -> Vec<Split> {
        let _ = known;
        Vec::new()
    }

    /// What it waits for, if it is not as it should be: a broker that is away. It continues by itself; a person should see it.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// A checkpoint with these offsets is complete: another system may be told how far the job is. Nothing depends on it.
    fn completed(&self, offsets: &[(Split, Offset)]) {
        let _ = offsets;
    }
}

/// One ordered part of a source: a file, a partition, a residue class of a generator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Names it within its source, in offsets and in messages.
    pub id: String,
}

/// How far a split was read, or a sink was written; the connector's own form, kept in snapshots.
pub type Offset = serde_json::Value;

/// Reads one split. It owns its position, and nothing else knows it.
pub trait SourceReader: Send {
    /// The next rows, at most `rows_max` of them, waiting at most `wait` for the first.
    ///
    /// # Errors
    /// If the split cannot be read further. A malformed record is no error: it is in [`Polled::Batch`].
    fn poll(&mut self, rows_max: usize, wait: Duration) -> Result<Polled, ConnectorError>;

    /// Whether the reader must describe malformed records. If not, they are only counted, and the fields of [`Malformed`] may be left
    /// empty: making these texts costs more than reading rows. The default is to describe them.
    fn explain_malformed(&mut self, _explain: bool) {}

    /// Where a row of the last [`SourceReader::poll`] comes from, and the record as it was read, as [`Malformed`] has both: for what is
    /// wrong with a row that is none of the reader's business. `None`: it does not know.
    fn locate(&self, row: usize) -> Option<(String, String)> {
        let _ = row;
        None
    }

    /// How long the last [`SourceReader::poll`] waited before it had rows, for them or for their time, microseconds; 0 if nobody
    /// knows.
    fn waited_us(&self) -> u64 {
        0
    }

    /// Where the next [`SourceReader::poll`] continues.
    fn offset(&self) -> Offset;

    /// How far it is, from 0 to 1, if it has an end that is known.
    fn progress(&self) -> Option<f64> {
        None
    }
}

/// What a poll found.
#[derive(Debug)]
pub enum Polled {
    /// Rows, and records that could not be made into rows. Either may be empty.
    Batch {
        /// The rows, with the columns of the reader's projection.
        rows: RecordBatch,
        /// The records that are not rows.
        malformed: Vec<Malformed>,
    },
    /// Nothing for now.
    Pending,
    /// The split is done.
    End,
}

/// A record that could not be made into a row; `on-error` of the source decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Malformed {
    /// Where it is: `FILE:LINE`, or what else finds it again.
    pub at: String,
    /// The record as it was read, shortened to [`crate::limits::MALFORMED_BYTES_MAX`].
    pub record: String,
    /// What is wrong with it, naming the column.
    pub reason: String,
}

/// Where rows go.
pub trait Sink: Send + Sync {
    /// How many subtasks may write at once; `None`: any number. A file is written by one.
    fn parallelism_max(&self) -> Option<usize> {
        None
    }

    /// What a person should be told about it before it runs. One line each.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// As [`Source::trouble`], of its writers and its committer.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// Bytes on a local disk of rows that are not visible yet.
    fn staged_bytes(&self) -> u64 {
        0
    }

    /// Rows that it was given and did not write, as it was told to where there is no room for them.
    fn dropped_rows(&self) -> u64 {
        0
    }

    /// The job stops at once: a writer or a committer that waits for another system fails instead of waiting on. For those that are
    /// there by now.
    fn give_up(&self) {}

    /// The file or folder that it writes, if it does: no two sinks of a job may have the same.
    fn writes(&self) -> Option<Written> {
        None
    }

    /// Checks, before anything is opened, whether it may write to its path or topic. What an earlier run of the pipeline `job` has
    /// written may be replaced.
    ///
    /// # Errors
    /// [`ConnectorError::Option`] if something is there that would be lost, or that is nothing to write to.
    fn check_place(&self, job: &str) -> Result<(), ConnectorError> {
        let _ = job;
        Ok(())
    }

    /// # Errors
    /// If a job cannot begin without a checkpoint, since its first writer would be refused for what is there.
    fn check_fresh(&self) -> Result<(), ConnectorError> {
        Ok(())
    }

    /// The job is removed, and does not run: nothing will resume from what its writers have not finished.
    fn remove_unfinished(&self) {}

    /// What no other sink of the same job may have, as the object of a sentence, if there is something: an id by which another
    /// system tells the job's sinks apart. `job` names the pipeline.
    fn identity(&self, job: &str) -> Option<String> {
        let _ = job;
        None
    }

    /// Asked before anything is opened: `schema` is that of the rows that it would get.
    ///
    /// # Errors
    /// If it cannot take these columns.
    fn check(&self, schema: &Schema) -> Result<(), ConnectorError> {
        let _ = schema;
        Ok(())
    }

    /// What becomes of its rows when a job resumes from a checkpoint.
    fn guarantee(&self) -> Guarantee;

    /// Whether somebody may see rows before the job has ended, so that a job that resumes from an older checkpoint than its last
    /// shows them twice.
    fn publishes_before_end(&self) -> bool {
        true
    }

    /// A writer for one subtask. `schema` is that of every batch it will get.
    ///
    /// # Errors
    /// If the sink cannot take these columns, or cannot be opened.
    fn writer(&self, schema: SchemaRef, context: &WriterContext<'_>) -> Result<Box<dyn SinkWriter>, ConnectorError>;

    /// Makes visible what the writers prepared; `None`: there is nothing that it would have to do. `job` names the pipeline;
    /// `generation` is 0 if the job keeps no checkpoints. It is made before the writers: what an older generation of the job has open is shut out by then.
    ///
    /// # Errors
    /// If the system that takes the rows cannot be reached.
    fn committer(&self, job: &str, generation: u64) -> Result<Option<Box<dyn Committer>>, ConnectorError> {
        let _ = (job, generation);
        Ok(None)
    }
}

/// Whom a writer writes for.
#[derive(Clone, Copy, Debug)]
pub struct WriterContext<'a> {
    /// Its number, below `parallelism`.
    pub subtask: usize,
    /// How many writers the sink has.
    pub parallelism: usize,
    /// The attempt at running the job: names made of it never meet those of an older attempt that is still alive.
    pub generation: u64,
    /// Whether checkpoints are kept: then what is prepared must outlive the process.
    pub durable: bool,
    /// [`Prepared::state`] of every writer in the checkpoint that the job resumes from, by the subtask that it was of then.
    pub restored: &'a [Offset],
}

impl WriterContext<'_> {
    /// The only writer of a job that keeps no checkpoints.
    pub const ALONE: WriterContext<'static> =
        WriterContext { subtask: 0, parallelism: 1, generation: 0, durable: false, restored: &[] };
}

/// Writes the rows of one subtask. What was not prepared when it is dropped was never written, and leaves nothing half-written
/// under a final name.
pub trait SinkWriter: Send {
    /// Takes rows.
    ///
    /// # Errors
    /// If they cannot be written; the job fails.
    fn write(&mut self, batch: &StreamBatch) -> Result<(), ConnectorError>;

    /// Called when there is nothing to do for now: what is buffered for a person to see is shown.
    ///
    /// # Errors
    /// As [`SinkWriter::write`].
    fn flush(&mut self) -> Result<(), ConnectorError> {
        Ok(())
    }

    /// A barrier has come: cuts off what was written since the last one. The stream stands still meanwhile; what takes time (a
    /// disk that must be waited for) belongs into the closure, which runs beside the stream.
    ///
    /// # Errors
    /// As [`SinkWriter::write`].
    fn prepare(&mut self, cut: Cut) -> Result<Prepare, ConnectorError>;
}

/// Which barrier a writer prepares for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The attempt at a checkpoint; unique in a generation.
    pub attempt: u64,
    /// Nothing follows: the stream has ended.
    pub last: bool,
}

/// Finishes what [`SinkWriter::prepare`] began.
pub type Prepare = Box<dyn FnOnce() -> Result<Prepared, ConnectorError> + Send>;

/// The part of one writer in a checkpoint.
#[derive(Clone, Debug, Default)]
pub struct Prepared {
    /// What is to be made visible when the checkpoint is complete.
    pub commit: Vec<Committable>,
    /// What a writer needs to resume from here; the connector's own form.
    pub state: Offset,
    /// What the writer has done since the job began, checkpoints that it was restored from included.
    pub report: SinkReport,
}

/// Rows that are written, or staged, and not yet visible.
#[derive(Clone, Debug)]
pub struct Committable {
    /// Which they are, in the connector's own form.
    pub value: serde_json::Value,
    /// The rows themselves, if the checkpoint is where they are kept.
    pub rows: Option<RecordBatch>,
}

/// Makes visible what writers have prepared.
pub trait Committer: Send {
    /// The checkpoint with these parts is complete. After a failure it is called again for the checkpoint that the job continues
    /// from, by another process too: what is visible already stays as it is.
    ///
    /// # Errors
    /// If it is not known to be visible; [`ConnectorError::Fenced`] if a newer generation of the job has taken over.
    fn commit(&mut self, checkpoint: u64, parts: Vec<Committable>) -> Result<(), ConnectorError>;
}
