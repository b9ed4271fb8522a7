//! Gives finished files their final names. Nothing else does, and a name that a file has is never taken for done
//! without a look at its length.

use std::io;

use serde::{Deserialize, Serialize};
use weir_core::connector::{Committable, Committer, ConnectorError};

use super::draft::{Span, Staged};
use super::target::Target;
use super::temporary::Place;

/// What is to be done when a checkpoint is complete. Each may be done again.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Step {
    /// Give a finished file, all of it, its final name.
    Rename {
        /// The temporary file.
        from: Span,
        /// The name in the same folder.
        to: String,
        /// The bytes of the file of that name that it begins with, if it does: what has come there since would be lost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        appended_to: Option<u64>,
    },
    /// Give a finished file the name of one that it takes the place of. If it is gone, it has done that, and may have been replaced itself.
    Replace {
        /// The temporary file.
        from: Span,
        /// The name in the same folder.
        to: String,
    },
    /// Remove a temporary file whose rows are in a finished one.
    Remove(String),
    /// No checkpoint that a job could resume from needs the temporary files of generations before this one.
    RemoveBefore(u64),
}

impl Step {
    /// In the form that checkpoints keep.
    pub(super) fn committable(&self, place: &Place) -> Result<Committable, ConnectorError> {
        let value = serde_json::to_value(self).map_err(|error| place.cannot("describe", error.into()))?;
        Ok(Committable { value, rows: None })
    }
}

/// The committer of both kinds of sink.
pub(super) struct FileCommitter {
    place: Place,
    /// Looks at what is replaced; a folder's parts replace nothing.
    target: Option<Target>,
    job: String,
    /// What is never renamed is removed when the job is over.
    _staged: Staged,
}

impl FileCommitter {
    pub(super) fn new(place: Place, target: Option<Target>, job: &str, staged: Staged) -> Self {
        Self { place, target, job: job.to_owned(), _staged: staged }
    }

    fn rename(&self, from: &Span, to: &str, appended_to: Option<u64>) -> Result<(), ConnectorError> {
        let cannot = |verb: &'static str| move |source| self.place.cannot(verb, source);
        match self.place.found(&from.name).map_err(cannot("write"))? {
            Some(file) if file.bytes == from.bytes => {
                let mut replaces = false;
                if let Some(guard) = &self.target {
                    guard.check_now(&self.job, appended_to).map_err(|why| self.unfinished(&why))?;
                    guard.sign(&from.name, &self.job);
                    replaces = self.place.found(to).map_err(cannot("write"))?.is_some();
                }
                match self.place.rename(&from.name, to, replaces) {
                    // An older process of the same job may be at the same checkpoint.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        return Err(self.unfinished("a file of that name was created by another process just now"));
                    }
                    done => return done.map_err(cannot("write")),
                }
            }
            Some(file) => return Err(self.lost(from, to, &format!("{} has {} bytes", from.name, file.bytes))),
            None => {}
        }
        match self.place.found(to).map_err(cannot("read"))? {
            Some(file) if file.bytes == from.bytes => Ok(()),
            Some(file) => {
                Err(self.lost(from, to, &format!("{} is gone, and {to} has {} bytes", from.name, file.bytes)))
            }
            None => Err(self.lost(from, to, &format!("neither {} nor {to} is there", from.name))),
        }
    }

    fn replace(&self, from: &Span, to: &str) -> Result<(), ConnectorError> {
        let cannot = |verb: &'static str| move |source| self.place.cannot(verb, source);
        let Some(file) = self.place.found(&from.name).map_err(cannot("write"))? else { return Ok(()) };
        if file.bytes != from.bytes {
            return Err(self.lost(from, to, &format!("{} has {} bytes", from.name, file.bytes)));
        }
        let mut replaces = false;
        if let Some(guard) = &self.target {
            guard.check(&self.job).map_err(|why| self.unfinished(&why))?;
            guard.sign(&from.name, &self.job);
            replaces = self.place.found(to).map_err(cannot("write"))?.is_some();
        }
        match self.place.rename(&from.name, to, replaces) {
            // An older process of the same job may be at the same checkpoint.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(self.unfinished("a file of that name was created by another process just now"))
            }
            done => done.map_err(cannot("write")),
        }
    }

    /// Something has come into the place of the file while the job ran.
    fn unfinished(&self, why: &str) -> ConnectorError {
        ConnectorError::Data(format!("cannot finish {}: {why}", self.place.name))
    }

    fn lost(&self, from: &Span, to: &str, found: &str) -> ConnectorError {
        let here = self.place.folder.as_os_str().is_empty();
        let folder = if here { ".".into() } else { self.place.folder.display().to_string() };
        let bytes = from.bytes;
        ConnectorError::Data(format!(
            "cannot finish {}: the checkpoint has {bytes} bytes for {to} in {folder}, but {found}; put the file back \
             (and the sink's `path`, if it has changed), or begin the job anew, without its checkpoints",
            self.place.name
        ))
    }
}

impl Committer for FileCommitter {
    fn commit(&mut self, _checkpoint: u64, parts: Vec<Committable>) -> Result<(), ConnectorError> {
        let (mut remove_before, mut removed) = (None, Vec::new());
        let mut any_renamed = false;
        for part in parts {
            match serde_json::from_value(part.value) {
                Ok(Step::Rename { from, to, appended_to }) => {
                    self.rename(&from, &to, appended_to)?;
                    any_renamed = true;
                }
                Ok(Step::Replace { from, to }) => {
                    self.replace(&from, &to)?;
                    any_renamed = true;
                }
                Ok(Step::Remove(name)) => removed.push(name),
                Ok(Step::RemoveBefore(generation)) => remove_before = remove_before.max(Some(generation)),
                Err(error) => {
                    let name = &self.place.name;
                    let message =
                        format!("the checkpoint's part of {name} is not of a file sink of this version: {error}");
                    return Err(ConnectorError::Data(message));
                }
            }
        }
        // Also if all names were there before: the process that renamed them may have died before this.
        if any_renamed {
            self.place.sync()?;
        }
        self.place.remove_unfinished(&removed);
        if let Some(generation) = remove_before {
            self.place.remove_before(generation);
        }
        Ok(())
    }
}
