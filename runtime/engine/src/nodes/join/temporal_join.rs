//! Joins of rows with the version of the right row that counts at their event time.
//!
//! A left row waits until the watermark says that no version can come that counts at its time; then it goes out, with that time. So what it
//! is joined with does not depend on how far one input is ahead of the other.

use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_state::{NewRows, RowId, RowOrder};

use super::JoinSpec;
use super::join_progress::JoinProgress;
use super::join_rows::JoinRows;
use super::join_state::{JoinState, TableParts};
use super::join_table::{JoinTable, NO_WINDOW};
use super::joined_rows::{JoinedRows, RowsOf};
use super::versions::Versions;
use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, Time};

const LEFT: usize = 0;
const RIGHT: usize = 1;

/// The operator of joins as of event time.
pub(super) struct TemporalJoin {
    spec: JoinSpec,
    state: JoinState,
    joined: JoinedRows,
    /// Left rows that wait, and versions.
    table: JoinTable,
    versions: Versions,
    progress: JoinProgress,
}

impl TemporalJoin {
    pub(super) fn new(spec: JoinSpec, ttl: Option<i64>) -> Result<Self, OperatorError> {
        Ok(Self {
            state: JoinState::new(&spec, &[]),
            joined: JoinedRows::new(&spec),
            table: JoinTable::of_waiting(&spec, RowOrder::Time)?,
            versions: Versions::new(ttl, spec.are_inserts),
            progress: JoinProgress::NONE,
            spec,
        })
    }

    /// Joins the next left rows that wait for nothing, in the order of their times, and then forgets versions that no later row can reach.
    fn advance_part(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let watermark = self.progress.watermark;
        let due = self.table.sides[LEFT].take_due(watermark, self.spec.result_rows_max);
        if due.is_empty() {
            return self.versions.forget_part(&mut self.table, watermark);
        }
        self.join(&due, out)?;
        self.table.remove(LEFT, &due)?;
        Ok(Progress::More)
    }

    fn join(&self, rows: &[RowId], out: &mut Outputs) -> Result<(), OperatorError> {
        let left = &self.table.sides[LEFT];
        let version = |id: &RowId| (*id, self.versions.at(&self.table, left.slot(*id), left.time(*id)));
        let keeps_unmatched = self.spec.keeps_unmatched(LEFT);
        let of_row = rows.iter().map(version).filter(|(_, version)| version.is_some() || keeps_unmatched);
        let (ids, versions): (Vec<RowId>, Vec<Option<RowId>>) = of_row.unzip();
        let times = ids.iter().map(|id| left.time(*id)).collect();
        let sides = [RowsOf::Store(left, &ids), RowsOf::StoreOrNulls(&self.table.sides[RIGHT], &versions)];
        self.joined.emit(sides, times, &|_| NO_WINDOW, out)
    }
}

impl Operator for TemporalJoin {
    fn process(&mut self, side: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let watermark = self.progress.watermark;
        // A version that comes late may be the one that counts from now on.
        let until = (side == LEFT).then_some(watermark);
        let (rows, taken) = JoinRows::in_time(&batch, side, until, (&self.spec, &mut self.progress), out)?;
        self.joined.ingested_at = self.progress.ingested_at;
        let rows = rows.take(&taken)?;
        if side == RIGHT {
            let ends = |row: usize| batch.row_kind(taken[row] as usize).takes_back();
            let late = self.versions.add(&mut self.table, rows, ends, watermark)?;
            let late = late.into_iter().map(|row| taken[row as usize]).collect();
            self.progress.set_late_aside((&self.spec, side), &batch, late, watermark, out)?;
        } else {
            let slots = self.table.slots(&rows)?;
            let JoinRows { times, kept: columns, .. } = rows;
            self.table.sides[LEFT].append(NewRows { slots: &slots, times: &times, marks: None, columns })?;
        }
        Ok(Progress::Done)
    }

    fn on_time(&mut self, at: Time, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let Time::Watermark(watermark) = at else { return Ok(Progress::Done) };
        self.progress.watermark = self.progress.watermark.max(watermark);
        self.advance_part(out)
    }

    fn more(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.advance_part(out)
    }

    fn state_bytes(&mut self) -> u64 {
        self.table.memory_bytes() + self.versions.memory_bytes()
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
