//! Updates by key, as rows that are taken back and rows that are new: a row takes the place of the one of its key that is kept. Of each key
//! only the last row of a batch counts.

use std::collections::{HashMap, HashSet};

use arrow::array::ArrayRef;
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
        let keys = Keys::new(rows, key)?;
        let columns: Vec<ArrayRef> = key.iter().map(|column| rows.kept[*column].clone()).collect();
        let encoded = keys.encoded(&columns)?;
        let last: HashMap<&[u8], u32> = encoded.iter().zip(0..).map(|(row, index)| (row.data(), index)).collect();
        let slots = self.slots(rows)?;
        let mut distinct = HashSet::new();
        let mut of_slots = slots.iter().filter(|slot| distinct.insert(**slot)).peekable();
        let (mut updated, mut found): (Vec<u32>, Vec<RowId>) = (Vec::new(), Vec::new());
        while of_slots.peek().is_some() {
            let mut candidates: Vec<RowId> = Vec::new();
            while candidates.len() < ROWS_AT_ONCE_MAX
                && let Some(slot) = of_slots.next()
            {
                candidates.extend(self.sides[side].rows_of(*slot));
            }
            let kept = keys.encoded(&self.sides[side].take(&candidates, key)?)?;
            for (id, row) in candidates.iter().zip(kept.iter()) {
                if let Some(by) = last.get(row.data()) {
                    updated.push(*by);
                    found.push(*id);
                }
            }
        }
        let all: Vec<usize> = (0..rows.kept.len()).collect();
        let old = JoinRows { kept: self.sides[side].take(&found, &all)?, ..rows.take(&updated)? };
        let mut new: Vec<u32> = last.into_values().collect();
        new.retain(|row| batch.row_kind(in_batch[*row as usize] as usize) != RowKind::Delete);
        new.sort_unstable();
        self.release(slots);
        Ok(vec![Round::new(true, old), Round::new(false, rows.take(&new)?)])
    }
}

/// Makes bytes of keys, which are equal where the keys are.
struct Keys(RowConverter);

impl Keys {
    fn new(rows: &JoinRows, key: &[usize]) -> Result<Self, OperatorError> {
        let fields = key.iter().map(|column| SortField::new(rows.kept[*column].data_type().clone()));
        Ok(Self(RowConverter::new(fields.collect())?))
    }

    fn encoded(&self, columns: &[ArrayRef]) -> Result<Rows, OperatorError> {
        Ok(self.0.convert_columns(columns)?)
    }
}
