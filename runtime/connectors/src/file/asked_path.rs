//! What a source's `path` names, whatever is in the files.

use std::path::{Path, PathBuf};

use weir_core::connector::Written;
use weir_core::graph::Options;

use super::paths::{InputFile, folders_note, would_read};
use crate::options;

/// A `path`, and what it is relative to.
pub(super) struct AskedPath {
    options: Options,
    path: PathBuf,
    /// If all of a folder is read: which.
    folder: Option<PathBuf>,
}

impl AskedPath {
    pub(super) fn new(options: &Options, path: &Path) -> Self {
        let folder = Some(options::resolve(options, path)).filter(|path| path.is_dir());
        Self { options: options.clone(), path: path.to_path_buf(), folder }
    }

    /// What a person should be told of it.
    pub(super) fn note(&self) -> Option<String> {
        self.folder.as_ref().and_then(|_| folders_note(&self.options, &self.path))
    }

    /// As [`weir_core::connector::Source::files`].
    pub(super) fn files<'a>(&self, files: impl Iterator<Item = &'a InputFile>) -> Vec<PathBuf> {
        files.map(|file| file.path.clone()).chain(self.folder.clone()).collect()
    }

    /// As [`weir_core::connector::Source::reads`].
    pub(super) fn reads(&self, written: &Written) -> bool {
        would_read(&self.options, &self.path, written)
    }
}
