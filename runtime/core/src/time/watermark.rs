//! How a split's watermark follows from the event times of its rows.

use super::WATERMARK_MIN;

/// How far event time may lag behind the greatest one seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatermarkStrategy {
    /// Event times never go back within a split.
    Monotonic,
    /// A row is at most this much behind the greatest event time seen, microseconds.
    BoundedOutOfOrderness(i64),
    /// Rows come in any order: there is no watermark before the input has ended.
    AtEnd,
    /// Some rows say it: see [`WatermarkGenerator::observe_punctuated`].
    Punctuated,
}

/// A strategy that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StrategyError {
    /// Rows would have to come before their time.
    #[error("the bound of out-of-order event times must not be negative")]
    NegativeBound,
    /// Splits would be idle between any two rows.
    #[error("idle-after must be longer than zero")]
    IdleAfter,
}

impl WatermarkStrategy {
    /// Checks its duration.
    ///
    /// # Errors
    /// If the bound is negative.
    pub fn check(&self) -> Result<(), StrategyError> {
        match *self {
            Self::BoundedOutOfOrderness(bound_us) if bound_us < 0 => Err(StrategyError::NegativeBound),
            _ => Ok(()),
        }
    }
}

/// Watermarks of one split.
#[derive(Clone, Debug)]
pub struct WatermarkGenerator {
    /// `None`: without end.
    delay_us: Option<i64>,
    /// Of punctuated watermarks the last.
    max_event_time: i64,
    is_punctuated: bool,
    /// The greatest event time of a row since it was restored.
    latest_row: i64,
}

impl WatermarkGenerator {
    /// Before the first row.
    #[must_use]
    pub fn new(strategy: WatermarkStrategy) -> Self {
        let delay_us = match strategy {
            WatermarkStrategy::Monotonic => Some(0),
            WatermarkStrategy::BoundedOutOfOrderness(delay_us) => Some(delay_us),
            WatermarkStrategy::AtEnd | WatermarkStrategy::Punctuated => None,
        };
        let is_punctuated = strategy == WatermarkStrategy::Punctuated;
        Self { delay_us, max_event_time: WATERMARK_MIN, is_punctuated, latest_row: WATERMARK_MIN }
    }

    /// Takes the event times of the next rows, in order, as far as the watermark does not matter to them: it stops before the
    /// first row that is behind the watermark of the rows before it, and returns how many it took. A source emits those rows,
    /// then the watermark, then continues: so whether a row is late never depends on where batches end.
    pub fn observe(&mut self, event_times: &[i64]) -> usize {
        let mut max = self.max_event_time;
        let behind = |max: i64| self.delay_us.map_or(i64::MIN, |delay_us| max.saturating_sub(delay_us));
        for (row, &time) in event_times.iter().enumerate() {
            if time > max {
                max = time;
            } else if row > 0 && time < behind(max) {
                self.max_event_time = max;
                return row;
            }
        }
        self.max_event_time = max;
        event_times.len()
    }

    /// As [`WatermarkGenerator::observe`], where each row may say that no row up to a time comes after it; [`WATERMARK_MIN`]: it says
    /// nothing. Of several, the greatest time counts.
    pub fn observe_punctuated(&mut self, event_times: &[i64], said: &[i64]) -> usize {
        for (row, (time, said)) in event_times.iter().zip(said).enumerate() {
            if row > 0 && *time <= self.max_event_time {
                return row;
            }
            self.max_event_time = self.max_event_time.max(*said);
            self.latest_row = self.latest_row.max(*time);
        }
        event_times.len()
    }

    /// The watermark after the rows so far: Flink's `max - delay - 1`; [`WATERMARK_MIN`] before the first.
    #[must_use]
    pub fn watermark(&self) -> i64 {
        match self.delay_us {
            Some(delay_us) if self.max_event_time != WATERMARK_MIN => {
                self.max_event_time.saturating_sub(delay_us).saturating_sub(1)
            }
            _ if self.is_punctuated => self.max_event_time,
            _ => WATERMARK_MIN,
        }
    }

    /// The greatest event time seen, or the last watermark that a row said, for a snapshot.
    #[must_use]
    pub fn max_event_time(&self) -> i64 {
        self.max_event_time
    }

    /// The greatest event time of a row, as far as it is known.
    #[must_use]
    pub fn latest_row(&self) -> i64 {
        self.latest_row.max(self.max_event_time)
    }

