//! What a person is told of rows that are late or were not tried, while a job runs: once, and again when there are ten times as many.

use std::collections::BTreeMap;

use crate::runtime::job_handle::Progress;

/// What has been told, per kind and step.
#[derive(Default)]
pub(crate) struct News(BTreeMap<(&'static str, String), u64>);

impl News {
    /// What has not been told yet, or when it was ten times less.
    pub(crate) fn of(&mut self, progress: &Progress) -> Vec<String> {
        let late = progress.late.iter().map(|of| ("late", &of.step, of.rows, of.to_string()));
        let untried = progress.untried.iter().map(|of| ("untried", &of.step, of.batches, of.to_string()));
        late.chain(untried).filter(|(kind, step, count, _)| self.is_new(kind, step, *count)).map(|of| of.3).collect()
    }

    fn is_new(&mut self, kind: &'static str, step: &str, count: u64) -> bool {
        let tell_at = self.0.entry((kind, step.to_owned())).or_insert(1);
        let is_new = count >= *tell_at;
        if is_new {
            *tell_at = count.saturating_mul(10);
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_told_again_when_there_is_ten_times_as_much() {
        let mut news = News::default();
        let told: Vec<u64> =
            [1, 2, 9, 10, 99, 100, 3000].into_iter().filter(|rows| news.is_new("late", "w", *rows)).collect();
        assert_eq!(told, [1, 10, 100, 3000]);
        assert!(news.is_new("untried", "w", 1) && news.is_new("late", "v", 1));
    }
}
