//! [`RefusedRows`]: the rows of a batch that a component refuses as if each were alone, set aside before anything is done with the others.

use arrow::array::UInt32Array;
use arrow::datatypes::Schema;
use weir_core::batch::StreamBatch;

use super::BoundAggregate;
use super::aggregate_set::AggregateSet;
use super::window_rows::WindowRows;
use crate::dataflow::exchange::take_rows;
use crate::dataflow::operator::{OperatorError, Outputs};
use crate::nodes::dead_letter::{BadRow, DeadLetters};

/// Finds them.
pub(in crate::nodes) struct RefusedRows {
    /// Without groups.
    aggregates: AggregateSet,
    columns: Vec<Vec<usize>>,
}

impl RefusedRows {
    /// `None`: no aggregate refuses rows.
    pub(in crate::nodes) fn new(aggregates: &[BoundAggregate], input: &Schema) -> Result<Option<Self>, OperatorError> {
        let set = AggregateSet::of_singles(aggregates, input)?;
        let columns = AggregateSet::columns_of(aggregates);
        Ok(set.refuses_rows().then_some(Self { aggregates: set, columns }))
    }

    /// The rows of a batch that are not refused.
    pub(in crate::nodes) fn set_aside(
        &mut self,
        batch: StreamBatch,
        letters: &DeadLetters,
        out: &mut Outputs,
    ) -> Result<StreamBatch, OperatorError> {
        let rows = WindowRows::of_batch(&batch, &[], &self.columns);
        let mut refused = Vec::new();
        let done = self.aggregates.refused_apart(&vec![0; rows.len], &rows, &mut refused, letters.fails());
        let (mut bad, mut is_refused) = (Vec::<BadRow>::new(), vec![false; rows.len]);
        for (row, reason) in refused {
            letters.take(&batch, row, reason, &mut bad)?;
            is_refused[row] = true;
        }
        done?;
        letters.emit(&batch, bad, out)?;
        if !is_refused.contains(&true) {
            return Ok(batch);
        }
        let kept = (0..batch.len() as u32).filter(|row| !is_refused[*row as usize]);
        Ok(take_rows(&batch, &UInt32Array::from_iter_values(kept))?)
    }
}