    /// Resumes from a snapshot.
    pub fn restore(&mut self, max_event_time: i64) {
        self.max_event_time = max_event_time;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn generator(delay_us: i64) -> WatermarkGenerator {
        WatermarkGenerator::new(WatermarkStrategy::BoundedOutOfOrderness(delay_us))
    }

    /// Every row with the watermark that a source has said before it, when it reads batches that end at `cuts`.
    fn said_before(delay_us: i64, times: &[i64], cuts: &[usize]) -> Vec<(i64, bool)> {
        let mut watermarks = generator(delay_us);
        let mut rows = Vec::new();
        let ends: Vec<usize> = cuts.iter().copied().chain([times.len()]).collect();
        let mut start = 0;
        for end in ends {
            while start < end {
                let before = watermarks.watermark();
                let taken = watermarks.observe(&times[start..end]);
                rows.extend(times[start..start + taken].iter().map(|t| (*t, *t <= before)));
                start += taken;
            }
        }
        rows
    }

    #[test]
    fn the_ends_of_time_do_not_wrap() {
        let mut watermarks = generator(i64::MAX);
        assert_eq!(watermarks.watermark(), WATERMARK_MIN);
        watermarks.observe(&[i64::MIN + 1]);
        assert_eq!(watermarks.watermark(), WATERMARK_MIN);
        watermarks.observe(&[i64::MAX]);
        assert_eq!(watermarks.watermark(), -1);
        assert_eq!(watermarks.observe(&[i64::MIN, i64::MAX]), 2);
    }

    #[test]
    fn rows_in_any_order_have_no_watermark_before_the_end() {
        let mut watermarks = WatermarkGenerator::new(WatermarkStrategy::AtEnd);
        assert_eq!(watermarks.observe(&[7, i64::MAX, i64::MIN, 3]), 4);
        assert_eq!((watermarks.watermark(), watermarks.max_event_time()), (WATERMARK_MIN, i64::MAX));
    }

    #[test]
    fn rows_say_the_watermark_for_those_after_them() {
        let mut watermarks = WatermarkGenerator::new(WatermarkStrategy::Punctuated);
        let silent = WATERMARK_MIN;
        assert_eq!(watermarks.observe_punctuated(&[5, 9, 1], &[silent, silent, silent]), 3);
        assert_eq!(watermarks.watermark(), WATERMARK_MIN);
        // The row that is behind comes after the watermark of the row before it.
        assert_eq!(watermarks.observe_punctuated(&[7, 8, 6, 9], &[silent, 7, 3, silent]), 2);
        assert_eq!(watermarks.watermark(), 7);
        assert_eq!(watermarks.observe_punctuated(&[6, 9], &[3, silent]), 2);
        assert_eq!(watermarks.watermark(), 7, "it never goes back");
        let mut restored = WatermarkGenerator::new(WatermarkStrategy::Punctuated);
        restored.restore(watermarks.max_event_time());
        assert_eq!(restored.watermark(), 7);
    }

    #[test]
    fn a_bound_is_not_negative() {
        let bounds = [WatermarkStrategy::Monotonic, WatermarkStrategy::BoundedOutOfOrderness(0)];
        assert!(bounds.iter().all(|s| s.check().is_ok()));
        assert_eq!(WatermarkStrategy::BoundedOutOfOrderness(-1).check(), Err(StrategyError::NegativeBound));
    }

    proptest! {
        /// Whether a row is behind the watermark depends on the rows before it, never on where batches end.
        #[test]
        fn batches_do_not_matter(
            delay_us in 0i64..6,
            times in prop::collection::vec(-9i64..9, 0..24),
            cuts in prop::collection::btree_set(0usize..24, 0..6),
        ) {
            let cuts: Vec<usize> = cuts.into_iter().filter(|c| *c <= times.len()).collect();
            let each: Vec<usize> = (1..times.len()).collect();
            prop_assert_eq!(said_before(delay_us, &times, &cuts), said_before(delay_us, &times, &each));
        }

        /// It is what the greatest time says, in any order and after a restore, and it never goes back.
        #[test]
        fn the_greatest_time_decides(delay_us in 0i64..6, times in prop::collection::vec(-99i64..99, 1..24)) {
            let mut watermarks = generator(delay_us);
            let mut last = watermarks.watermark();
            for time in &times {
                let mut restored = generator(delay_us);
                restored.restore(watermarks.max_event_time());
                watermarks = restored;
                watermarks.observe(&[*time]);
                prop_assert!(watermarks.watermark() >= last);
                last = watermarks.watermark();
            }
            let max = times.iter().max().copied().unwrap_or_default();
            prop_assert_eq!(last, max - delay_us - 1);
        }
    }
}
