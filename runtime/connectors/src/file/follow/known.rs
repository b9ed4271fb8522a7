//! What a job keeps of the files that it follows, in checkpoints too. Reads nothing.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::growing::{FileId, Fingerprint};
use crate::formats::records::Position;

/// Contents that are known and whose file has others now, or is gone: a copy of it may be found later. So many, the newest.
const LOST_MAX: usize = 16;

/// The offset of the only split.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FollowOffset {
    /// In the order in which they are read.
    pub(super) files: Vec<KnownFile>,
    /// See [`LOST_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) lost: Vec<KnownFile>,
}

/// How far a file was read, and how it is found again.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KnownFile {
    /// Its last name.
    pub(super) name: String,
    pub(super) id: FileId,
    /// Before it are whole lines only.
    pub(super) position: Position,
    /// Of what is before it.
    pub(super) head: Fingerprint,
}

impl KnownFile {
    /// A file of which nothing was read.
    pub(super) fn new(name: String, id: FileId) -> Self {
        Self { name, id, position: Position::BEGIN, head: Fingerprint::empty() }
    }

    /// Whether a file of this name may be a copy of it, as programs that rotate files name them: `app.log.1` or `app-2024.log` of
    /// `app.log`.
    pub(super) fn may_be_copied_to(&self, name: &str) -> bool {
        let stem = Path::new(&self.name).file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = Path::new(name).file_name().map(|name| name.to_string_lossy().into_owned());
        stem.zip(name).is_some_and(|(stem, name)| name.starts_with(&stem))
    }
}

/// Adds one to contents that are lost.
pub(super) fn lose(lost: &mut Vec<KnownFile>, known: KnownFile) {
    lost.push(known);
    let more = lost.len().saturating_sub(LOST_MAX);
    lost.drain(..more);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_name_and_something_behind_it() {
        let known = KnownFile::new("logs/app.log".to_owned(), FileId { device: 0, inode: 0 });
        for (name, expected) in [
            ("logs/app.log.1", true),
            ("old/app-2024.log", true),
            ("app.1.log", true),
            ("logs/application.log", true),
            ("logs/other.log", false),
            ("app.log/other", false),
        ] {
            assert_eq!(known.may_be_copied_to(name), expected, "{name}");
        }
    }
}
