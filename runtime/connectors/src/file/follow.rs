//! `follow = true`: files that grow, and new files of a folder or pattern, as a source without an end. All files are one split, so
//! that one reader sees which file was renamed, truncated or copied: see decision 40.

mod followed;
mod growing;
mod known;
mod reader;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use weir_core::connector::{ConnectorError, Guarantee, Offset, Source, SourceReader, Split, Written};
use weir_core::graph::Options;
use weir_core::time::Clock;

use super::confined::Root;
use super::notices::Notices;
use super::paths::{InputFile, Unfound, look};
use super::rows::Rows;
use growing::GrowingFile;
use known::{FollowOffset, KnownFile, LOST_MAX, lose};
use reader::FollowReader;

/// The source.
pub(super) struct FollowedFiles {
    /// Those that were there at the start.
    files: Box<dyn Source>,
    rows: Rows,
    watched: Arc<Watched>,
}

/// Whether an offset is one of files that were followed.
pub(super) fn is_of_followed(offset: &Offset) -> bool {
    serde_json::from_value::<FollowOffset>(offset.clone()).is_ok()
}

/// Where files are looked for, and what a person should know of them.
pub(super) struct Watched {
    options: Options,
    path: PathBuf,
    notices: Notices,
    trouble: Mutex<Option<String>>,
    /// One of the files that are gone was forgotten.
    has_forgotten: AtomicBool,
    /// Whether what is there is read, and not what comes.
    stops: AtomicBool,
}

impl FollowedFiles {
    /// Follows what `path` names; `files` are those that it names now.
    pub(super) fn new(options: &Options, path: &Path, files: Box<dyn Source>, rows: Rows) -> Self {
        let watched = Watched {
            options: options.clone(),
            path: path.to_path_buf(),
            notices: Notices::default(),
            trouble: Mutex::default(),
            has_forgotten: AtomicBool::new(false),
            stops: AtomicBool::new(false),
        };
        Self { files, rows, watched: Arc::new(watched) }
    }

    /// One split has all files, whatever they are called by now.
    fn split(&self) -> Split {
        let path: PathBuf = self.watched.path.components().filter(|part| part.as_os_str() != ".").collect();
        Split { id: path.display().to_string() }
    }
}

impl Watched {
    /// The files that exist now. If there are none, `trouble` says why until there are. `None`: a folder cannot be read, so the files are unknown.
    fn list(&self) -> Option<Vec<InputFile>> {
        let found = look(&self.options, &self.path);
        let (trouble, files) = match found {
            Ok(files) => (None, Some(files)),
            Err(Unfound::None(error)) => (Some(error), Some(Vec::new())),
            Err(Unfound::Unknown(error)) => (Some(error), None),
        };
        let trouble = trouble.map(|error| format!("waiting for files: {error}"));
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
        files
    }

    /// Opens one of them.
    fn open(&self, name: &str, path: &Path) -> std::io::Result<GrowingFile> {
        Ok(GrowingFile::new(name, Root::of(&self.options).open(path)?))
    }

    /// Remembers contents whose file has others now, or is gone, and tells which it forgets for that.
    fn lose(&self, lost: &mut Vec<KnownFile>, known: KnownFile) {
        if let Some(KnownFile { name, position, .. }) = lose(lost, known) {
            // Where files go all the time, each would be told.
            if !self.has_forgotten.swap(true, Ordering::Relaxed) {
                self.notice(format!(
                    "{name}: it was read up to byte {}, and is forgotten, as the oldest of more than {LOST_MAX} files that are gone: if it, \
                     or a copy of it, comes again, that is read from its start; so it is with those that are forgotten after it",
                    position.byte
                ));
            }
        }
    }

    fn notice(&self, notice: String) {
        self.notices.push(notice);
    }
}

impl Source for FollowedFiles {
    fn schema(&self) -> SchemaRef {
        self.files.schema()
    }

    fn notes(&self) -> Vec<String> {
        self.files.notes()
    }

    fn is_endless(&self) -> bool {
        true
    }

    fn stop_at_present(&self) -> bool {
        self.watched.stops.store(true, Ordering::Relaxed);
        true
    }

    fn sample(&self, column: usize) -> Option<RecordBatch> {
        self.files.sample(column)
    }

    fn notes_after(&self) -> Vec<String> {
        self.files.notes_after()
    }

    fn take_notices(&self) -> Vec<String> {
        self.watched.notices.take()
    }

    fn files(&self) -> Vec<PathBuf> {
        self.files.files()
    }

    fn reads(&self, written: &Written) -> bool {
        self.files.reads(written)
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }

    fn splits(&self, _parallelism: usize) -> Result<Vec<Split>, ConnectorError> {
        Ok(vec![self.split()])
    }

    fn reader(
        &self,
        split: &Split,
        projection: &[usize],
        offset: Option<&Offset>,
        clock: Arc<dyn Clock>,
    ) -> Result<Box<dyn SourceReader>, ConnectorError> {
        if *split != self.split() {
            return Err(ConnectorError::Data(format!(
                "the checkpoint has read {:?}, and `path` names {:?} now, with `follow = true`: set it back, or begin anew, with \
                 another folder for checkpoints",
                split.id,
                self.split().id
            )));
        }
        let offset = match offset {
            None => FollowOffset::default(),
            Some(offset) => serde_json::from_value(offset.clone()).map_err(|_| {
                ConnectorError::Data(format!(
                    "{}: the checkpoint is of a source without `follow = true`: leave that out, or begin anew, with another \
                     folder for checkpoints",
                    split.id
                ))
            })?,
        };
        let (watched, rows) = (Arc::clone(&self.watched), self.rows.clone());
        Ok(Box::new(FollowReader::new(watched, rows, projection.to_vec(), offset, clock)))
    }

    fn trouble(&self) -> Option<String> {
        self.watched.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
