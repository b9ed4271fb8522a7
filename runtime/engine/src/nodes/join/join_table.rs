//! [`JoinTable`]: the rows of both sides by key, and finding pairs of them. Never decides when a row is forgotten.

use arrow::array::RecordBatch;
use weir_core::window::Window;
use weir_state::{KeyIndex, NewRows, RowId, RowOrder, RowStore};

use super::JoinSpec;
use super::join_rows::JoinRows;
use super::joined_rows::{JoinedRows, RowsOf};
use crate::dataflow::operator::{OperatorError, Outputs, Progress};

/// Rows that wait for others.
pub(super) struct JoinTable {
    pub(super) keys: KeyIndex,
    /// The left and the right side. The mark of a row says whether it has been matched.
    pub(super) sides: [RowStore; 2],
}

/// A row that has gone out, or need not go out without a match.
pub(super) const MATCHED: u32 = 1;

/// How far some rows are held against a table, if what they give is more than one part.
#[derive(Default)]
pub(super) struct Cursor {
    /// The next row, and how many of its partners have gone out.
    row: usize,
    partner: usize,
    /// Of the rows before: whether each was matched.
    marks: Vec<u32>,
}

/// Rows that come to a table.
pub(super) struct Arriving<'a> {
    pub(super) side: usize,
    pub(super) rows: &'a JoinRows,
    /// The window of the table; `None`: it has none.
    pub(super) window: Option<Window>,
    /// The times of rows that belong to one at a time; not asked where there is a window.
    pub(super) reach: &'a dyn Fn(i64) -> std::ops::RangeInclusive<i64>,
}

impl JoinTable {
    pub(super) fn new(spec: &JoinSpec, order: RowOrder) -> Result<Self, OperatorError> {
        let keys = KeyIndex::new(&spec.key_fields())?;
        Ok(Self { keys, sides: [0, 1].map(|side| RowStore::new(&spec.kept_fields(side), order)) })
    }

    /// As [`JoinTable::new`], with left rows that only wait until they are due.
    pub(super) fn of_waiting(spec: &JoinSpec, order: RowOrder) -> Result<Self, OperatorError> {
        let mut table = Self::new(spec, order)?;
        table.sides[0] = RowStore::new(&spec.kept_fields(0), RowOrder::Due);
        Ok(table)
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.keys.memory_bytes() + self.sides.iter().map(RowStore::memory_bytes).sum::<u64>()
    }

    /// The slots of rows' keys.
    pub(super) fn slots(&mut self, rows: &JoinRows) -> Result<Vec<u32>, OperatorError> {
        let mut slots = Vec::with_capacity(rows.len());
        self.keys.slots_hashed(&rows.keys, rows.len(), rows.hashes.as_deref(), &mut slots)?;
        Ok(slots)
    }

    /// Emits the pairs that rows make with those of the other side, and then keeps the rows. With [`Progress::More`] it is to be
    /// called again with the same.
    fn join(
        &mut self,
        spec: &JoinSpec,
        arriving: &Arriving<'_>,
        cursor: &mut Cursor,
        joined: &JoinedRows,
        out: &mut Outputs,
    ) -> Result<Progress, OperatorError> {
        let Arriving { side, rows, .. } = arriving;
        let (side, other) = (*side, 1 - *side);
        let slots = self.slots(rows)?;
        let (mut of_batch, mut partners) = (Vec::new(), Vec::new());
        let mut progress = Progress::Done;
        cursor.marks.resize(rows.len(), 0);
        while cursor.row < rows.len() {
            let row = cursor.row;
            let first = partners.len();
            self.partners(arriving, row, &slots, &mut partners);
            if cursor.partner > 0 {
                partners.drain(first..first + cursor.partner);
            }
            if partners.len() > first || cursor.partner > 0 {
                cursor.marks[row] = MATCHED;
            }
            if partners.len() > spec.result_rows_max {
                partners.truncate(spec.result_rows_max);
                cursor.partner += partners.len() - first;
                progress = Progress::More;
            }
            of_batch.resize(partners.len(), row as u32);
            if progress == Progress::More {
                break;
            }
            (cursor.row, cursor.partner) = (row + 1, 0);
        }
        self.emit_pairs(arriving, &of_batch, &partners, joined, out)?;
        if spec.keeps_unmatched(other) {
            partners.iter().for_each(|id| self.sides[other].set_mark(*id, MATCHED));
        }
        if progress == Progress::Done {
            let marks = spec.keeps_unmatched(side).then_some(cursor.marks.as_slice());
            let columns = rows.kept.clone();
            self.sides[side].append(NewRows { slots: &slots, times: &rows.times, marks, columns })?;
            *cursor = Cursor::default();
        }
        Ok(progress)
    }

