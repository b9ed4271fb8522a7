//! What a job keeps of the files that it follows, in checkpoints too. Reads nothing.

use std::ffi::OsStr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::growing::{FileId, Fingerprint};
use crate::formats::records::Position;

/// Contents that are known and whose file has others now, or is gone: a copy of it, or the file itself, may be found later. So many, the
/// newest: they are in each checkpoint, and each new file is compared with those of its name.
pub(super) const LOST_MAX: usize = 1024;

/// What is between the parts of a copy's name.
const SEPARATORS: [char; 4] = ['.', '-', '_', '~'];
/// Parts of a copy's name that are no number and no time; nothing is behind a `~` at the end.
const WORDS_OF_COPIES: [&str; 8] = ["", "old", "bak", "backup", "copy", "orig", "prev", "rotated"];

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

    /// Whether a file of this name may be a copy of it, as programs that rotate files name them: `app.log.1`, `app.log-20240131` or
    /// `app-2024.log` of `app.log`. Between the parts of such a name are separators, and each part that is added is a number, a time, or a
    /// word that says so: `10.csv` or `1-b.csv` is no copy of `1.csv`.
    pub(super) fn may_be_copied_to(&self, name: &str) -> bool {
        let own = Path::new(&self.name);
        let (stem, extension) = (text(own.file_stem()), text(own.extension()));
        let Some(added) = text(Path::new(name).file_name()).strip_prefix(stem) else { return false };
        let mut parts = added.split(SEPARATORS);
        // A separator comes first.
        parts.next() == Some("")
            && parts.clone().any(|part| part != extension)
            && parts.all(|part| {
                part == extension
                    || part.starts_with(|first: char| first.is_ascii_digit())
                    || WORDS_OF_COPIES.contains(&part)
            })
    }
}

/// Adds one to contents that are lost; gives back the oldest that is forgotten for it.
#[must_use]
pub(super) fn lose(lost: &mut Vec<KnownFile>, known: KnownFile) -> Option<KnownFile> {
    lost.push(known);
    (lost.len() > LOST_MAX).then(|| lost.remove(0))
}

fn text(name: Option<&OsStr>) -> &str {
    name.and_then(OsStr::to_str).unwrap_or_default()
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
            ("app.log-20240131.1", true),
            ("app.log.2024-01-31T10", true),
            ("app_1.log", true),
            ("app.log.old", true),
            ("app.bak", true),
            ("app.log~", true),
            ("logs/app.log", false),
            ("logs/application.log", false),
            ("app2024.log", false),
            ("app-errors.log", false),
            ("logs/other.log", false),
            ("app.log/other", false),
        ] {
            assert_eq!(known.may_be_copied_to(name), expected, "{name}");
        }
        let known = KnownFile::new("1.csv".to_owned(), FileId { device: 0, inode: 0 });
        let expected =
            [("10.csv", false), ("1-b.csv", false), ("1.csv.gone", false), ("1.csv.1", true), ("1.2024.csv", true)];
        for (name, expected) in expected {
            assert_eq!(known.may_be_copied_to(name), expected, "{name}");
        }
    }
}
