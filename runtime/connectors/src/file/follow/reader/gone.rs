//! Which files are followed no longer, or are not kept open. Reads nothing.

use std::os::unix::fs::MetadataExt;

use super::{FollowReader, MOVED_FOR_US, OPEN_FILES_MAX};
use crate::file::follow::followed::Followed;

impl FollowReader {
    /// Forgets files that are gone and read to their end, and closes those that have been silent for longest.
    pub(super) fn let_go(&mut self, now_us: i64) {
        let Self { watched, files, lost, .. } = self;
        files.retain(|file| {
            let Some(gone_us) = file.gone_us else { return true };
            let Some((growing, reader)) = &file.open else {
                let waits = now_us.saturating_sub(gone_us) <= MOVED_FOR_US;
                if !waits {
                    watched.lose(lost, file.known.clone());
                }
                return waits;
            };
            let is_removed = growing.metadata().is_ok_and(|metadata| metadata.nlink() == 0);
            let silent_us = now_us.saturating_sub(gone_us.max(file.active_us));
            let is_done = file.at_end && (is_removed || silent_us > MOVED_FOR_US);
            if is_done && reader.begun_bytes() > 0 {
                watched.notice(format!(
                    "{}: its last line has no line end, and is not read; the file is gone",
                    file.known.name
                ));
            }
            if is_done && !is_removed {
                watched.lose(lost, file.known());
            }
            !is_done
        });
        let mut silent: Vec<&mut Followed> = self.files.iter_mut().filter(|file| file.open.is_some()).collect();
        let more = silent.len().saturating_sub(OPEN_FILES_MAX);
        silent.retain(|file| file.at_end && file.path.is_some());
        silent.sort_by_key(|file| file.active_us);
        silent.into_iter().take(more).for_each(Followed::close);
    }
}
