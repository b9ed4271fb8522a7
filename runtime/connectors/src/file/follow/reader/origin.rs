//! What a file is that is not known yet: a new one, or a copy of one that was read. It reads no rows.

use std::collections::HashMap;

use weir_core::connector::ConnectorError;

use super::{FollowReader, cannot};
use crate::file::follow::followed::Found;
use crate::file::follow::growing::FileId;
use crate::file::follow::known::KnownFile;
use crate::formats::compression::Compression;
use crate::formats::encoding;
use crate::formats::records::Position;

/// What a file that is not known is.
pub(super) enum Origin {
    New,
    CopyOf(KnownFile),
    /// Nothing to be read, for now.
    Later,
}

/// Bytes at the start of a file that are compared to detect a copy that is still being written.
const COPY_BYTES: usize = 64 << 10;

impl FollowReader {
    /// What a file that is not known is.
    pub(super) fn origin(&mut self, found: &Found, left: &HashMap<String, FileId>) -> Result<Origin, ConnectorError> {
        let Found { name, path, id, len, .. } = found;
        if *len == 0 || self.ignored.contains(id) {
            return Ok(Origin::Later);
        }
        let file = match self.watched.open(name, path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Origin::Later),
            Err(error) => return Err(cannot("open", name, error)),
        };
        let cannot_read = |source| cannot("read", name, source);
        if FileId::of(&file.metadata().map_err(cannot_read)?) != *id {
            return Ok(Origin::Later);
        }
        let begin = file.first(encoding::MARK_BYTES_MAX).map_err(cannot_read)?;
        let compressed = Compression::of_begin(&begin).map(|compression| compression.unfollowed(name));
        if let Some(problem) = compressed.or_else(|| encoding::problem(Some(name), &begin)) {
            self.watched.notice(format!("it is not read: {problem}"));
            self.ignored.insert(*id);
            return Ok(Origin::Later);
        }
        if encoding::is_undecided(&begin) {
            return Ok(Origin::Later);
        }
        let first_row = Position::BEGIN.line + u64::from(self.rows.format.has_header());
        for place in (0..self.lost.len()).rev() {
            let lost = &self.lost[place];
            let is_read = lost.position.line > first_row;
            if is_read
                && (lost.name == *name || lost.may_be_copied_to(name))
                && file.begins_with(lost.head, lost.position.byte).map_err(cannot_read)?
            {
                let lost = self.lost.remove(place);
                let (of, byte) = (&lost.name, lost.position.byte);
                self.watched.notice(format!(
                    "{name}: it begins with what was read of {of} before, and is read as its copy, from byte {byte} on"
                ));
                return Ok(Origin::CopyOf(lost));
            }
        }
        for other in self.files.iter().filter(|other| other.path.is_some() && other.known.may_be_copied_to(name)) {
            let had_name = left.get(name) == Some(&other.known.id);
            let Some((growing, reader)) = other.open.as_ref().filter(|_| !had_name && *len <= other.len) else {
                continue;
            };
            let bytes = usize::try_from(*len).unwrap_or(usize::MAX).min(COPY_BYTES);
            let is_same = file.first(bytes).and_then(|of| Ok(of == growing.first(bytes)?)).map_err(cannot_read)?;
            growing.check(reader.position().byte).map_err(cannot_read)?;
            if is_same || growing.is_rewritten() {
                if is_same && self.copies.insert(*id) {
                    let of = &other.known.name;
                    self.watched.notice(format!(
                        "{name}: it is a copy of {of}, and is not read as long as {of} has these rows"
                    ));
                }
                return Ok(Origin::Later);
            }
        }
        Ok(Origin::New)
    }
}