    /// Adds the rows of the other side that belong to a row.
    pub(super) fn partners(&self, arriving: &Arriving<'_>, row: usize, slots: &[u32], out: &mut Vec<RowId>) {
        let Arriving { side, rows, window, reach } = arriving;
        let other = &self.sides[1 - side];
        match window {
            _ if !rows.has_key(row) => {}
            Some(_) => out.extend(other.rows_of(slots[row])),
            None => other.between(slots[row], reach(rows.times[row]), out),
        }
    }

    /// As [`JoinTable::semi_join`] or [`JoinTable::join`], whichever the join is.
    pub(super) fn take(
        &mut self,
        spec: &JoinSpec,
        arriving: &Arriving<'_>,
        cursor: &mut Cursor,
        joined: &JoinedRows,
        out: &mut Outputs,
    ) -> Result<Progress, OperatorError> {
        match spec.join_type.is_left_alone() {
            true => self.semi_join(spec, arriving, joined, out),
            false => self.join(spec, arriving, cursor, joined, out),
        }
    }

    fn emit_pairs(
        &self,
        Arriving { side, rows, window, .. }: &Arriving<'_>,
        of_batch: &[u32],
        partners: &[RowId],
        joined: &JoinedRows,
        out: &mut Outputs,
    ) -> Result<(), OperatorError> {
        let store = &self.sides[1 - side];
        let times = match window {
            Some(window) => vec![window.max_time(); partners.len()],
            None => {
                let times = of_batch.iter().zip(partners);
                times.map(|(row, id)| rows.times[*row as usize].max(store.time(*id))).collect()
            }
        };
        let (batch, stored) = (RowsOf::Batch(&rows.kept, of_batch), RowsOf::Store(store, partners));
        let sides = if *side == 0 { [batch, stored] } else { [stored, batch] };
        joined.emit(sides, times, &|_| window.unwrap_or(NO_WINDOW), out)
    }

    /// Emits rows of a side alone.
    pub(super) fn emit_unmatched(
        &self,
        side: usize,
        ids: &[RowId],
        window: Option<Window>,
        joined: &JoinedRows,
        out: &mut Outputs,
    ) -> Result<(), OperatorError> {
        let store = &self.sides[side];
        let times = ids.iter().map(|id| window.map_or_else(|| store.time(*id), |window| window.max_time())).collect();
        let rows = RowsOf::Store(store, ids);
        let sides = if side == 0 { [rows, RowsOf::Nulls] } else { [RowsOf::Nulls, rows] };
        joined.emit(sides, times, &|_| window.unwrap_or(NO_WINDOW), out)
    }

    /// Adds the rows of a table of a snapshot, which begins with so many key columns and constants. Returns the first of them.
    pub(super) fn restore(
        &mut self,
        side: usize,
        rows: &RecordBatch,
        keys: usize,
        constants: usize,
    ) -> Result<RowId, OperatorError> {
        let mut slots = Vec::new();
        self.keys.slots(&rows.columns()[..keys], rows.num_rows(), &mut slots)?;
        // Nothing has been removed yet, so ids ascend.
        let first = self.sides[side].len() as RowId;
        self.sides[side].restore(rows, keys + constants, &slots)?;
        Ok(first)
    }

    /// Forgets rows of a side, and the keys that have no row then.
    pub(super) fn remove(&mut self, side: usize, ids: &[RowId]) -> Result<(), OperatorError> {
        let slots: Vec<u32> = ids.iter().map(|id| self.sides[side].slot(*id)).collect();
        self.sides[side].remove(ids)?;
        self.release(slots);
        Ok(())
    }

    /// Forgets those of some keys, all there, that have no row.
    pub(super) fn release(&mut self, mut slots: Vec<u32>) {
        slots.sort_unstable();
        slots.dedup();
        for slot in slots {
            if self.sides.iter().all(|side| side.rows_of_slot(slot) == 0) {
                self.keys.remove(slot);
            }
        }
    }
}

/// Of a join whose output has no window.
pub(super) const NO_WINDOW: Window = Window { start: 0, end: 0 };
