//! What a job's owner asks of its threads: flags, which they look at between two things that they do, and a bell for the one that
//! waits. It never waits itself.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;

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
        }
    }

    /// Has everybody stop at once.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.ring();
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
