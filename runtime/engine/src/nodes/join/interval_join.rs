//! Interval joins: rows of one key belong together if the event time of the right row is within bounds of that of the left one.
//!
//! Pairs go out as soon as both rows are there, at the later of their times. A row alone goes out at its own time: without a match, once
//! the watermark says that none can come, and in a semi join with its first match; so the watermark that is forwarded is behind by as long as rows wait for that.

use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_core::time::{WATERMARK_MAX, WATERMARK_MIN};
use weir_state::RowOrder;

use super::JoinSpec;
use super::join_progress::JoinProgress;
use super::join_rows::JoinRows;
use super::join_state::{JoinState, TableParts};
use super::join_table::{Arriving, Cursor, JoinTable, MATCHED};
use super::joined_rows::JoinedRows;
use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, Time};

/// Rows that are forgotten at once at most.
const FORGOTTEN_ROWS_MAX: usize = 65_536;

/// The operator of interval joins.
pub(super) struct IntervalJoin {
    spec: JoinSpec,
    bounds: Bounds,
    state: JoinState,
    joined: JoinedRows,
    table: JoinTable,
    progress: JoinProgress,
    /// Rows that have given out a part of what they give.
    pending: Option<(JoinRows, Cursor)>,
}

/// Of the right row's time minus the left one's.
#[derive(Clone, Copy)]
struct Bounds {
    lower: Option<i64>,
    upper: Option<i64>,
}

impl Bounds {
    /// The times at which rows of the other side match a row of a side.
    fn reach(self, side: usize, time: i64) -> std::ops::RangeInclusive<i64> {
        let Self { lower, upper } = self;
        let (from, to) = if side == 0 {
            (lower.map(|lower| time.saturating_add(lower)), upper.map(|upper| time.saturating_add(upper)))
        } else {
            (upper.map(|upper| time.saturating_sub(upper)), lower.map(|lower| time.saturating_sub(lower)))
        };
        from.unwrap_or(i64::MIN)..=to.unwrap_or(i64::MAX)
    }

    /// How long after its own time a row of a side may still get a match; `None`: for ever.
    fn waits(self, side: usize) -> Option<i64> {
        if side == 0 {
            self.upper.map(|upper| upper.max(0))
        } else {
            self.lower.map(|lower| lower.saturating_neg().max(0))
        }
    }
}

impl IntervalJoin {
    pub(super) fn new(spec: JoinSpec, lower: Option<i64>, upper: Option<i64>) -> Result<Self, OperatorError> {
        Ok(Self {
            bounds: Bounds { lower, upper },
            state: JoinState::new(&spec, &[]),
            joined: JoinedRows::new(&spec),
            table: JoinTable::new(&spec, RowOrder::Time)?,
            progress: JoinProgress::NONE,
            pending: None,
            spec,
        })
    }

    /// Up to which time rows of a side cannot get a match any more.
    fn due_until(&self, side: usize) -> i64 {
        match (self.progress.watermark, self.bounds.waits(side)) {
            (WATERMARK_MAX, _) => i64::MAX,
            (watermark, Some(waits)) => watermark.saturating_sub(waits),
            (_, None) => WATERMARK_MIN,
        }
    }

    /// Emits the next rows that have no match and get none, and forgets rows that are not needed.
    fn forget_part(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        for side in [0, 1] {
            let keeps = self.spec.keeps_unmatched(side);
            let max = if keeps { self.spec.result_rows_max } else { FORGOTTEN_ROWS_MAX };
            let due = self.table.sides[side].take_due(self.due_until(side), max);
            if due.is_empty() {
                continue;
            }
            if keeps {
                let mut unmatched = due.clone();
                unmatched.retain(|id| self.table.sides[side].mark(*id) != MATCHED);
                self.table.emit_unmatched(side, &unmatched, None, &self.joined, out)?;
            }
            self.table.remove(side, &due)?;
            return Ok(Progress::More);
        }
        Ok(Progress::Done)
    }
}

impl Operator for IntervalJoin {
    fn process(&mut self, side: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let (rows, mut cursor) = match self.pending.take() {
            // The batch is the one that was put back.
            Some(pending) => pending,
            None => {
                let (until, of) = (Some(self.progress.watermark), (&self.spec, &mut self.progress));
                let (rows, taken) = JoinRows::in_time(&batch, side, until, of, out)?;
                self.joined.ingested_at = self.progress.ingested_at;
                (rows.take(&taken)?, Cursor::default())
            }
        };
        let bounds = self.bounds;
        let reach = |time| bounds.reach(side, time);
        let arriving = Arriving { side, rows: &rows, window: None, reach: &reach };
        if self.table.take(&self.spec, &arriving, &mut cursor, &self.joined, out)? == Progress::More {
            self.pending = Some((rows, cursor));
            out.put_back(batch);
        }
        Ok(Progress::Done)
    }

    fn on_time(&mut self, at: Time, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let Time::Watermark(watermark) = at else { return Ok(Progress::Done) };
        self.progress.watermark = self.progress.watermark.max(watermark);
        self.forget_part(out)
    }

    fn more(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.forget_part(out)
    }

    fn forwards(&self, watermark: i64) -> i64 {
        if watermark == WATERMARK_MAX {
            return watermark;
        }
        // Rows that go out alone do so at their own time.
        let is_alone = |side: &usize| match self.spec.join_type.is_left_alone() {
            true => *side == 0,
            false => self.spec.keeps_unmatched(*side),
        };
        let behind = [0, 1]
            .into_iter()
            .filter(is_alone)
            .map(|side| self.bounds.waits(side).unwrap_or(i64::MAX))
            .max()
            .unwrap_or(0);
        watermark.saturating_sub(behind)
    }

    fn state_bytes(&mut self) -> u64 {
        self.table.memory_bytes()
    }

    fn freeze(&mut self, _cut: Cut) -> Result<Frozen, OperatorError> {
        let parts = vec![TableParts::freeze(&mut self.table, Vec::new())];
        Ok(self.state.freeze(parts, self.progress))
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        let restored = self.state.restore(snapshot, &self.spec)?;
        self.progress = restored.progress;
        self.joined.ingested_at = self.progress.ingested_at;
        for (side, rows) in restored.rows {
            self.table.restore(side, &rows, self.spec.sides[side].keys.len(), 0)?;
        }
        Ok(())
    }
}
