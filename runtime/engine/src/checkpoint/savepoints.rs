//! Who waits for a checkpoint that stays, each for an attempt that began after it was asked for. It keeps and pins nothing itself.

use std::sync::mpsc::SyncSender;

/// Those who wait.
#[derive(Default)]
pub(super) struct Savepoints {
    /// With the first attempt that holds all that had happened by then.
    waiting: Vec<(u64, SyncSender<u64>)>,
}

impl Savepoints {
    /// What this attempt holds is wanted, or what a later one does.
    pub(super) fn ask(&mut self, attempt: u64, tell: Vec<SyncSender<u64>>) {
        self.waiting.extend(tell.into_iter().map(|tell| (attempt, tell)));
    }

    /// Whether somebody waits for what an attempt holds.
    pub(super) fn wants(&self, attempt: u64) -> bool {
        self.waiting.iter().any(|(first, _)| *first <= attempt)
    }

    /// An attempt is complete, under a number.
    pub(super) fn answer(&mut self, attempt: u64, number: u64) {
        for (_, tell) in self.waiting.extract_if(.., |(first, _)| *first <= attempt) {
            // Who does not wait any more finds it among the pins.
            let _ = tell.try_send(number);
        }
    }
}
