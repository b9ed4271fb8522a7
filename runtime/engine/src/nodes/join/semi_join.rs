//! Semi and anti joins: a row of the left side goes out alone, if there is a row on the right side that belongs to it, or if there is
//! none. Once that is known, a left row is forgotten. Within a window one row of the right side is kept per key.

use std::collections::HashSet;

use weir_core::graph::JoinType;
use weir_state::{NewRows, RowId};

use super::JoinSpec;
use super::join_rows::JoinRows;
use super::join_table::{Arriving, JoinTable, NO_WINDOW};
use super::joined_rows::{JoinedRows, RowsOf};
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
        arriving: &Arriving<'_>,
        slots: &[u32],
        joined: &JoinedRows,
        out: &mut Outputs,
    ) -> Result<(), OperatorError> {
        let Arriving { rows, window, .. } = arriving;
        let mut partners = Vec::new();
        let has_match = |row: &u32| {
            partners.clear();
            self.partners(arriving, *row as usize, slots, &mut partners);
            !partners.is_empty()
        };
        let (matched, waiting): (Vec<u32>, Vec<u32>) = (0..rows.len() as u32).partition(has_match);
        if spec.join_type == JoinType::Semi {
            let time = |row: &u32| window.map_or_else(|| rows.times[*row as usize], |window| window.max_time());
            let times = matched.iter().map(time).collect();
            let sides = [RowsOf::Batch(&rows.kept, &matched), RowsOf::Nulls];
            joined.emit(sides, times, &|_| window.unwrap_or(NO_WINDOW), out)?;
        }
        let JoinRows { kept, times, .. } = if matched.is_empty() { (*rows).clone() } else { rows.take(&waiting)? };
        let slots: Vec<u32> = waiting.iter().map(|row| slots[*row as usize]).collect();
        self.sides[LEFT].append(NewRows { slots: &slots, times: &times, marks: None, columns: kept })?;
        Ok(())
    }

    fn right(
        &mut self,
        spec: &JoinSpec,
        arriving: &Arriving<'_>,
        slots: &[u32],
        joined: &JoinedRows,
        out: &mut Outputs,
    ) -> Result<Progress, OperatorError> {
        let Arriving { rows, window, .. } = arriving;
        let mut seen = HashSet::new();
        let mut kept: Vec<u32> = (0..rows.len() as u32).collect();
        kept.retain(|row| {
            let slot = slots[*row as usize];
            let mut is_needed = || self.sides[RIGHT].rows_of_slot(slot) == 0 && seen.insert(slot);
            rows.has_key(*row as usize) && (window.is_none() || is_needed())
        });
        let (mut matched, mut partners, mut is_known) = (Vec::<RowId>::new(), Vec::new(), HashSet::new());
        for row in &kept {
            partners.clear();
            self.partners(arriving, *row as usize, slots, &mut partners);
            partners.retain(|id| is_known.insert(*id));
            matched.extend(&partners);
            if matched.len() >= spec.result_rows_max {
                break;
            }
        }
        matched.truncate(spec.result_rows_max);
        let progress = if matched.len() == spec.result_rows_max { Progress::More } else { Progress::Done };
        if spec.join_type == JoinType::Semi {
            self.emit_unmatched(LEFT, &matched, *window, joined, out)?;
        }
        // Their keys stay: rows of the right side are about to be kept under them.
        self.sides[LEFT].remove(&matched)?;
        if progress == Progress::Done {
            let slots: Vec<u32> = kept.iter().map(|row| slots[*row as usize]).collect();
            let JoinRows { kept, times, .. } = rows.take(&kept)?;
            self.sides[RIGHT].append(NewRows { slots: &slots, times: &times, marks: None, columns: kept })?;
        }
        Ok(progress)
    }
}
