//! The columns of a batch that a join reads.

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::compute::take;
use weir_core::batch::StreamBatch;

use super::JoinSide;
use crate::dataflow::operator::OperatorError;

/// Some rows of one side.
#[derive(Clone)]
pub(super) struct JoinRows {
    pub(super) keys: Vec<ArrayRef>,
    /// Of which rows no key column is null; `None`: of all.
    pub(super) valid: Option<NullBuffer>,
    /// The hashes of the keys, if the exchange has made them.
    pub(super) hashes: Option<ScalarBuffer<u64>>,
    pub(super) kept: Vec<ArrayRef>,
    pub(super) times: ScalarBuffer<i64>,
}

impl JoinRows {
    /// All rows of a batch.
    pub(super) fn of_batch(batch: &StreamBatch, side: &JoinSide) -> Self {
        let columns = |indices: &[usize]| indices.iter().map(|i| batch.rows.column(*i).clone()).collect::<Vec<_>>();
        let keys = columns(&side.keys);
        let valid =
            keys.iter().fold(None, |valid, key| NullBuffer::union(valid.as_ref(), key.logical_nulls().as_ref()));
        let hashes = batch.key_hashes.as_ref().filter(|hashes| **hashes.columns() == *side.keys);
        Self {
            keys,
            valid: valid.filter(|valid| valid.null_count() > 0),
            hashes: hashes.map(|hashes| hashes.hashes().clone()),
            kept: columns(&side.kept),
            times: batch.event_times.clone(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether a row can match another: its key has no null.
    pub(super) fn has_key(&self, row: usize) -> bool {
        self.valid.as_ref().is_none_or(|valid| valid.is_valid(row))
    }

    /// Whether some row cannot match any.
    pub(super) fn lacks_keys(&self) -> bool {
        self.valid.is_some()
    }

    /// The rows at these indices.
    pub(super) fn take(&self, rows: &[u32]) -> Result<Self, OperatorError> {
        let indices = UInt32Array::from(rows.to_vec());
        let pick =
            |columns: &[ArrayRef]| columns.iter().map(|c| take(c, &indices, None)).collect::<Result<Vec<_>, _>>();
        let valid = self.valid.as_ref().map(|valid| rows.iter().map(|row| valid.is_valid(*row as usize)).collect());
        let valid: Option<NullBuffer> = valid;
        Ok(Self {
            keys: pick(&self.keys)?,
            valid: valid.filter(|valid| valid.null_count() > 0),
            hashes: self.hashes.as_ref().map(|hashes| rows.iter().map(|row| hashes[*row as usize]).collect()),
            kept: pick(&self.kept)?,
            times: rows.iter().map(|row| self.times[*row as usize]).collect(),
        })
    }
}
