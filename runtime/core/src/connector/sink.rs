//! Where rows go: sinks, the writers of their subtasks, and the committer that makes visible what these have prepared.

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};

use super::{ConnectorError, Guarantee, Offset};
use crate::batch::StreamBatch;
use crate::changelog::{ChangelogEncoding, ChangelogMode, UpsertKey};
use crate::sink_report::SinkReport;
use crate::written::Written;

/// Where rows go.
pub trait Sink: Send + Sync {
    /// How many subtasks may write at once; `None`: any number. A file is written by one.
    fn parallelism_max(&self) -> Option<usize> {
        None
    }

    /// What its rows may do to the rows before them: whether it reads [`StreamBatch::row_kinds`].
    fn takes(&self) -> &'static [ChangelogMode] {
        ChangelogMode::INSERTS
    }

    /// How it writes the rows of an updating stream that it does not take, unless the pipeline sets `changelog`.
    fn encoding(&self) -> Option<ChangelogEncoding> {
        None
    }

    /// The columns that its options name as the key of its rows.
    fn key(&self) -> Option<&[String]> {
        None
    }

    /// The sink that writes only the newest row of each key: it takes rows of all kinds. Rows of one key come to one of its writers.
    ///
    /// # Errors
    /// [`ConnectorError::Option`] if it cannot, or not with these options.
    fn upserting(&self, key: UpsertKey) -> Result<Box<dyn Sink>, ConnectorError> {
        let _ = key;
        Err(ConnectorError::Data("it cannot write the newest row of each key: the sinks kafka and file can".to_owned()))
    }

    /// Whether its writers are given no rows as they come, but at each barrier all that there are by then: [`SinkWriter::prepare_table`].
    fn writes_tables(&self) -> bool {
        false
    }

    /// What a person should be told about it before it runs. One line each.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// As [`Source::trouble`](super::Source::trouble), of its writers and its committer.
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

    /// Asked before a job begins without a checkpoint, behind [`Sink::check`] and with its `schema`.
    ///
    /// # Errors
    /// If its first writer would be refused for what is there.
    fn check_fresh(&self, schema: &Schema) -> Result<(), ConnectorError> {
        let _ = schema;
        Ok(())
    }

    /// Looks for what the writers have not finished of a job that does not run and is to be removed. What it gives removes exactly that,
    /// as soon as nothing can resume from it.
    fn unfinished(&self) -> Option<Box<dyn FnOnce()>> {
        None
    }

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

    /// What happens to its rows when a job resumes from a checkpoint.
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
    /// `generation` is 0 if the job keeps no checkpoints. It is made before the writers: what an older generation of the job has open is fenced by then.
    ///
    /// # Errors
    /// If the system that takes the rows cannot be reached.
    fn committer(&self, job: &str, generation: u64) -> Result<Option<Box<dyn Committer>>, ConnectorError> {
        let _ = (job, generation);
        Ok(None)
    }

    /// As [`Sink::committer`], where the writers are [apart](WriterContext::apart) from it, and may be made before it. `resumes`: the job
    /// resumes from a checkpoint of its own. A checkpoint has a greater number than all generations before it.
    ///
    /// # Errors
    /// As [`Sink::committer`].
    fn committer_apart(
        &self,
        job: &str,
        generation: u64,
        resumes: bool,
    ) -> Result<Option<Box<dyn Committer>>, ConnectorError> {
        let _ = resumes;
        self.committer(job, generation)
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
    /// Whether the committer is in another process, and what the job resumes from may still be to be committed: what is prepared must
    /// outlive this process, checkpoints or not.
    pub apart: bool,
    /// [`Prepared::state`] of every writer in the checkpoint that the job resumes from, by the subtask that it was of then.
    pub restored: &'a [Offset],
}

impl WriterContext<'_> {
    /// The only writer of a job that keeps no checkpoints.
    pub const ALONE: WriterContext<'static> =
        WriterContext { subtask: 0, parallelism: 1, generation: 0, durable: false, apart: false, restored: &[] };
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

    /// The same of a sink that [writes tables](Sink::writes_tables): `rows` take the place of those that it was given before. `None`: they
    /// are as they were, or not final.
    ///
    /// # Errors
    /// As [`SinkWriter::write`].
    fn prepare_table(&mut self, cut: Cut, rows: Option<TableRows>) -> Result<Prepare, ConnectorError> {
        drop(rows);
        self.prepare(cut)
    }
}

/// All rows of a table, given to a function in batches; read beside the stream.
pub type TableRows = Box<dyn FnOnce(&mut GiveRows<'_>) -> Result<(), ConnectorError> + Send>;

/// Takes some rows of a table.
pub type GiveRows<'a> = dyn FnMut(&RecordBatch) -> Result<(), ConnectorError> + 'a;

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
