//! When a job that failed starts again: after a delay that doubles with every failure, and not at all if it fails too often.
//! Pure: the time is passed in, and waiting is the caller's.

use std::collections::VecDeque;

use crate::graph::RestartSettings;

/// Counts the failures of one job.
#[derive(Clone, Debug)]
pub struct RestartPolicy {
    settings: RestartSettings,
    /// When the failures of the last period were, microseconds.
    failures: VecDeque<i64>,
    /// How many there were in a row with less than a period between them.
    streak: u32,
}

impl RestartPolicy {
    /// No failure so far.
    #[must_use]
    pub fn new(settings: RestartSettings) -> Self {
        Self { settings, failures: VecDeque::new(), streak: 0 }
    }

    /// The job has failed. When it is to start again, on the same clock; `None`: it has failed too often.
    pub fn on_failure(&mut self, now_us: i64) -> Option<i64> {
        let period_us = microseconds(self.settings.period_ms);
        let quiet = self.failures.back().is_none_or(|last| now_us.saturating_sub(*last) >= period_us);
        self.streak = if quiet { 0 } else { self.streak.saturating_add(1) };
        while self.failures.front().is_some_and(|first| now_us.saturating_sub(*first) >= period_us) {
            self.failures.pop_front();
        }
        self.failures.push_back(now_us);
        if self.failures.len() > self.settings.failures_max as usize {
            return None;
        }
        let factor = 1_i64.checked_shl(self.streak.min(32)).unwrap_or(i64::MAX);
        let delay_us = microseconds(self.settings.delay_ms).saturating_mul(factor);
        Some(now_us.saturating_add(delay_us.min(microseconds(self.settings.delay_max_ms))))
    }
}

fn microseconds(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(failures_max: u32) -> RestartPolicy {
        RestartPolicy::new(RestartSettings { delay_ms: 1, delay_max_ms: 5, failures_max, period_ms: 100 })
    }

    #[test]
    fn the_delay_doubles_up_to_its_greatest_and_falls_back_after_a_quiet_period() {
        let mut policy = policy(100);
        let delays: Vec<i64> = (0..5).filter_map(|i| policy.on_failure(i * 10).map(|at| at - i * 10)).collect();
        assert_eq!(delays, [1_000, 2_000, 4_000, 5_000, 5_000]);
        assert_eq!(policy.on_failure(200_000), Some(201_000));
    }

    #[test]
    fn only_failures_of_one_period_count() {
        let mut policy = policy(2);
        assert!(policy.on_failure(0).is_some());
        assert!(policy.on_failure(60_000).is_some());
        assert!(policy.on_failure(120_000).is_some(), "the first is forgotten");
        assert_eq!(policy.on_failure(121_000), None);
        assert_eq!(super::tests::policy(0).on_failure(0), None);
    }

    #[test]
    fn a_very_long_streak_does_not_overflow() {
        let settings =
            RestartSettings { delay_ms: u64::MAX, delay_max_ms: u64::MAX, failures_max: u32::MAX, period_ms: u64::MAX };
        let mut policy = RestartPolicy::new(settings);
        for now in 0..200 {
            assert!(policy.on_failure(now).is_some());
        }
    }
}
