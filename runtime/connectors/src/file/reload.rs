//! `reload = "10s"`: a file that is read again when it changes, as an updating stream: what is no longer in it is deleted, what is new is
//! inserted. Never waits for a file, and never gives out a part of one that is being written.

mod change;
mod reader;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::row::{RowConverter, SortField};
use weir_core::changelog::ChangelogMode;
use weir_core::connector::{ConnectorError, Guarantee, Offset, Source, SourceReader, Split, Written};
use weir_core::graph::Options;
use weir_core::pipeline::duration;
use weir_core::time::Clock;

use super::notices::Notices;
use super::paths::InputFile;
use reader::ReloadReader;

/// A file and its rows in memory have at most so many bytes: a checkpoint holds them.
const TABLE_BYTES_MAX: u64 = 32 << 20;
/// It is looked at no more often.
const EVERY_MIN: Duration = Duration::from_millis(10);

/// The source.
pub(super) struct ReloadedFile {
    watched: Arc<Watched>,
}

/// The file, how it is read, and what a person should know of it.
struct Watched {
    files: Box<dyn Source>,
    file: InputFile,
    every_us: i64,
    notices: Notices,
}

impl ReloadedFile {
    /// A file that is looked at so often; `file`: the one that `path` names, if it names one.
    pub(super) fn new(
        options: &Options,
        every: &str,
        files: Box<dyn Source>,
        file: Option<InputFile>,
    ) -> Result<Self, ConnectorError> {
        let refuse = |message: String| Err(options.error("reload", message));
        let every = match duration(every) {
            Ok(every) if every >= EVERY_MIN => every,
            Ok(_) => return refuse("`reload` says how often the file is looked at: at least \"10ms\"".to_owned()),
            Err(message) => return refuse(message),
        };
        let Some(file) = file else {
            return refuse(
                "`reload` reads one file again: name a file in `path`, not a folder or a pattern".to_owned(),
            );
        };
        let every_us = i64::try_from(every.as_micros()).unwrap_or(i64::MAX);
        let schema = files.schema();
        let other = schema
            .fields()
            .iter()
            .find(|field| !RowConverter::supports_fields(&[SortField::new(field.data_type().clone())]));
        if let Some(other) = other {
            return refuse(format!(
                "rows of a file with `reload` are compared, and values of {:?} cannot be",
                other.name()
            ));
        }
        let watched = Watched { files, file, every_us, notices: Notices::default() };
        Ok(Self { watched: Arc::new(watched) })
    }
}

impl Source for ReloadedFile {
    fn schema(&self) -> SchemaRef {
        self.watched.files.schema()
    }

    fn notes(&self) -> Vec<String> {
        self.watched.files.notes()
    }

    fn is_endless(&self) -> bool {
        true
    }

    fn stop_at_present(&self) -> bool {
        true
    }

    fn changelog(&self) -> ChangelogMode {
        ChangelogMode::Retract
    }

    fn sample(&self, column: usize) -> Option<RecordBatch> {
        self.watched.files.sample(column)
    }

    fn notes_after(&self) -> Vec<String> {
        self.watched.files.notes_after()
    }

    fn take_notices(&self) -> Vec<String> {
        self.watched.notices.take()
    }

    fn files(&self) -> Vec<PathBuf> {
        self.watched.files.files()
    }

    fn reads(&self, written: &Written) -> bool {
        self.watched.files.reads(written)
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }

    fn splits(&self, parallelism: usize) -> Result<Vec<Split>, ConnectorError> {
        self.watched.files.splits(parallelism)
    }

    fn reader(
        &self,
        split: &Split,
        projection: &[usize],
        offset: Option<&Offset>,
        clock: Arc<dyn Clock>,
    ) -> Result<Box<dyn SourceReader>, ConnectorError> {
        if split.id != self.watched.file.name {
            return Err(ConnectorError::Data(format!(
                "the checkpoint has read {:?}, and `path` names {:?} now: set it back, or begin anew, with another folder for checkpoints",
                split.id, self.watched.file.name
            )));
        }
        Ok(Box::new(ReloadReader::open(Arc::clone(&self.watched), projection, offset, clock)?))
    }
}
