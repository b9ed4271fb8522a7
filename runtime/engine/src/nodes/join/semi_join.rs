//! Semi and anti joins: a row of the left side goes out alone, if there is a row of its key on the right side, or if there is none.
//! Of the right side one row per key is kept, without columns.

use std::collections::HashSet;

use weir_core::graph::JoinType;
use weir_state::{NewRows, RowId};

use super::JoinSpec;
use super::join_rows::JoinRows;
use super::join_table::{Arriving, JoinTable, NO_WINDOW};
use super::joined_rows::{RowsOf, JoinedRows};
use crate::dataflow::operator::{OperatorError, Outputs, Progress};

const LEFT: usize = 0;
const RIGHT: usize = 1;

impl JoinTable {
    /// Emits left rows of a semi join that are known to have a match, and keeps rows that may matter later. With [`Progress::More`] it
    /// is to be called again with the same.
    pub(super) fn semi_join(
        &mut self,
        spec: &JoinSpec,
        arriving: &Arriving<'_>,
        joined: &JoinedRows,
        out: &mut Outputs,
    ) -> Result<Progress, OperatorError> {
        let slots = self.slots(arriving.rows)?;
        match arriving.side {
            LEFT => self.left(spec, arriving, &slots, joined, out).map(|()| Progress::Done),
            _ => self.right(spec, arriving, &slots, joined, out),
        }
    }

    fn left(
        &mut self,
        spec: &JoinSpec,
        Arriving { rows, window, .. }: &Arriving<'_>,
        slots: &[u32],
        joined: &JoinedRows,
        out: &mut Outputs,
    ) -> Result<(), OperatorError> {
        let has_match = |row: &u32| {
            let row = *row as usize;
            rows.has_key(row) && self.sides[RIGHT].rows_of_slot(slots[row]) > 0
        };
        let (matched, waiting): (Vec<u32>, Vec<u32>) = (0..rows.len() as u32).partition(has_match);
        if spec.join_type == JoinType::Semi {
            let window = window.unwrap_or(NO_WINDOW);
            let times = vec![window.max_time(); matched.len()];
            joined.emit([RowsOf::Batch(&rows.kept, &matched), RowsOf::Nulls], times, &|_| window, out)?;
        }
        let JoinRows { kept, times, .. } = if matched.is_empty() { (*rows).clone() } else { rows.take(&waiting)? };
        let slots: Vec<u32> = waiting.iter().map(|row| slots[*row as usize]).collect();
        Ok(self.sides[LEFT].append(NewRows { slots: &slots, times: &times, marks: None, columns: kept })?)
    }

    fn right(
        &mut self,
        spec: &JoinSpec,
        Arriving { rows, window, .. }: &Arriving<'_>,
        slots: &[u32],
        joined: &JoinedRows,
        out: &mut Outputs,
    ) -> Result<Progress, OperatorError> {
        let mut seen = HashSet::new();
        let mut first_of_key: Vec<u32> = (0..rows.len() as u32).collect();
        first_of_key.retain(|row| {
            let slot = slots[*row as usize];
            rows.has_key(*row as usize) && self.sides[RIGHT].rows_of_slot(slot) == 0 && seen.insert(slot)
        });
        let waiting = first_of_key.iter().flat_map(|row| self.sides[LEFT].rows_of(slots[*row as usize]));
        let matched: Vec<RowId> = waiting.take(spec.result_rows_max).collect();
        let progress = if matched.len() == spec.result_rows_max { Progress::More } else { Progress::Done };
        if spec.join_type == JoinType::Semi {
            self.emit_unmatched(LEFT, &matched, *window, joined, out)?;
        }
        // Their keys stay: rows of the right side are about to be kept under them.
        self.sides[LEFT].remove(&matched)?;
        if progress == Progress::Done {
            let JoinRows { kept, times, .. } = rows.take(&first_of_key)?;
            let slots: Vec<u32> = first_of_key.iter().map(|row| slots[*row as usize]).collect();
            self.sides[RIGHT].append(NewRows { slots: &slots, times: &times, marks: None, columns: kept })?;
        }
        Ok(progress)
    }
}
