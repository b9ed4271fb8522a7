//! How a split's watermark follows from the event times of its rows.

use super::WATERMARK_MIN;

/// How far event time may lag behind the greatest one seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatermarkStrategy {
    /// Event times never go back within a split.
    Monotonic,
    /// A row is at most this much behind the greatest event time seen, microseconds.
    BoundedOutOfOrderness(i64),
}

/// Watermarks of one split.
#[derive(Clone, Debug)]
pub struct WatermarkGenerator {
    delay_us: i64,
    max_event_time: i64,
}

impl WatermarkGenerator {
    /// Before the first row.
    #[must_use]
    pub fn new(strategy: WatermarkStrategy) -> Self {
        let delay_us = match strategy {
            WatermarkStrategy::Monotonic => 0,
            WatermarkStrategy::BoundedOutOfOrderness(delay_us) => delay_us,
        };
        Self { delay_us, max_event_time: WATERMARK_MIN }
    }

    /// Takes the event times of the next rows, in order, as far as the watermark does not matter to them: it stops before the
    /// first row that is behind the watermark of the rows before it, and returns how many it took. A source emits those rows,
    /// then the watermark, then goes on: so whether a row is late never depends on where batches end.
    pub fn observe(&mut self, event_times: &[i64]) -> usize {
        let mut max = self.max_event_time;
        for (row, &time) in event_times.iter().enumerate() {
            if time > max {
                max = time;
            } else if row > 0 && time < max.saturating_sub(self.delay_us) {
                self.max_event_time = max;
                return row;
            }
        }
        self.max_event_time = max;
        event_times.len()
    }

    /// The watermark after the rows so far: Flink's `max - delay - 1`; [`WATERMARK_MIN`] before the first.
    #[must_use]
    pub fn watermark(&self) -> i64 {
        if self.max_event_time == WATERMARK_MIN {
            return WATERMARK_MIN;
        }
        self.max_event_time.saturating_sub(self.delay_us).saturating_sub(1)
    }

    /// The greatest event time seen, for a snapshot.
    #[must_use]
    pub fn max_event_time(&self) -> i64 {
        self.max_event_time
    }

    /// Goes on from a snapshot.
    pub fn restore(&mut self, max_event_time: i64) {
        self.max_event_time = max_event_time;
    }
}

/// Says when a split counts as idle.
#[derive(Clone, Debug)]
pub struct IdleTimer {
    idle_after_us: Option<i64>,
    last_active_us: i64,
}

impl IdleTimer {
    /// `None`: never idle.
    #[must_use]
    pub fn new(idle_after_us: Option<i64>, now_us: i64) -> Self {
        Self { idle_after_us, last_active_us: now_us }
    }

    /// The split had rows.
    pub fn active(&mut self, now_us: i64) {
        self.last_active_us = now_us;
    }

    /// Whether it has had none for too long.
    #[must_use]
    pub fn is_idle(&self, now_us: i64) -> bool {
        self.idle_after_us.is_some_and(|after| now_us.saturating_sub(self.last_active_us) >= after)
    }
}
