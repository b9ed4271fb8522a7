//! Attempts at checkpoints on their way from the thread that makes checkpoints to the sources that begin them. It decides nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// What sources are to begin.
#[derive(Default)]
pub(crate) struct Triggers {
    /// The newest attempt; 0 before the first.
    attempt: AtomicU64,
    /// The attempt of the last swap: every source begins it, even if there is a newer one.
    swap_attempt: AtomicU64,
    /// Where sources wait that read nothing more.
    parked: (Mutex<()>, Condvar),
}

impl Triggers {
    /// Has sources begin an attempt.
    pub(crate) fn begin(&self, attempt: u64, swap_attempt: u64) {
        self.swap_attempt.store(swap_attempt, Ordering::Relaxed);
        self.attempt.store(attempt, Ordering::Release);
        self.wake();
    }

    /// The attempt that a source begins next, whose last one this was.
    pub(crate) fn after(&self, attempt: u64) -> Option<u64> {
        let newest = self.attempt.load(Ordering::Acquire);
        if newest <= attempt {
            return None;
        }
        let swap = self.swap_attempt.load(Ordering::Relaxed);
        Some(if (attempt + 1..newest).contains(&swap) { swap } else { newest })
    }

    /// Waits until another attempt than this is begun, or `is_over`; who changes what that says calls [`Triggers::wake`].
    pub(crate) fn wait_after(&self, attempt: u64, is_over: impl Fn() -> bool) {
        let is_the_same = || !is_over() && self.attempt.load(Ordering::Acquire) == attempt;
        let (lock, changed) = &self.parked;
        let guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        drop(changed.wait_while(guard, |()| is_the_same()).unwrap_or_else(PoisonError::into_inner));
    }

    /// Has sources that wait check again.
    pub(crate) fn wake(&self) {
        // A source that is about to wait has checked before this lock, or checks after it.
        drop(self.parked.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.parked.1.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_attempt_is_begun_and_that_of_a_swap_is_never_left_out() {
        let triggers = Triggers::default();
        assert_eq!(triggers.after(0), None);
        triggers.begin(3, 2);
        assert_eq!(
            [triggers.after(0), triggers.after(1), triggers.after(2), triggers.after(3)],
            [Some(2), Some(2), Some(3), None]
        );
    }
}
