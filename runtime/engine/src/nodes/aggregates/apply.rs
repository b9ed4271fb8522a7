//! Adding rows to the groups of `[aggregates.NAME]`, taking them back, and setting those aside that a component refuses. Gives out no result.

use weir_core::batch::StreamBatch;

use super::AggregateOperator;
use crate::dataflow::operator::{OperatorError, Outputs};
use crate::nodes::window::window_rows::WindowRows;

impl AggregateOperator {
    /// Adds the rows of a batch, and takes away those that it takes back. Returns those that are refused, ascending.
    pub(super) fn apply(
        &mut self,
        batch: &StreamBatch,
        rows: &WindowRows,
        slots: &[u32],
        out: &mut Outputs,
    ) -> Result<Vec<u32>, OperatorError> {
        if !self.aggregates.refuses_rows() {
            self.add(batch, rows, slots, &[])?;
            return Ok(Vec::new());
        }
        let (mut refused, fails) = (Vec::new(), self.spec.dead_letters.fails());
        let done = match self.spec.updating {
            true => self.aggregates.refused_apart(slots, rows, &mut refused, fails),
            false => self.aggregates.add_apart(slots, rows, &mut refused, fails),
        };
        let refused_rows: Vec<u32> = refused.iter().map(|(row, _)| *row as u32).collect();
        let mut letters = Vec::new();
        for (row, reason) in refused {
            self.spec.dead_letters.take(batch, row, reason, &mut letters)?;
        }
        done?;
        self.spec.dead_letters.emit(batch, letters, out)?;
        if self.spec.updating {
            self.add(batch, rows, slots, &refused_rows)?;
        }
        Ok(refused_rows)
    }

    /// Adds the rows of a batch, and takes away those that it takes back, all but the `refused` ones, which are ascending.
    fn add(
        &mut self,
        batch: &StreamBatch,
        rows: &WindowRows,
        slots: &[u32],
        refused: &[u32],
    ) -> Result<(), OperatorError> {
        if batch.row_kinds.is_none() && refused.is_empty() {
            return self.aggregates.update(slots, rows);
        }
        let takes_back =
            |row: &u32| batch.row_kinds.as_ref().is_some_and(|kinds| kinds.get(*row as usize).takes_back());
        let accepted = (0..batch.len() as u32).filter(|row| refused.binary_search(row).is_err());
        let (back, added): (Vec<u32>, Vec<u32>) = accepted.partition(takes_back);
        let slots_of = |rows: &[u32]| rows.iter().map(|row| slots[*row as usize]).collect::<Vec<u32>>();
        self.aggregates.update(&slots_of(&added), &rows.take(&added)?)?;
        let (groups, index_of_row) = self.distinct.of(&slots_of(&back), self.keys.slot_bound());
        self.aggregates.take_back((&groups, &index_of_row), &rows.take(&back)?, &mut self.scratch)
    }
}

/// The latest times of keys, without rows that are refused; keys that have no others keep theirs.
pub(super) fn leave_out(times: &mut [i64], key_of_row: &[u32], row_times: &[i64], refused: &[u32]) {
    if refused.is_empty() {
        return;
    }
    let mut accepted = vec![i64::MIN; times.len()];
    for (row, (key, time)) in (0u32..).zip(key_of_row.iter().zip(row_times)) {
        if refused.binary_search(&row).is_err() {
            accepted[*key as usize] = accepted[*key as usize].max(*time);
        }
    }
    times.iter_mut().zip(accepted).filter(|(_, of)| *of != i64::MIN).for_each(|(time, of)| *time = of);
}
