//! What a source and a sink are to the engine. Connectors implement these traits; the engine knows no connector by name.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::batch::StreamBatch;
use crate::graph::Options;
use crate::time::Clock;

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
}

/// Where rows come from: some splits, each an ordered stream of its own.
pub trait Source: Send + Sync {
    /// All columns that it can deliver.
    fn schema(&self) -> SchemaRef;

    /// What a person should be told about it before it runs, such as a schema that was inferred. One line each.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// The files that it reads: no sink of the same job may write them.
    fn files(&self) -> Vec<PathBuf> {
        Vec::new()
    }

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
}

/// One ordered part of a source: a file, a partition, a residue class of a generator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Names it within its source, in offsets and in messages.
    pub id: String,
}

/// How far a split was read; the connector's own form, kept in snapshots.
pub type Offset = serde_json::Value;

/// Reads one split. It owns its position, and nothing else knows it.
pub trait SourceReader: Send {
    /// The next rows, at most `rows_max` of them, waiting at most `wait` for the first.
    ///
    /// # Errors
    /// If the split cannot be read further. A malformed record is no error: it is in [`Polled::Batch`].
    fn poll(&mut self, rows_max: usize, wait: Duration) -> Result<Polled, ConnectorError>;

    /// Where the next [`SourceReader::poll`] goes on.
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
#[derive(Clone, Debug, PartialEq, Eq)]
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

    /// The file that it replaces when it finishes, if it does: no two sinks of a job may have the same.
    fn file(&self) -> Option<PathBuf> {
        None
    }

    /// A writer for one subtask. `schema` is that of every batch it will get.
    ///
    /// # Errors
    /// If the sink cannot take these columns, or cannot be opened.
    fn writer(&self, schema: SchemaRef, subtask: usize) -> Result<Box<dyn SinkWriter>, ConnectorError>;
}

/// Writes the rows of one subtask. Dropped without [`SinkWriter::finish`], it leaves nothing half-written behind.
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

    /// The stream has ended: makes everything visible under its final name.
    ///
    /// # Errors
    /// As [`SinkWriter::write`].
    fn finish(self: Box<Self>) -> Result<SinkReport, ConnectorError>;
}

/// What one writer did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinkReport {
    /// Rows written.
    pub rows: u64,
    /// Order-insensitive checksum of the rows, if asked for; those of several writers add up, wrapping.
    pub checksum: Option<u64>,
}

/// What went wrong in a connector.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// No connector has this name.
    #[error("there is no connector named {name:?}{}", crate::pipeline::did_you_mean(.name, .known))]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: Vec<&'static str>,
    },
    /// An option in the pipeline file is wrong.
    #[error("{message}")]
    Option {
        /// What is wrong, and what to write instead.
        message: String,
        /// Bytes of the pipeline file that it is about.
        span: Option<std::ops::Range<usize>>,
    },
    /// A file or another system said no.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, on what: `cannot open data/flights.csv`.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The data are not what the options say, as a whole.
    #[error("{0}")]
    Data(String),
}
