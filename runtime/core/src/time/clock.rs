//! The clock that is passed in.

use std::sync::atomic::{AtomicI64, Ordering};

/// Tells the time. The command has the machine's; a test has one that it sets.
pub trait Clock: Send + Sync {
    /// Microseconds since the epoch; never goes back.
    fn now_us(&self) -> i64;
}

/// A clock that stands until it is set.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Sets it, microseconds since the epoch.
    pub fn set_us(&self, now_us: i64) {
        self.0.store(now_us, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now_us(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}
