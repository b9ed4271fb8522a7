//! The machine's clock, as the engine takes it.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use weir_core::time::Clock;

/// The time of day when it was made, and a steady clock since: it never goes back, even if somebody sets the machine's clock.
pub(crate) struct SystemClock {
    started_us: i64,
    started: Instant,
}

impl SystemClock {
    /// Starts it.
    #[expect(clippy::disallowed_methods, reason = "this is the edge: the one clock that is passed to everything else")]
    pub(crate) fn new() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let started_us = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
        Self { started_us, started: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now_us(&self) -> i64 {
        let passed = i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.started_us.saturating_add(passed)
    }
}
