//! Joins of rows with those of a table that are there when they come.
//!
//! Left rows wait until the right input has brought all that there was at the start, so that none is looked up in a part of the table; the
//! watermark waits with them. After that no left row is kept. The mark of one that waits is how many pairs of it went out, where they are
//! more than one part.

use std::collections::VecDeque;

use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_core::time::{WATERMARK_MAX, WATERMARK_MIN};
use weir_state::{NewRows, RowId, RowOrder};

use super::JoinSpec;
use super::join_progress::JoinProgress;
use super::join_rows::JoinRows;
use super::join_state::{JoinState, TableParts};
use super::join_table::{JoinTable, NO_WINDOW};
use super::joined_rows::{JoinedRows, RowsOf};
use super::rounds::rounds;
use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot};

const LEFT: usize = 0;
const RIGHT: usize = 1;

/// The operator of joins as of now.
pub(super) struct LookupJoin {
    spec: JoinSpec,
    state: JoinState,
    joined: JoinedRows,
    /// Left rows that wait for the table, and the table.
    table: JoinTable,
    /// Its watermark says whether the table was read: greatest, or least.
    progress: JoinProgress,
    /// Left rows that waited, and go out now.
    released: VecDeque<RowId>,
    /// Rows that have given out a part of what they give: the next row, and how many pairs of it went out.
    pending: Option<(JoinRows, usize, usize)>,
}

/// Rows that go out: each with one of the table, or with none.
#[derive(Default)]
struct Found<Row> {
    rows: Vec<Row>,
    with: Vec<Option<RowId>>,
}

impl LookupJoin {
    pub(super) fn new(spec: JoinSpec) -> Result<Self, OperatorError> {
        Ok(Self {
            state: JoinState::new(&spec, &[]),
            joined: JoinedRows::new(&spec),
            table: JoinTable::of_waiting(&spec, RowOrder::Arrival)?,
            progress: JoinProgress::NONE,
            released: VecDeque::new(),
            pending: None,
            spec,
        })
    }

    fn is_read(&self) -> bool {
        self.progress.watermark == WATERMARK_MAX
    }

    /// Adds what a row gives, of which so many pairs went out before; whether that is all of it, or as much as fits into one part.
    fn look_up<Row: Copy>(&self, row: Row, slot: Option<u32>, before: usize, found: &mut Found<Row>) -> (usize, bool) {
        let room = self.spec.result_rows_max.saturating_sub(found.rows.len());
        let mut partners = slot.into_iter().flat_map(|slot| self.table.sides[RIGHT].rows_of(slot)).skip(before);
        found.with.extend(partners.by_ref().take(room).map(Some));
        let given = found.with.len() - found.rows.len();
        if given + before == 0 && room > 0 && self.spec.keeps_unmatched(LEFT) {
            found.with.push(None);
        }
        found.rows.resize(found.with.len(), row);
        (before + given, room > 0 && partners.next().is_none())
    }

    /// Looks up the next left rows of a batch.
    fn join_batch(
        &mut self,
        rows: JoinRows,
        (mut row, mut before): (usize, usize),
        out: &mut Outputs,
    ) -> Result<(), OperatorError> {
        let slots = self.table.slots(&rows)?;
        let mut found = Found::default();
        while row < rows.len() {
            let slot = rows.has_key(row).then(|| slots[row]);
            let (given, is_done) = self.look_up(row as u32, slot, before, &mut found);
            before = given;
            if !is_done {
                break;
            }
            (row, before) = (row + 1, 0);
        }
        // Of keys that the table does not have.
        self.table.release(slots);
        let times = found.rows.iter().map(|row| rows.times[*row as usize]).collect();
        let sides =
            [RowsOf::Batch(&rows.kept, &found.rows), RowsOf::StoreOrNulls(&self.table.sides[RIGHT], &found.with)];
        self.joined.emit(sides, times, &|_| NO_WINDOW, out)?;
        self.pending = (row < rows.len()).then_some((rows, row, before));
        Ok(())
    }

