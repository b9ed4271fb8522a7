//! Keys that are forgotten when event time has passed them, and rows that come too late to be told from duplicates. It keeps no rows.

use arrow::array::UInt32Array;
use weir_core::batch::StreamBatch;
use weir_core::time::WATERMARK_MIN;
use weir_state::{Timer, Timers};

use crate::dataflow::exchange::take_rows;
use crate::dataflow::metrics::Metrics;
use crate::dataflow::operator::{OperatorError, Outputs};

/// Keys that are forgotten at once.
const FORGOTTEN_MAX: usize = 8_192;

/// How long keys are remembered.
pub(super) struct Forgetting {
    /// Event time after which a key is forgotten, microseconds.
    within_us: i64,
    watermark: i64,
    due: Timers,
    late_output: Option<usize>,
    metrics: Metrics,
}

impl Forgetting {
    pub(super) fn new(within_us: i64, late_output: Option<usize>, metrics: Metrics) -> Self {
        Self { within_us, watermark: WATERMARK_MIN, due: Timers::default(), late_output, metrics }
    }

    /// The last event time at which a row counts as a duplicate of one.
    pub(super) fn until(&self, time: i64) -> i64 {
        time.saturating_add(self.within_us)
    }

    /// The key in a slot has a row of this event time, and had one of another.
    pub(super) fn remember(&mut self, slot: u32, time: i64, before: Option<i64>) {
        if let Some(before) = before {
            self.due.delete(Timer { time: self.until(before), slot });
        }
        self.due.register(Timer { time: self.until(time), slot });
    }

    /// The key in a slot, whose row had this event time, is gone.
    pub(super) fn forget(&mut self, slot: u32, before: i64) {
        self.due.delete(Timer { time: self.until(before), slot });
    }

    /// The rows of a batch that are not late; those that are go to their output. Late is what the watermark has passed: its duplicate may be
    /// forgotten already.
    pub(super) fn in_time(&self, batch: StreamBatch, out: &mut Outputs) -> Result<StreamBatch, OperatorError> {
        let times = &batch.event_times;
        if times.iter().all(|time| *time > self.watermark) {
            return Ok(batch);
        }
        let (late, kept): (Vec<u32>, Vec<u32>) =
            (0..batch.len() as u32).partition(|row| times[*row as usize] <= self.watermark);
        let latest = late.iter().map(|row| self.watermark.saturating_sub(times[*row as usize])).max().unwrap_or(0);
        self.metrics.late(late.len() as u64, latest.saturating_add(1));
        if let Some(output) = self.late_output {
            out.emit(output, take_rows(&batch, &UInt32Array::from(late))?);
        }
        Ok(take_rows(&batch, &UInt32Array::from(kept))?)
    }

    /// Event time advances: calls `forget` with the slots of keys that are forgotten.
    pub(super) fn advance(&mut self, watermark: i64, mut forget: impl FnMut(&[u32])) {
        if watermark <= self.watermark {
            return;
        }
        self.watermark = watermark;
        loop {
            let due = self.due.pop_due(watermark, FORGOTTEN_MAX);
            if due.is_empty() {
                return;
            }
            forget(&due.iter().map(|timer| timer.slot).collect::<Vec<_>>());
        }
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.due.memory_bytes()
    }

    pub(super) fn watermark(&self) -> i64 {
        self.watermark
    }

    /// Resumes at a watermark, with the keys in these slots, whose rows have these event times.
    pub(super) fn restore(&mut self, watermark: i64, slots: &[u32], times: &[i64]) {
        self.watermark = watermark;
        slots.iter().zip(times).for_each(|(slot, time)| self.remember(*slot, *time, None));
    }
}
