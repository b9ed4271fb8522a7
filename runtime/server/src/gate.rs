//! A place where so many threads are at a time; others wait for a while. It orders nobody.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The place.
pub(crate) struct Gate {
    most: usize,
    inside: Mutex<usize>,
    left: Condvar,
}

/// Somebody who is inside, as long as it is held.
pub(crate) struct Inside<'a>(&'a Gate);

impl Gate {
    /// So many at a time.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, inside: Mutex::default(), left: Condvar::new() }
    }

    /// Waits at most so long; `None`: there was no room.
    pub(crate) fn enter(&self, timeout: Duration) -> Option<Inside<'_>> {
        let inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.left.wait_timeout_while(inside, timeout, |inside| *inside >= self.most);
        let (mut inside, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() && *inside >= self.most {
            return None;
        }
        *inside += 1;
        Some(Inside(self))
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        *self.0.inside.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_inside_at_a_time() {
        let gate = Gate::new(2);
        let enter = || gate.enter(Duration::from_millis(1));
        let (first, second) = (enter().unwrap(), enter().unwrap());
        assert!(enter().is_none());
        drop(first);
        let third = enter().unwrap();
        assert!(enter().is_none());
        drop((second, third));
        assert!(enter().is_some());
    }
}
