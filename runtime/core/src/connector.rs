//! What a source and a sink are to the engine. Connectors implement these traits; the engine knows no connector by name.

mod sink;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};

use crate::batch::RowKinds;
use crate::changelog::ChangelogMode;
pub use crate::connector_error::{ConnectorError, ReaderGone};
pub use crate::guarantee::Guarantee;
use crate::options::Options;
pub use crate::sink_report::SinkReport;
use crate::time::{Clock, WatermarkStrategy};
pub use crate::written::Written;
pub use sink::{Committable, Committer, Cut, GiveRows, Prepare, Prepared, Sink, SinkWriter, TableRows, WriterContext};

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

    /// What its rows do to the rows before them.
    fn changelog(&self) -> ChangelogMode {
        ChangelogMode::InsertOnly
    }

    /// Columns that are unique in the table that its rows describe, if they do.
    fn key(&self) -> Option<Vec<usize>> {
        None
    }

    /// What a person should be told about it before it runs, such as a schema that was inferred. One line each.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether the types of its columns were inferred.
    fn has_inferred_schema(&self) -> bool {
        false
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

    /// Whether it never ends by itself.
    fn is_endless(&self) -> bool {
        false
    }

    /// Of a source that never ends: from now on its readers stop at what is there when they begin, without ending, and
    /// [`SourceReader::is_caught_up`] says when they are. `false`: it cannot.
    fn stop_at_present(&self) -> bool {
        false
    }

    /// What happens to its rows when a job resumes from a checkpoint.
    fn guarantee(&self) -> Guarantee;

    /// Its splits, for this many subtasks. The same pipeline at another parallelism may have other splits, but together they
    /// always hold the same rows.
    ///
    /// # Errors
    /// If the system that holds the rows cannot be asked.
    fn splits(&self, parallelism: usize) -> Result<Vec<Split>, ConnectorError>;

    /// Where a split of a checkpoint is among [`Source::splits`] of today.
    fn place(&self, split: &Split) -> SplitPlace {
        let _ = split;
        SplitPlace::AsBefore
    }

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

/// Where a split that was read before is among those of a source: see [`Source::place`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitPlace {
    /// Where it was.
    AsBefore,
    /// There.
    At(usize),
    /// Nowhere: the job reads it no more, and its offset is dropped.
    Gone,
}

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

    /// What the rows of the last [`SourceReader::poll`] do to those before them; `None`: they are inserts.
    fn row_kinds(&self) -> Option<RowKinds> {
        None
    }

    /// How long the last [`SourceReader::poll`] waited before it had rows, for them or for their time, microseconds; 0 if nobody
    /// knows.
    fn waited_us(&self) -> u64 {
        0
    }

    /// Whether all that there is now has been read, and nothing comes until the input changes: event time does not wait for it.
    fn is_up_to_date(&self) -> bool {
        false
    }

    /// Whether it reads: `false` while it still waits for the system that has the rows. Until then it does not count as idle.
    fn has_begun(&self) -> bool {
        true
    }

    /// Where the next [`SourceReader::poll`] continues.
    fn offset(&self) -> Offset;

    /// Whether it has read all that was there when it began, and reads no more: see [`Source::stop_at_present`].
    fn is_caught_up(&self) -> bool {
        false
    }

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
