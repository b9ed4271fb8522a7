//! [`Tenure`]: what a run of a job knows to be its own of the sequence, also when its lease is over. Never asks a store.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a run may continue after: nobody else had the job since.
#[derive(Clone, Debug)]
pub struct Tenure(Arc<Mutex<Own>>);

#[derive(Debug)]
struct Own {
    /// The first number that the run took.
    since: u64,
    /// The number of its last claim.
    generation: u64,
    /// The newest number that it has.
    newest: u64,
    /// What it tried to put under the next number; whether one of these is there is not known.
    tried: Vec<Vec<u8>>,
}

impl Tenure {
    pub(super) fn new(generation: u64, ended: Option<&Self>) -> Self {
        let since = ended.map_or(generation, Self::since);
        Self(Arc::new(Mutex::new(Own { since, generation, newest: generation, tried: Vec::new() })))
    }

    /// The first number that the run took: its checkpoints are behind it, and those of others before it.
    #[must_use]
    pub fn since(&self) -> u64 {
        self.own().since
    }

    pub(super) fn generation(&self) -> u64 {
        self.own().generation
    }

    pub(super) fn newest(&self) -> u64 {
        self.own().newest
    }

    /// An entry is about to be put under the next number.
    pub(super) fn tries(&self, entry: &[u8]) {
        self.own().tried.push(entry.to_vec());
    }

    /// Whether an entry that was found there is one of these. They hold the generation, or the microsecond of the claim.
    pub(super) fn has_tried(&self, entry: &[u8]) -> bool {
        self.own().tried.iter().any(|tried| tried == entry)
    }

    /// The number is its own.
    pub(super) fn has_taken(&self, number: u64) {
        let mut own = self.own();
        own.newest = number;
        own.tried.clear();
    }

    fn own(&self) -> MutexGuard<'_, Own> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
