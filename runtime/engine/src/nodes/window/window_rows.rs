//! The columns of a batch that a window reads, in the order in which it reads them.

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::buffer::ScalarBuffer;
use arrow::compute::take;
use weir_core::batch::StreamBatch;

use crate::dataflow::operator::OperatorError;

/// Some rows: their keys and, an aggregate, either the columns that it reads or those of its accumulators.
pub(in crate::nodes) struct WindowRows {
    pub(in crate::nodes) keys: Vec<ArrayRef>,
    pub(in crate::nodes) values: Vec<Vec<ArrayRef>>,
    /// Event times; empty for accumulators, which need none.
    pub(in crate::nodes) times: ScalarBuffer<i64>,
    pub(in crate::nodes) len: usize,
}

impl WindowRows {
    /// Rows as they come in.
    pub(in crate::nodes) fn of_batch(batch: &StreamBatch, key_columns: &[usize], value_columns: &[Vec<usize>]) -> Self {
        let columns = |indices: &[usize]| indices.iter().map(|i| batch.rows.column(*i).clone()).collect::<Vec<_>>();
        Self {
            keys: columns(key_columns),
            values: value_columns.iter().map(|indices| columns(indices)).collect(),
            times: batch.event_times.clone(),
            len: batch.len(),
        }
    }

    /// Accumulators: the key columns, `between` other columns, then the columns of each aggregate's accumulator.
    pub(in crate::nodes) fn of_accumulators(rows: &RecordBatch, keys: usize, between: usize, widths: &[usize]) -> Self {
        let mut rest = rows.columns().iter().skip(keys + between).cloned();
        let values = widths.iter().map(|width| rest.by_ref().take(*width).collect()).collect();
        let keys = rows.columns().iter().take(keys).cloned().collect();
        Self { keys, values, times: ScalarBuffer::default(), len: rows.num_rows() }
    }

    /// Whether they are accumulators.
    pub(in crate::nodes) fn are_accumulators(&self) -> bool {
        self.times.is_empty()
    }

    /// `len` rows from `offset` on.
    pub(in crate::nodes) fn slice(&self, offset: usize, len: usize) -> Self {
        let slice = |columns: &Vec<ArrayRef>| columns.iter().map(|c| c.slice(offset, len)).collect::<Vec<_>>();
        let times = if self.times.is_empty() { self.times.clone() } else { self.times.slice(offset, len) };
        Self { keys: slice(&self.keys), values: self.values.iter().map(slice).collect(), times, len }
    }

    /// The rows at these indices.
    pub(in crate::nodes) fn take(&self, rows: &[u32]) -> Result<Self, OperatorError> {
        let indices = UInt32Array::from(rows.to_vec());
        let pick = |columns: &Vec<ArrayRef>| columns.iter().map(|c| take(c, &indices, None)).collect::<Result<_, _>>();
        let times = if self.times.is_empty() {
            self.times.clone()
        } else {
            rows.iter().map(|row| self.times[*row as usize]).collect()
        };
        let values = self.values.iter().map(pick).collect::<Result<_, _>>()?;
        Ok(Self { keys: pick(&self.keys)?, values, times, len: rows.len() })
    }
}
