//! Which groups of `[aggregates.NAME]` still have rows, and which can be forgotten. It changes no group.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::Int64Type;

use super::AggregateOperator;
use crate::dataflow::operator::OperatorError;
use crate::nodes::changes::RowComparator;
use crate::nodes::window::aggregate_set::AggregateSet;

/// The accumulators of a group that had no row; none where components have some, which are not called for this.
pub(super) fn nothing(aggregates: &AggregateSet) -> Result<Vec<ArrayRef>, OperatorError> {
    if aggregates.refuses_rows() {
        return Ok(Vec::new());
    }
    let mut fresh = aggregates.fresh();
    fresh.resize(1);
    fresh.state(&[0])
}

impl AggregateOperator {
    /// The number of rows of each group: those that were added, minus those that were taken back. It is 1 where rows are not counted, because
    /// none is ever taken back there.
    pub(super) fn row_counts(&self, slots: &[u32]) -> Result<Vec<i64>, OperatorError> {
        if !self.spec.counts_rows {
            return Ok(vec![1; slots.len()]);
        }
        let counts = self.aggregates.finish(self.spec.aggregates.len() - 1, slots)?;
        Ok(counts.as_primitive::<Int64Type>().values().to_vec())
    }

    /// Which of some groups have nothing left. One from which rows were taken that never came owes them: it is kept, without a result, so that it
    /// does not matter how rows come in batches. Accumulators of components may say the same in several ways, so there the count decides.
    pub(super) fn are_over(&self, slots: &[u32], counts: &[i64]) -> Result<Vec<bool>, OperatorError> {
        let mut are_over: Vec<bool> = counts.iter().map(|count| *count <= 0).collect();
        if self.aggregates.refuses_rows() || !are_over.contains(&true) {
            return Ok(are_over);
        }
        let places: Vec<usize> = (0..slots.len()).filter(|place| are_over[*place]).collect();
        let left = self.aggregates.state(&places.iter().map(|place| slots[*place]).collect::<Vec<_>>())?;
        let compare = RowComparator::new(&left, &self.nothing)?;
        places.iter().enumerate().for_each(|(row, place)| are_over[*place] = compare.is_same(row, 0));
        Ok(are_over)
    }
}