    /// Looks up the next rows that waited for the table.
    fn release_part(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        if !self.is_read() {
            return Ok(Progress::Done);
        }
        if self.released.is_empty() {
            self.released.extend(self.table.sides[LEFT].take_due(i64::MAX, self.spec.result_rows_max));
        }
        if self.released.is_empty() {
            return Ok(Progress::Done);
        }
        let (mut found, mut gone) = (Found::default(), Vec::new());
        while let Some(id) = self.released.front().copied() {
            let left = &self.table.sides[LEFT];
            // Rows of the table have keys without nulls, and so have the rows that find them.
            let (given, is_done) = self.look_up(id, Some(left.slot(id)), left.mark(id) as usize, &mut found);
            if !is_done {
                self.table.sides[LEFT].set_mark(id, given as u32);
                break;
            }
            self.released.pop_front();
            gone.push(id);
        }
        let left = &self.table.sides[LEFT];
        let times = found.rows.iter().map(|id| left.time(*id)).collect();
        let sides = [RowsOf::Store(left, &found.rows), RowsOf::StoreOrNulls(&self.table.sides[RIGHT], &found.with)];
        self.joined.emit(sides, times, &|_| NO_WINDOW, out)?;
        self.table.remove(LEFT, &gone)?;
        Ok(Progress::More)
    }

    /// Does to the table what rows of the right input say.
    fn change(&mut self, batch: &StreamBatch, rows: &JoinRows, taken: Vec<u32>) -> Result<(), OperatorError> {
        let rounds = match &self.spec.sides[RIGHT].upsert_key {
            Some(key) => self.table.replaced(RIGHT, batch, &rows.take(&taken)?, &taken, key)?,
            None => rounds(&mut self.table, batch, rows, taken)?,
        };
        for round in rounds {
            let slots = self.table.slots(&round.rows)?;
            if round.takes_back {
                let all: Vec<usize> = (0..round.rows.kept.len()).collect();
                let (_, gone) = self.table.same(RIGHT, &round.rows, &slots, &all)?;
                self.table.remove(RIGHT, &gone)?;
                self.table.release(slots);
            } else {
                let JoinRows { times, kept: columns, .. } = round.rows;
                self.table.sides[RIGHT].append(NewRows { slots: &slots, times: &times, marks: None, columns })?;
            }
        }
        Ok(())
    }
}

impl Operator for LookupJoin {
    fn process(&mut self, side: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let (rows, from) = match self.pending.take() {
            // The batch is the one that was put back.
            Some((rows, row, before)) => (rows, (row, before)),
            None => {
                let (rows, taken) = JoinRows::in_time(&batch, side, None, (&self.spec, &mut self.progress), out)?;
                self.joined.ingested_at = self.progress.ingested_at;
                if side == RIGHT {
                    return self.change(&batch, &rows, taken).map(|()| Progress::Done);
                }
                (rows.take(&taken)?, (0, 0))
            }
        };
        if self.is_read() {
            self.join_batch(rows, from, out)?;
        } else {
            let slots = self.table.slots(&rows)?;
            let JoinRows { times, kept: columns, .. } = rows;
            self.table.sides[LEFT].append(NewRows { slots: &slots, times: &times, marks: None, columns })?;
        }
        if self.pending.is_some() {
            out.put_back(batch);
        }
        Ok(Progress::Done)
    }

    fn on_caught_up(&mut self, input: usize, out: &mut Outputs) -> Result<Progress, OperatorError> {
        if input == RIGHT {
            self.progress.watermark = WATERMARK_MAX;
        }
        self.release_part(out)
    }

    fn forwards(&self, watermark: i64) -> i64 {
        // The greatest comes before an input ends, too.
        if self.is_read() { watermark } else { WATERMARK_MIN }
    }

    fn more(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.release_part(out)
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
