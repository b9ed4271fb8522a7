//! When a split that has no rows stops holding event time back. Never reads the clock: every call says what time it is.

use super::StrategyError;

/// Says when a split counts as idle, by the rule of Flink's `WatermarksWithIdleness`: the silence is measured from the first
/// check that finds no row since the check before it, and must be longer than the limit. So the time between two checks, in
/// which nobody looked, never counts as silence of the split.
#[derive(Clone, Debug)]
pub struct IdleTimer {
    idle_after_us: Option<i64>,
    active_since_check: bool,
    silent_since_us: Option<i64>,
}

impl IdleTimer {
    /// `None`: never idle. It starts to measure at the first check.
    #[must_use]
    pub fn new(idle_after_us: Option<i64>) -> Self {
        Self { idle_after_us, active_since_check: false, silent_since_us: None }
    }

    /// Checks a limit before a timer is made of it.
    ///
    /// # Errors
    /// If it is not longer than zero: every split would be idle between any two rows.
    pub fn check(idle_after_us: i64) -> Result<(), StrategyError> {
        if idle_after_us > 0 { Ok(()) } else { Err(StrategyError::IdleAfter) }
    }

    /// The split had rows.
    pub fn active(&mut self) {
        self.active_since_check = true;
    }

    /// Whether the split has been silent for too long at `now_us`, microseconds on the engine's clock.
    pub fn is_idle(&mut self, now_us: i64) -> bool {
        if std::mem::take(&mut self.active_since_check) {
            self.silent_since_us = None;
            return false;
        }
        let since = *self.silent_since_us.get_or_insert(now_us);
        self.idle_after_us.is_some_and(|after| now_us.saturating_sub(since) > after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_counts_from_the_first_check_that_finds_none() {
        let mut timer = IdleTimer::new(Some(10));
        assert!(!timer.is_idle(1_000), "the first check starts the measure, whatever time it is");
        assert!(!timer.is_idle(1_010), "as long as the limit is not longer than it");
        assert!(timer.is_idle(1_011));
        assert!(timer.is_idle(1_500), "it stays idle until there is a row");
        timer.active();
        assert!(!timer.is_idle(9_000), "this check sees the row, however long ago it was");
        assert!(!timer.is_idle(9_100), "this one is the first that sees none");
        assert!(!timer.is_idle(9_110));
        assert!(timer.is_idle(9_111));
    }

    #[test]
    fn without_a_limit_nothing_is_idle() {
        let mut timer = IdleTimer::new(None);
        assert!([0, 1, i64::MAX].into_iter().all(|now| !timer.is_idle(now)));
    }

    #[test]
    fn a_limit_is_longer_than_zero() {
        assert_eq!([1, 0, -1].map(|us| IdleTimer::check(us).is_ok()), [true, false, false]);
    }
}
