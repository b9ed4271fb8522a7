//! How far a join is in event time, and the rows that came too late for it. Keeps no row.

use weir_core::batch::StreamBatch;
use weir_core::time::WATERMARK_MIN;

use super::JoinSpec;
use crate::dataflow::operator::{OperatorError, Outputs};
use crate::nodes::window::late_count::LateCount;

/// How far a join is.
#[derive(Clone, Copy)]
pub(super) struct JoinProgress {
    pub(super) watermark: i64,
    /// Of the youngest batch that it took; least: it has taken none.
    pub(super) ingested_at: i64,
    pub(super) late: LateCount,
}

impl JoinProgress {
    pub(super) const NONE: Self = Self { watermark: WATERMARK_MIN, ingested_at: i64::MIN, late: LateCount::NONE };

    /// Counts rows of a side whose time is not after `until`, and hands them to their output.
    pub(super) fn set_late_aside(
        &mut self,
        (spec, side): (&JoinSpec, usize),
        batch: &StreamBatch,
        rows: Vec<u32>,
        until: i64,
        out: &mut Outputs,
    ) -> Result<(), OperatorError> {
        let Some(earliest) = rows.iter().map(|row| batch.event_times[*row as usize]).min() else { return Ok(()) };
        self.late.add(rows.len() as u64, until.saturating_sub(earliest).saturating_add(1), &spec.metrics);
        spec.emit_late(side, batch, rows, out)
    }
}
