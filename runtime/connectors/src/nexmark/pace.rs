//! Keeps a generator to a rate: which events are due by now. Lets them come together into batches, never longer than it may.

use std::sync::Arc;
use std::time::Duration;

use weir_core::time::Clock;

/// Event `first_event + k` is due `k / rate` seconds after the first look at the clock.
pub(super) struct Pace {
    events_per_us: f64,
    first_event: u64,
    started_us: Option<i64>,
    /// How long the last look has waited.
    pub(super) waited_us: u64,
    clock: Arc<dyn Clock>,
}

impl Pace {
    pub(super) fn new(events_per_s: f64, first_event: u64, clock: Arc<dyn Clock>) -> Self {
        Self { events_per_us: events_per_s / 1e6, first_event, started_us: None, waited_us: 0, clock }
    }

    /// The first event that is not due yet. Waits until a batch of `rows_max` would be due, at most `wait`: one call per row would cost
    /// more than the rows. It waits until a multiple of `wait` on the clock, so that many generators wake the machine at once and
    /// not each by itself.
    pub(super) fn due_end(&mut self, next: u64, rows_max: usize, wait: Duration) -> u64 {
        let due = self.due_now();
        self.waited_us = 0;
        let missing = next.saturating_add(rows_max as u64).saturating_sub(due);
        if missing == 0 || wait.is_zero() {
            return due;
        }
        let missing = Duration::try_from_secs_f64(missing as f64 / self.events_per_us / 1e6).unwrap_or(wait);
        let begun_us = self.clock.now_us();
        // Nobody unparks this thread for us: it is a wait with a time-out. Waking early only makes a smaller batch.
        let wait_us = wait.as_micros().max(1);
        let until_us = wait_us - begun_us.max(0).unsigned_abs() as u128 % wait_us;
        std::thread::park_timeout(missing.min(Duration::from_micros(until_us as u64)));
        self.waited_us = self.clock.now_us().saturating_sub(begun_us).max(0).unsigned_abs();
        self.due_now()
    }

    fn due_now(&mut self) -> u64 {
        let now_us = self.clock.now_us();
        let started_us = *self.started_us.get_or_insert(now_us);
        let elapsed_us = now_us.saturating_sub(started_us).max(0) as f64;
        self.first_event.saturating_add((elapsed_us * self.events_per_us) as u64).saturating_add(1)
    }
}
