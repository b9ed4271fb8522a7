//! Sources that keep together in event time: one that is ahead of the others waits for them, so that what joins or windows keep until all are
//! there stays bounded. It knows watermarks, and reads nothing. The rule is that of watermark alignment in Flink.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The subtasks of a job that keep together.
#[derive(Clone, Debug, Default)]
pub struct Alignment(Arc<Mutex<Aligned>>);

#[derive(Debug, Default)]
struct Aligned {
    members: usize,
    /// By member: its watermark, while it has a split that is active.
    watermarks: BTreeMap<usize, i64>,
}

/// One of these subtasks.
#[derive(Debug)]
pub struct AlignedSource {
    alignment: Alignment,
    number: usize,
    max_drift_us: i64,
}

impl Alignment {
    /// One more subtask, which may be so far ahead of the one that is furthest behind, microseconds. The others wait for it from now on.
    #[must_use]
    pub fn member(&self, max_drift_us: i64) -> AlignedSource {
        let mut aligned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = aligned.members;
        aligned.members += 1;
        aligned.watermarks.insert(number, i64::MIN);
        AlignedSource { alignment: self.clone(), number, max_drift_us }
    }
}

impl AlignedSource {
    /// Reports its watermark; `None`: it has no active split, so the others do not wait for it. Returns whether it may read on.
    pub(super) fn may_read(&self, watermark: Option<i64>) -> bool {
        let mut aligned = self.alignment.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(watermark) = watermark else {
            aligned.watermarks.remove(&self.number);
            return true;
        };
        aligned.watermarks.insert(self.number, watermark);
        let least = aligned.watermarks.values().min().copied().unwrap_or(watermark);
        watermark <= least.saturating_add(self.max_drift_us)
    }
}

impl Drop for AlignedSource {
    fn drop(&mut self) {
        self.may_read(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_waits_for_those_that_are_further_behind_than_it_may_be_ahead() {
        let alignment = Alignment::default();
        let (near, far) = (alignment.member(10), alignment.member(100));
        assert!(near.may_read(Some(i64::MIN)) && !near.may_read(Some(5)), "the other has no watermark yet");
        assert!(far.may_read(Some(0)) && near.may_read(Some(10)) && !near.may_read(Some(11)));
        assert!(far.may_read(Some(111)), "each has a drift of its own");
        assert!(near.may_read(Some(50)), "the one that is behind never waits");
        assert!(
            !far.may_read(Some(151)) && near.may_read(None) && far.may_read(Some(151)),
            "an idle one holds up none"
        );
        drop(far);
        assert!(near.may_read(Some(i64::MAX)));
    }
}
