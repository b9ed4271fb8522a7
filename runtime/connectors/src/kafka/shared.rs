//! What the writers and the committer of a sink share. Kept in memory only, for one run of the job.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::marker::Seen;
use super::trouble::Trouble;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct SinkShared {
    /// Of those that are there: what an earlier run complained about is over.
    troubles: Mutex<Vec<Weak<Trouble>>>,
    seen: Mutex<Option<Seen>>,
}

impl SinkShared {
    /// For a new producer.
    pub(super) fn new_trouble(&self) -> Arc<Trouble> {
        let trouble = Arc::default();
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.retain(|trouble| trouble.strong_count() > 0);
        troubles.push(Arc::downgrade(&trouble));
        trouble
    }

    pub(super) fn troubles(&self) -> Vec<Arc<Trouble>> {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.iter().filter_map(Weak::upgrade).collect()
    }

    /// What the last committer knew.
    pub(super) fn seen(&self) -> Option<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_seen(&self, seen: Seen) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    }
}
