//! A semaphore for threads that may block: a limited number hold a permit, the others wait for a limited time.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A number of permits.
pub(crate) struct BlockingSemaphore {
    most: usize,
    in_use: Mutex<usize>,
    returned: Condvar,
}

/// A permit, which is returned when it is dropped.
pub(crate) struct Permit<'a>(&'a BlockingSemaphore);

impl BlockingSemaphore {
    /// So many permits.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, in_use: Mutex::default(), returned: Condvar::new() }
    }

    /// Waits at most this long for a permit; `None`: there was none.
    pub(crate) fn acquire(&self, timeout: Duration) -> Option<Permit<'_>> {
        let in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.returned.wait_timeout_while(in_use, timeout, |in_use| *in_use >= self.most);
        let (mut in_use, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() && *in_use >= self.most {
            return None;
        }
        *in_use += 1;
        Some(Permit(self))
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *self.0.in_use.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_permits_than_it_has() {
        let semaphore = BlockingSemaphore::new(2);
        let acquire = || semaphore.acquire(Duration::from_millis(1));
        let (first, second) = (acquire().unwrap(), acquire().unwrap());
        assert!(acquire().is_none());
        drop(first);
        let third = acquire().unwrap();
        assert!(acquire().is_none());
        drop((second, third));
        assert!(acquire().is_some());
    }
}
