//! An old version of a component beside the new one, until their swap is decided. It never touches rows or state: its operator
//! does what the swap's phase says.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use weir_core::swap::{Canary, CutOver, Event, Phase, Swap};
use weir_core::time::Clock;

/// A swap as all subtasks of its job see it. It is locked for a few instructions at a time.
#[derive(Clone)]
pub struct SharedSwap {
    swap: Arc<Mutex<Swap>>,
    clock: Arc<dyn Clock>,
}

impl SharedSwap {
    pub(crate) fn new(swap: Swap, clock: Arc<dyn Clock>) -> Self {
        Self { swap: Arc::new(Mutex::new(swap)), clock }
    }

    /// How far it is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.lock().phase().clone()
    }

    /// How many subtasks the barrier has come to.
    #[must_use]
    pub fn landed(&self) -> usize {
        self.lock().landed()
    }

    /// What it took to put the new versions in place.
    #[must_use]
    pub fn cut_over(&self) -> CutOver {
        self.lock().cut_over()
    }

    /// Whether it is not decided yet.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.lock().is_open()
    }

    /// Why it was kept before its time: a state that the old version could not hold, and so no way back.
    #[must_use]
    pub fn no_return(&self) -> Option<String> {
        self.lock().no_return().map(str::to_owned)
    }

    /// Whether it is not over yet: it is open, or kept while a subtask may still refuse it or a checkpoint is still to hold it. What
    /// it has come to counts, and is told, only when it is over.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.lock().is_under_way()
    }

    /// Whether some subtasks have given up state for versions that are rolled back.
    pub(crate) fn has_lost_state(&self) -> bool {
        self.lock().has_lost_state()
    }

    /// A person wants the old version back. Once the new one is kept, this changes nothing.
    pub fn roll_back(&self) {
        self.tell(Event::RollBack);
    }

    /// The job has failed with the new version, or nobody can say whether there is a way back: no further failure is waited for.
    pub(crate) fn give_up(&self, reason: String) {
        self.tell(Event::Failed { reason });
    }

    pub(crate) fn tell(&self, event: Event) {
        let now_us = self.now_us();
        self.lock().handle(now_us, event);
    }

    pub(crate) fn now_us(&self) -> i64 {
        self.clock.now_us()
    }

    fn lock(&self) -> MutexGuard<'_, Swap> {
        self.swap.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for SharedSwap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.lock().fmt(f)
    }
}

/// A subtask's place in a swap.
#[derive(Clone, Debug)]
pub struct SwapParticipant {
    pub(crate) swap: SharedSwap,
    pub(crate) subtask: usize,
}

impl SwapParticipant {
    /// Whether the old versions stay.
    pub(crate) fn is_rolled_back(&self) -> bool {
        matches!(self.swap.phase(), Phase::RolledBack(_))
    }
}

/// The old version of what `G` is, and the swap that decides about it.
pub(crate) struct Trial<G> {
    pub(crate) old: G,
    participant: SwapParticipant,
    /// The keys that the new version has; `None`: all.
    canary: Option<Canary>,
}

/// What is to become of the old version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Open,
    Drop,
    PutBack,
}

impl<G> Trial<G> {
    pub(crate) fn new(old: G, participant: SwapParticipant) -> Self {
        let canary = participant.swap.lock().canary();
        Self { old, participant, canary }
    }

    /// The keys that the new version has; `None`: all.
    pub(crate) fn canary(&self) -> Option<Canary> {
        self.canary
    }

    /// The new version has all keys from now on.
    pub(crate) fn follow(&mut self) {
        self.canary = None;
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let swap = self.participant.swap.lock();
        match swap.phase() {
            Phase::RolledBack(_) => Verdict::PutBack,
            _ if swap.is_under_way() => Verdict::Open,
            _ => Verdict::Drop,
        }
    }

    /// Whether the new version is kept, though some subtask may still refuse it: no state has to be able to go back any more.
    pub(crate) fn is_kept(&self) -> bool {
        self.participant.swap.phase() == Phase::Done
    }

    /// The new version has done a batch.
    pub(crate) fn batch(&self) {
        self.participant.swap.tell(Event::Batch { subtask: self.participant.subtask });
    }

    /// The new version has made a state that the old one could not hold.
    pub(crate) fn no_return(&self, reason: String) {
        self.participant.swap.tell(Event::NoReturn { reason });
    }

    /// The new version has made a state of which nobody can say whether the old one could hold it.
    pub(crate) fn give_up(&self, reason: String) {
        self.participant.swap.give_up(reason);
    }

    /// The new version has failed at something that the old one has just done.
    pub(crate) fn regressed(&self, reason: String) {
        self.participant.swap.tell(Event::Regressed { reason });
    }
}
