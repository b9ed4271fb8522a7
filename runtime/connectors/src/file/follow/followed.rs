//! A file that is followed, and the files that are there. Decides nothing.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::growing::{FileId, GrowingFile};
use super::known::KnownFile;
use crate::file::paths::InputFile;
use crate::formats::reader::TextReader;

/// How long the next line of a record of several lines is waited for.
const RECORD_AWAITED_US: i64 = 5_000_000;

/// A file that is followed.
pub(super) struct Followed {
    pub(super) known: KnownFile,
    /// Where it is; `None`: it is not among the files now.
    pub(super) path: Option<PathBuf>,
    /// The name that it had before, as long as no other file has that.
    pub(super) former: Option<String>,
    pub(super) open: Option<(Arc<GrowingFile>, TextReader)>,
    /// Its length when it was looked at.
    pub(super) len: u64,
    /// When it had been changed then, seconds and nanoseconds.
    pub(super) modified: (i64, i64),
    /// Bytes that had been read when it was closed, and `modified` then.
    pub(super) read: Option<(u64, (i64, i64))>,
    /// It is not begun before the file in front of it was read to its end.
    pub(super) is_in_turn: bool,
    pub(super) at_end: bool,
    /// Whole lines of a record that others may follow: up to where in the file, and since when.
    pub(super) open_record: Option<(u64, i64)>,
    /// When it had rows last.
    pub(super) active_us: i64,
    /// When it was moved elsewhere.
    pub(super) gone_us: Option<i64>,
}

/// A file that was found.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) id: FileId,
    pub(super) len: u64,
    /// When it was changed, seconds and nanoseconds.
    pub(super) modified: (i64, i64),
}

impl Followed {
    pub(super) fn new(known: KnownFile) -> Self {
        Self {
            known,
            path: None,
            former: None,
            open: None,
            len: 0,
            modified: (0, 0),
            read: None,
            is_in_turn: false,
            at_end: false,
            open_record: None,
            active_us: i64::MIN,
            gone_us: None,
        }
    }

    /// A name that was its own, and is not now.
    pub(super) fn left(&self) -> Option<&str> {
        if self.path.is_none() { Some(&self.known.name) } else { self.former.as_deref() }
    }

    /// How far it is now.
    pub(super) fn known(&self) -> KnownFile {
        let Some((growing, reader)) = &self.open else { return self.known.clone() };
        let position = reader.position();
        KnownFile { position, head: growing.fingerprint(position.byte), ..self.known.clone() }
    }

    pub(super) fn close(&mut self) {
        self.known = self.known();
        let open = self.open.take();
        self.read = open.map(|(_, reader)| (reader.position().byte + reader.begun_bytes() as u64, self.modified));
    }
}

/// The files that are there, by what they are and not by their names.
pub(super) fn found(files: &[InputFile]) -> HashMap<FileId, Found> {
    let mut all = HashMap::new();
    for file @ InputFile { name, path, .. } in files {
        let Ok(metadata) = file.metadata() else { continue };
        let (id, len, modified) = (FileId::of(&metadata), metadata.len(), (metadata.mtime(), metadata.mtime_nsec()));
        all.entry(id).or_insert(Found { name: name.clone(), path: path.clone(), id, len, modified });
    }
    all
}

/// Whether a record that the file ends with, at `read`, has been as it is for long enough; `since` remembers where it ended and when that
/// was seen first.
pub(super) fn is_silent(since: &mut Option<(u64, i64)>, read: u64, now_us: i64) -> bool {
    let since_us = match *since {
        Some((at, since_us)) if at == read => since_us,
        _ => now_us,
    };
    *since = Some((read, since_us));
    now_us.saturating_sub(since_us) >= RECORD_AWAITED_US
}
