//! What an operator counts, over all its subtasks. It is counted as rows go by, and read by `figures`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

use weir_core::memory::MemoryBudget;

/// Counts of one operator, over all its subtasks.
#[derive(Debug)]
pub struct OperatorMetrics {
    /// Rows that came in.
    pub rows_in: AtomicU64,
    /// Of a step that counts late rows: those that had come in before the job resumed from a checkpoint.
    pub(crate) rows_before: AtomicU64,
    /// Rows that went out, over all outputs.
    pub rows_out: AtomicU64,
    /// Rows that came after all their windows had closed, or, into a join over an interval, behind the watermark.
    pub rows_late: AtomicU64,
    /// How much longer windows would have had to wait for all of them, microseconds.
    pub late_by_us: AtomicU64,
    /// Rows (of a source: records) that could not be processed.
    pub rows_failed: AtomicU64,
    /// Bytes of the columns that came in.
    pub bytes_in: AtomicU64,
    /// Bytes of the columns that went out, over all outputs.
    pub bytes_out: AtomicU64,
    /// Of a source, by subtask: the split that is furthest behind in event time, and its watermark.
    slowest_splits: Mutex<BTreeMap<usize, (i64, Arc<str>)>>,
    /// What a person should know, and has not been told.
    notices: Mutex<Vec<String>>,
    /// Whether [`Self::notice_once`] has looked.
    looked: Once,
    /// Its component's instances.
    pub(crate) guests: GuestMetrics,
    /// What its state may take, and takes.
    pub(crate) memory: Arc<MemoryBudget>,
}

impl Default for OperatorMetrics {
    fn default() -> Self {
        Self::new(MemoryBudget::unlimited())
    }
}

impl OperatorMetrics {
    /// No counts yet.
    pub(crate) fn new(memory: Arc<MemoryBudget>) -> Self {
        Self {
            rows_in: AtomicU64::default(),
            rows_out: AtomicU64::default(),
            rows_late: AtomicU64::default(),
            late_by_us: AtomicU64::default(),
            rows_failed: AtomicU64::default(),
            bytes_in: AtomicU64::default(),
            bytes_out: AtomicU64::default(),
            rows_before: Default::default(),
            slowest_splits: Mutex::default(),
            notices: Mutex::default(),
            looked: Once::new(),
            guests: GuestMetrics::default(),
            memory,
        }
    }

    /// Rows came late, by so much at most, microseconds.
    pub(crate) fn late(&self, rows: u64, by_us: i64) {
        self.rows_late.fetch_add(rows, Ordering::Relaxed);
        self.late_by_us.fetch_max(by_us.max(0).unsigned_abs(), Ordering::Relaxed);
    }

    /// The split that holds up the watermark of a source's subtask, and its watermark; `None`: none of its splits is active.
    pub(crate) fn set_slowest_split(&self, subtask: usize, split: Option<(i64, &Arc<str>)>) {
        let mut slowest = self.slowest_splits.lock().unwrap_or_else(PoisonError::into_inner);
        match split {
            Some((watermark, split)) => _ = slowest.insert(subtask, (watermark, Arc::clone(split))),
            // The last one is kept for the end of the job, behind those of other subtasks.
            None => {
                slowest.entry(subtask).and_modify(|(watermark, _)| *watermark = i64::MAX);
            }
        }
    }

    /// Looks once, over all subtasks, for what a person should know.
    pub(crate) fn notice_once(&self, look: impl FnOnce() -> Option<String>) {
        self.looked.call_once(|| self.lock_notices().extend(look()));
    }

    /// What a person should know since it was asked last.
    pub(crate) fn take_notices(&self) -> Vec<String> {
        std::mem::take(&mut *self.lock_notices())
    }

    fn lock_notices(&self) -> MutexGuard<'_, Vec<String>> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The split that holds up the watermark of a source, and that watermark.
    pub(crate) fn slowest_split(&self) -> Option<(i64, String)> {
        let slowest = self.slowest_splits.lock().unwrap_or_else(PoisonError::into_inner);
        slowest.values().min().map(|(watermark, split)| (*watermark, split.to_string()))
    }
}

/// Shared by the subtasks of an operator.
pub type Metrics = Arc<OperatorMetrics>;

/// The instances of an operator, and their calls.
#[derive(Debug, Default)]
pub(crate) struct GuestMetrics {
    /// Those that there are now.
    pub(crate) instances: AtomicU64,
    /// Their memory after their last calls, bytes.
    pub(crate) memory_bytes: AtomicU64,
    /// What they may have, bytes.
    pub(crate) memory_limit_bytes: AtomicU64,
    /// How long a call of the newest may take, milliseconds.
    pub(crate) call_time_limit_ms: AtomicU64,
    pub(crate) calls: CallTimes,
    /// Batches of which rows were not tried, since the time of a batch was used up.
    pub(crate) batches_untried: AtomicU64,
    /// That time, milliseconds.
    pub(crate) batch_time_limit_ms: AtomicU64,
}

/// Up to which time each of [`CallTimes`] goes: 1 us, 2 us, 4 us, ... 4 s, and any. Most calls take some microseconds.
const CALL_TIMES: usize = 24;

/// How long calls took, in buckets that are twice as wide each.
#[derive(Debug, Default)]
pub(crate) struct CallTimes {
    calls: [AtomicU64; CALL_TIMES],
    sum_us: AtomicU64,
}

impl CallTimes {
    pub(crate) fn record(&self, us: i64) {
        let us = us.max(0).unsigned_abs();
        let bucket = (u64::BITS - us.saturating_sub(1).leading_zeros()) as usize;
        if let Some(calls) = self.calls.get(bucket.min(CALL_TIMES - 1)) {
            calls.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// All together, microseconds.
    pub(crate) fn sum_us(&self) -> u64 {
        self.sum_us.load(Ordering::Relaxed)
    }

    /// By bucket: the greatest time in it, microseconds, which the last has none of; and its calls.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        let up_to = |bucket: usize| (bucket + 1 < CALL_TIMES).then(|| 1 << bucket);
        self.calls.iter().enumerate().map(move |(bucket, calls)| (up_to(bucket), calls.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_in_the_first_bucket_that_it_fits_in() {
        for us in [0, 1, 2, 3, 4, 5, 1_000, 1 << 22, (1 << 22) + 1, i64::MAX] {
            let calls = CallTimes::default();
            calls.record(us);
            let buckets: Vec<(Option<u64>, u64)> = calls.buckets().collect();
            let first = buckets.iter().position(|(up_to, _)| up_to.is_none_or(|up_to| us as u64 <= up_to));
            assert_eq!(buckets.iter().position(|(_, calls)| *calls == 1), first, "{us}");
            assert_eq!((buckets.len(), calls.sum_us()), (CALL_TIMES, us as u64));
        }
    }
}
