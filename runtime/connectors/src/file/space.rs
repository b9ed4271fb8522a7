//! Whether there is room for more rows: of the disk, of which a server keeps a part free, and of a quota. Asked before rows are written;
//! writes nothing itself.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use weir_core::connector::ConnectorError;
use weir_core::disk::{Disk, Quota, WhenFull, bytes_in, free_bytes};

/// Rows that are written to a folder with a quota before it is asked again: by so many it may be exceeded.
pub(super) const ROWS_BETWEEN: usize = 64;
/// Bytes that a writer adds before it measures a folder again, which others fill too.
const BYTES_BETWEEN: u64 = 64 << 10;

/// The room of one writer.
#[derive(Clone, Debug)]
pub(super) struct Space {
    pub(super) disk: Disk,
    /// Rows for which there was none, of all writers of the sink.
    dropped: Arc<AtomicU64>,
    /// What the folder held when it was measured, and the writer's own file.
    measured: Option<(u64, u64)>,
}

impl Space {
    pub(super) fn new(disk: Disk, dropped: Arc<AtomicU64>) -> Self {
        Self { disk, dropped, measured: None }
    }

    /// Whether rows may be written into a folder; if not, they are to be dropped. `own`: bytes of the writer's file.
    ///
    /// # Errors
    /// If there is no room, and rows are not to be dropped.
    pub(super) fn has_room(&mut self, name: &str, folder: &Path, own: u64) -> Result<bool, ConnectorError> {
        let cannot = |source| ConnectorError::Io { what: format!("cannot write {name}"), source };
        let drops = self.disk.quota.as_ref().is_some_and(|quota| quota.when_full == WhenFull::Drop);
        if let Some(refusal) = no_reserve(folder, self.disk.reserve_bytes, 0).map_err(cannot)? {
            return if drops { Ok(false) } else { Err(cannot(refusal)) };
        }
        let Some(Quota { folder, bytes_max, .. }) = &self.disk.quota else { return Ok(true) };
        // A file that begins says nothing of what was written to the one before it.
        let known = self.measured.filter(|(_, then)| own > 0 && own >= *then && own - then < BYTES_BETWEEN);
        let known = known.map(|(all, then)| all + (own - then)).filter(|bytes| bytes < bytes_max);
        let bytes = match known {
            Some(bytes) => bytes,
            None => {
                let all = bytes_in(folder).map_err(cannot)?;
                self.measured = Some((all, own));
                all
            }
        };
        match bytes < *bytes_max {
            true => Ok(true),
            false if drops => Ok(false),
            false => Err(ConnectorError::Data(format!(
                "the dead letters of the job have {bytes} bytes, and may have {bytes_max} (dead-letters.max-bytes of the pipeline, \
                 --max-dead-letters of the server): `weir dlq JOB drop` makes room, but not of those since the last checkpoint, which come \
                 again when the job resumes: for these the limit must be higher, or checkpoints must be made more often. With \
                 `when-full = \"drop\"` in [dead-letters] the job drops further ones, and counts them"
            ))),
        }
    }

    /// Refuses to write so many bytes at once where less would be free than is to stay.
    pub(super) fn check_room_for(&self, name: &str, folder: &Path, bytes: u64) -> Result<(), ConnectorError> {
        let refused =
            no_reserve(folder, self.disk.reserve_bytes, bytes).and_then(|refusal| refusal.map_or(Ok(()), Err));
        refused.map_err(|source| ConnectorError::Io { what: format!("cannot write {name}"), source })
    }

    /// So many rows were not written.
    pub(super) fn drop_rows(&self, rows: usize) {
        self.dropped.fetch_add(rows as u64, Ordering::Relaxed);
    }
}

/// Why so many bytes more are not written on the disk of a folder, if less would be free than is to stay.
fn no_reserve(folder: &Path, reserve: u64, more: u64) -> io::Result<Option<io::Error>> {
    if reserve == 0 {
        return Ok(None);
    }
    let free = free_bytes(folder)?;
    let message = || {
        let more = if more == 0 { String::new() } else { format!(", {more} more are to be written") };
        format!(
            "the disk has {free} bytes free{more}, and the server keeps {reserve} for what must always work (--disk-reserve)"
        )
    };
    Ok((free.saturating_sub(more) < reserve).then(|| io::Error::new(io::ErrorKind::StorageFull, message())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserve_is_left_by_what_is_about_to_be_written() {
        let dir = tempfile::tempdir().unwrap();
        // Others write meanwhile.
        let half = free_bytes(dir.path()).unwrap() / 2;
        let of = |reserve_bytes| Space::new(Disk { reserve_bytes, quota: None }, Arc::default());
        of(half / 2).check_room_for("out", dir.path(), half).unwrap();
        of(0).check_room_for("out", dir.path(), u64::MAX).unwrap();
        let refused = of(half / 2).check_room_for("out", dir.path(), half * 2).unwrap_err();
        let refused = weir_core::error::chain(&refused);
        assert!(refused.contains("out") && refused.contains("--disk-reserve"), "{refused}");
    }
}
