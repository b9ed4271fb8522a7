//! What a job has on disk, and how much it may have. It is measured while the job runs: what exceeds its limit fails, alone.

use std::path::PathBuf;

use weir_core::disk::bytes_in;
use weir_engine::Job;

use crate::dead_letters::FOLDER;
use crate::disk_bounds::DiskBounds;

/// How often it is measured at most, microseconds.
const MEASURE_EVERY_US: i64 = 1_000_000;
/// So many times as long as it took it is not measured again: with many files that takes a while.
const REST: i64 = 50;

/// What a job has on disk.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DiskFigures {
    /// Checkpoints, dead letters and what sinks have not finished.
    pub(crate) bytes: u64,
    pub(crate) dead_letter_bytes: u64,
    /// Dead letters that were dropped since the job was started, as there was no room for them.
    pub(crate) dead_letters_dropped: u64,
}

/// Measures a job's folder.
pub(super) struct DiskWatch {
    folder: PathBuf,
    bytes_max: Option<u64>,
    next_us: i64,
}

impl DiskWatch {
    pub(super) fn new(folder: PathBuf, bounds: &DiskBounds) -> Self {
        Self { folder, bytes_max: bounds.job_bytes_max, next_us: 0 }
    }

    /// What the job has, if it is time to look; `clock` says what time it is.
    pub(super) fn look(&mut self, job: &Job, clock: impl Fn() -> i64) -> Option<DiskFigures> {
        let begun_us = clock();
        if begun_us < self.next_us {
            return None;
        }
        let figures = self.measure(job);
        let took_us = clock().saturating_sub(begun_us).max(0);
        self.next_us = begun_us.saturating_add(MEASURE_EVERY_US.max(took_us.saturating_mul(REST)));
        Some(figures)
    }

    /// What the job has.
    pub(super) fn measure(&self, job: &Job) -> DiskFigures {
        // What cannot be looked at has none.
        let dead_letter_bytes = bytes_in(&self.folder.join(FOLDER)).unwrap_or_default();
        let bytes = bytes_in(&self.folder).unwrap_or_default() + job.staged_bytes();
        DiskFigures { bytes, dead_letter_bytes, dead_letters_dropped: job.dropped_rows() }
    }

    /// Why it cannot continue with so much.
    pub(super) fn exceeded(&self, figures: DiskFigures) -> Option<String> {
        let most = self.bytes_max.filter(|most| figures.bytes > *most)?;
        let DiskFigures { bytes, dead_letter_bytes, .. } = figures;
        Some(format!(
            "the job has {bytes} bytes on disk, of which {dead_letter_bytes} are dead letters, and may have {most} (--max-disk of the \
             server): drop dead letters (`weir dlq`), remove savepoints, keep fewer checkpoints, or let sinks commit more often; then \
             `weir start` starts it again"
        ))
    }
}
