//! Updates by key, as rows that are taken back and rows that are new: a row takes the place of the one of its key that is kept. Of each key
//! only the last row of a batch counts.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, NullArray};
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, Rows, SortField};
use weir_core::batch::{RowKind, StreamBatch};
use weir_state::RowId;

use super::join_rows::JoinRows;
use super::join_table::JoinTable;
use super::rounds::Round;
use crate::dataflow::operator::OperatorError;

/// Rows whose keys are read at once at most.
const ROWS_AT_ONCE_MAX: usize = 65_536;

impl JoinTable {
    /// What rows of a side do that are updates by `key`, which are kept columns. `in_batch`: where they are in their batch.
    pub(super) fn replaced(
        &mut self,
        side: usize,
        batch: &StreamBatch,
        rows: &JoinRows,
        in_batch: &[u32],
        key: &[usize],
    ) -> Result<Vec<Round>, OperatorError> {
        let slots = self.slots(rows)?;
        let columns: Vec<ArrayRef> = key.iter().map(|column| rows.kept[*column].clone()).collect();
        let encoded = Bytes::new(&columns)?.encoded(columns, rows.len())?;
        let last: HashMap<&[u8], u32> = encoded.iter().zip(0..).map(|(row, index)| (row.data(), index)).collect();
        let mut new: Vec<u32> = last.into_values().collect();
        new.sort_unstable();
        let slots_of_new: Vec<u32> = new.iter().map(|row| slots[*row as usize]).collect();
        let new_rows = rows.take(&new)?;
        let (updated, found) = self.same(side, &new_rows, &slots_of_new, key)?;
        let all: Vec<usize> = (0..rows.kept.len()).collect();
        let old = JoinRows { kept: self.sides[side].take(&found, &all)?, ..new_rows.take(&updated)? };
        self.release(slots);
        let is_there = |row: &u32| batch.row_kind(in_batch[new[*row as usize] as usize] as usize) != RowKind::Delete;
        let there: Vec<u32> = (0..new.len() as u32).filter(is_there).collect();
        Ok(vec![Round::new(true, old), Round::new(false, new_rows.take(&there)?)])
    }

    /// For each of some rows of a side one of those that are kept and have the same key and the same values of some kept columns, as long as there
    /// are such: which row, and which one is kept.
    pub(super) fn same(
        &self,
        side: usize,
        rows: &JoinRows,
        slots: &[u32],
        columns: &[usize],
    ) -> Result<(Vec<u32>, Vec<RowId>), OperatorError> {
        let wanted: Vec<ArrayRef> = columns.iter().map(|column| rows.kept[*column].clone()).collect();
        let bytes = Bytes::new(&wanted)?;
        let encoded = bytes.encoded(wanted, rows.len())?;
        let mut waiting: HashMap<u32, HashMap<&[u8], Vec<u32>>> = HashMap::new();
        for (row, slot) in (0u32..).zip(slots) {
            waiting.entry(*slot).or_default().entry(encoded.row(row as usize).data()).or_default().push(row);
        }
        let mut distinct = HashSet::new();
        let mut of_slots = slots.iter().filter(|slot| distinct.insert(**slot)).peekable();
        let (mut of_rows, mut found): (Vec<u32>, Vec<RowId>) = (Vec::new(), Vec::new());
        while found.len() < rows.len() && of_slots.peek().is_some() {
            let mut candidates: Vec<RowId> = Vec::new();
            while candidates.len() < ROWS_AT_ONCE_MAX
                && let Some(slot) = of_slots.next()
            {
                candidates.extend(self.sides[side].rows_of(*slot));
            }
            let kept = bytes.encoded(self.sides[side].take(&candidates, columns)?, candidates.len())?;
            for (id, row) in candidates.iter().zip(kept.iter()) {
                let same = waiting.get_mut(&self.sides[side].slot(*id)).and_then(|of_slot| of_slot.get_mut(row.data()));
                if let Some(of_row) = same.and_then(Vec::pop) {
                    of_rows.push(of_row);
                    found.push(*id);
                }
            }
        }
        Ok((of_rows, found))
    }
}

/// Makes bytes of rows, which are equal where the rows are.
struct Bytes(RowConverter);

impl Bytes {
    fn new(columns: &[ArrayRef]) -> Result<Self, OperatorError> {
        let fields = columns.iter().map(|column| column.data_type().clone()).chain([DataType::Null]);
        Ok(Self(RowConverter::new(fields.map(SortField::new).collect())?))
    }

    /// Of columns of so many rows. A column of nulls is added, so that there are rows where there is no other.
    fn encoded(&self, mut columns: Vec<ArrayRef>, rows: usize) -> Result<Rows, OperatorError> {
        columns.push(Arc::new(NullArray::new(rows)));
        Ok(self.0.convert_columns(&columns)?)
    }
}
