//! The watermarks of a subtask's splits, or of the channels that come to it, and the least of them. Where a later step of the chain makes
//! the event time, the head that reads rows and that step share one: the head says which split rows are of, the step which times they have.
//! Never holds a row.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use weir_core::time::{Merged, WatermarkGenerator, WatermarkMerger, WatermarkStrategy};

/// A handle on them. One thread has all handles of a subtask, so none ever waits.
#[derive(Clone, Debug)]
pub struct SplitTimes(Arc<Mutex<Times>>);

#[derive(Debug)]
struct Times {
    strategy: WatermarkStrategy,
    merger: WatermarkMerger,
    splits: Vec<WatermarkGenerator>,
    /// Which split the rows are of that are in the chain.
    current: usize,
    /// Whether times of these were observed.
    is_observed: bool,
}

impl SplitTimes {
    /// Of no split yet.
    #[must_use]
    pub fn new(strategy: WatermarkStrategy) -> Self {
        Self(Arc::new(Mutex::new(Times {
            strategy,
            merger: WatermarkMerger::new(0),
            splits: Vec::new(),
            current: 0,
            is_observed: false,
        })))
    }

    /// One more split, whose greatest event time so far was this.
    pub(crate) fn add(&self, max_event_time: i64) {
        let mut times = self.lock();
        let mut watermarks = WatermarkGenerator::new(times.strategy);
        watermarks.restore(max_event_time);
        times.splits.push(watermarks);
        times.merger.add_channel();
    }

    /// Takes event times of rows of a split, as [`WatermarkGenerator::observe`] does.
    /// `said` are the watermarks that the rows say, if that is where they come from.
    pub(crate) fn observe(&self, split: usize, event_times: &[i64], said: Option<&[i64]>) -> (usize, Merged) {
        let mut times = self.lock();
        let Some(watermarks) = times.splits.get_mut(split) else { return (event_times.len(), Merged::Unchanged) };
        let taken = match said {
            Some(said) => watermarks.observe_punctuated(event_times, said),
            None => watermarks.observe(event_times),
        };
        let watermark = watermarks.watermark();
        (taken, times.merger.on_watermark(split, watermark))
    }

    /// The rows that come next are of this split.
    pub(crate) fn set_current(&self, split: usize) {
        let mut times = self.lock();
        (times.current, times.is_observed) = (split, false);
    }

    /// As [`SplitTimes::observe`], for the split that rows came of last, which is active with them.
    pub(crate) fn observe_current(&self, event_times: &[i64]) -> (usize, Merged) {
        let (current, active) = {
            let mut times = self.lock();
            times.is_observed = true;
            let current = times.current;
            (current, times.merger.on_active(current))
        };
        match self.observe(current, event_times, None) {
            (taken, Merged::Unchanged) => (taken, active),
            observed => observed,
        }
    }

    /// Whether times of the split that rows came of last were observed since then.
    pub(crate) fn take_observed(&self) -> bool {
        std::mem::take(&mut self.lock().is_observed)
    }

    /// Has splits that were restored say their watermarks: the least, if all have one.
    pub(crate) fn restored(&self) -> Option<i64> {
        let mut times = self.lock();
        let watermarks: Vec<i64> = times.splits.iter().map(WatermarkGenerator::watermark).collect();
        let mut merged = None;
        for (split, watermark) in watermarks.into_iter().enumerate() {
            if let Merged::Watermark(risen) = times.merger.on_watermark(split, watermark) {
                merged = Some(risen);
            }
        }
        merged
    }

    pub(crate) fn on_idle(&self, split: usize) -> Merged {
        self.lock().merger.on_idle(split)
    }

    pub(crate) fn on_active(&self, split: usize) -> Merged {
        self.lock().merger.on_active(split)
    }

    pub(crate) fn on_end(&self, split: usize) -> Merged {
        self.lock().merger.on_end(split)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.lock().merger.is_idle()
    }

    /// The least watermark so far.
    pub(crate) fn merged(&self) -> i64 {
        self.lock().merger.watermark()
    }

    /// The watermark of a split.
    pub(crate) fn watermark(&self, split: usize) -> i64 {
        self.of(split, WatermarkGenerator::watermark)
    }

    /// The greatest event time of a split so far.
    pub(crate) fn max_event_time(&self, split: usize) -> i64 {
        self.of(split, WatermarkGenerator::max_event_time)
    }

    /// The greatest event time of a row of a split so far, also where rows say the watermark.
    pub(crate) fn latest_row(&self, split: usize) -> i64 {
        self.of(split, WatermarkGenerator::latest_row)
    }

    fn of(&self, split: usize, of: impl Fn(&WatermarkGenerator) -> i64) -> i64 {
        self.lock().splits.get(split).map_or(weir_core::time::WATERMARK_MIN, of)
    }

    fn lock(&self) -> MutexGuard<'_, Times> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
