//! Keeps a generator to a rate: which events are due by now. Waits for the next one, never longer than it may.

use std::sync::Arc;
use std::time::Duration;

use weir_core::time::Clock;

/// Event `first_event + k` is due `k / rate` seconds after the first look at the clock.
pub(super) struct Pace {
    events_per_us: f64,
    first_event: u64,
    started_us: Option<i64>,
    clock: Arc<dyn Clock>,
}

impl Pace {
    pub(super) fn new(events_per_s: f64, first_event: u64, clock: Arc<dyn Clock>) -> Self {
        Self { events_per_us: events_per_s / 1e6, first_event, started_us: None, clock }
    }

    /// The first event that is not due yet. If `next` is not, waits for it, at most `wait`.
    pub(super) fn due_end(&mut self, next: u64, wait: Duration) -> u64 {
        let due_end = self.due_now();
        if next < due_end || wait.is_zero() {
            return due_end;
        }
        let missing_us = (next + 1 - due_end) as f64 / self.events_per_us;
        let missing = Duration::try_from_secs_f64(missing_us / 1e6).unwrap_or(wait);
        // Nobody unparks this thread for us: it is a wait with a time-out. Waking early only makes the answer `Pending`.
        std::thread::park_timeout(missing.min(wait));
        self.due_now()
    }

    fn due_now(&mut self) -> u64 {
        let now_us = self.clock.now_us();
        let started_us = *self.started_us.get_or_insert(now_us);
        let elapsed_us = now_us.saturating_sub(started_us).max(0) as f64;
        self.first_event.saturating_add((elapsed_us * self.events_per_us) as u64).saturating_add(1)
    }
}
