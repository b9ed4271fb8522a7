//! What a job's owner asks of its threads: flags, which they look at between two things that they do, and how those that wait learn
//! of it. The owner never waits.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::replace::delivery::PendingSwap;

/// What the job's owner asks.
pub(crate) struct Control {
    /// Read no further, and end as if the input had ended.
    pub(crate) drain: AtomicBool,
    /// Stop at once.
    pub(crate) stop: AtomicBool,
    /// The newest attempt at a checkpoint; 0 before the first.
    pub(crate) attempt: AtomicU64,
    /// Take a checkpoint now.
    pub(crate) ask: AtomicBool,
    /// Who waits for the number of a checkpoint that stays.
    pub(crate) savepoints: Mutex<Vec<SyncSender<u64>>>,
    /// Take a last checkpoint, and read no further than that.
    pub(crate) suspend: AtomicBool,
    /// Other versions that are to run from a barrier on.
    pub(crate) swap: Mutex<Option<PendingSwap>>,
    /// The attempt of the last swap: its barrier is left out by nobody.
    pub(crate) swap_attempt: AtomicU64,
    /// That checkpoint is complete: everybody may go.
    pub(crate) suspended: AtomicBool,
    bell: (Sender<()>, Receiver<()>),
    /// Where sources wait that read no further.
    parked: (Mutex<()>, Condvar),
}

impl Control {
    pub(crate) fn new() -> Self {
        Self {
            drain: AtomicBool::default(),
            stop: AtomicBool::default(),
            attempt: AtomicU64::default(),
            ask: AtomicBool::default(),
            savepoints: Mutex::default(),
            suspend: AtomicBool::default(),
            swap: Mutex::default(),
            swap_attempt: AtomicU64::default(),
            suspended: AtomicBool::default(),
            bell: bounded(1),
            parked: Default::default(),
        }
    }

    /// Has everybody stop at once.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.ring();
        self.unpark();
    }

    /// Has sources begin an attempt at a checkpoint.
    pub(crate) fn begin(&self, attempt: u64) {
        self.attempt.store(attempt, Ordering::Release);
        self.unpark();
    }

    /// Waits until the job is stopped, or another attempt is begun than this.
    pub(crate) fn park(&self, attempt: u64) {
        let is_the_same = || !self.stop.load(Ordering::Relaxed) && self.attempt.load(Ordering::Acquire) == attempt;
        let (lock, changed) = &self.parked;
        let guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        drop(changed.wait_while(guard, |()| is_the_same()).unwrap_or_else(PoisonError::into_inner));
    }

    fn unpark(&self) {
        // Whoever is about to wait has looked before this, or looks after it.
        drop(self.parked.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.parked.1.notify_all();
    }

    /// Wants a checkpoint now.
    pub(crate) fn ask(&self) {
        // Whoever sees it sees what was asked before it too.
        self.ask.store(true, Ordering::Release);
        self.ring();
    }

    /// Has the thread that makes checkpoints look what is asked.
    pub(crate) fn ring(&self) {
        // It has rung already, if there is no room.
        let _ = self.bell.0.try_send(());
    }

    /// Where that thread hears it.
    pub(crate) fn told(&self) -> &Receiver<()> {
        &self.bell.1
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn parked_threads_resume_at_the_next_attempt_and_when_the_job_stops() {
        let control = Arc::new(Control::new());
        control.begin(1);
        let park = |attempt| {
            let control = control.clone();
            thread::spawn(move || control.park(attempt))
        };
        let parked = park(1);
        control.begin(2);
        parked.join().unwrap();
        park(1).join().unwrap();
        let parked = park(2);
        control.stop();
        parked.join().unwrap();
    }
}
