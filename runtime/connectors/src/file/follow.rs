//! `follow = true`: files that grow, and new files of a folder or pattern, as a source without an end. All files are one split, so
//! that one reader sees which file was renamed, truncated or copied: see decision 40.

mod growing;
mod known;
mod reader;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use weir_core::connector::{ConnectorError, Guarantee, Offset, Source, SourceReader, Split};
use weir_core::graph::Options;
use weir_core::time::Clock;

use super::paths::{InputFile, find};
use super::rows::Rows;
use known::FollowOffset;
use reader::FollowReader;

/// Notices that wait to be told at most: beyond them, only their number is.
const NOTICES_MAX: usize = 100;

/// The source.
pub(super) struct FollowedFiles {
    /// Those that were there at the start.
    files: Box<dyn Source>,
    rows: Rows,
    watched: Arc<Watched>,
}

/// Where files are looked for, and what a person should know of them.
pub(super) struct Watched {
    options: Options,
    path: PathBuf,
    news: Mutex<News>,
}

#[derive(Default)]
struct News {
    notices: Vec<String>,
    others: usize,
    trouble: Option<String>,
}

impl FollowedFiles {
    /// Follows what `path` names; `files` are those that it names now.
    pub(super) fn new(options: &Options, path: &Path, files: Box<dyn Source>, rows: Rows) -> Self {
        let watched = Watched { options: options.clone(), path: path.to_path_buf(), news: Mutex::default() };
        Self { files, rows, watched: Arc::new(watched) }
    }

    /// One split has all files, whatever they are called by now.
    fn split(&self) -> Split {
        let path: PathBuf = self.watched.path.components().filter(|part| part.as_os_str() != ".").collect();
        Split { id: path.display().to_string() }
    }
}

impl Watched {
    /// The files that are there now; why there are none is told as long as that is so.
    fn list(&self) -> Vec<InputFile> {
        let found = find(&self.options, &self.path);
        let mut news = self.news();
        news.trouble = found.as_ref().err().map(|error| format!("waiting for files: {error}"));
        found.unwrap_or_default()
    }

    fn notice(&self, notice: String) {
        let mut news = self.news();
        if news.notices.len() < NOTICES_MAX {
            news.notices.push(notice);
        } else {
            news.others += 1;
        }
    }

    fn news(&self) -> std::sync::MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for FollowedFiles {
    fn schema(&self) -> SchemaRef {
        self.files.schema()
    }

    fn notes(&self) -> Vec<String> {
        self.files.notes()
    }

    fn sample(&self, column: usize) -> Option<RecordBatch> {
        self.files.sample(column)
    }

    fn notes_after(&self) -> Vec<String> {
        self.files.notes_after()
    }

    fn take_notices(&self) -> Vec<String> {
        let mut news = self.watched.news();
        let others = std::mem::take(&mut news.others);
        let others = (others > 0).then(|| format!("{}: {others} other notices", self.watched.path.display()));
        news.notices.drain(..).chain(others).collect()
    }

    fn files(&self) -> Vec<PathBuf> {
        self.files.files()
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
        self.watched.news().trouble.clone()
    }
}
