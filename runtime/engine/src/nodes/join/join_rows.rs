//! The columns of a batch that a join reads.

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::compute::take;
use weir_core::batch::StreamBatch;

use super::join_progress::JoinProgress;
use super::{JoinSide, JoinSpec};
use crate::dataflow::operator::{OperatorError, Outputs};

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

    /// All rows of a batch, and which of them are taken: those that are not late, with a time after `until`, and that may go out. Late ones
    /// are counted, and go to their output.
    pub(super) fn in_time(
        batch: &StreamBatch,
        side: usize,
        until: Option<i64>,
        (spec, progress): (&JoinSpec, &mut JoinProgress),
        out: &mut Outputs,
    ) -> Result<(Self, Vec<u32>), OperatorError> {
        let rows = Self::of_batch(batch, &spec.sides[side]);
        progress.ingested_at = progress.ingested_at.max(batch.ingested_at);
        progress.late.rows_in += rows.len() as u64;
        let all = 0..rows.len() as u32;
        let (late, mut taken): (Vec<u32>, Vec<u32>) = match until {
            Some(until) => all.partition(|row| rows.times[*row as usize] <= until),
            None => (Vec::new(), all.collect()),
        };
        if let Some(until) = until {
            progress.set_late_aside((spec, side), batch, late, until, out)?;
        }
        if rows.lacks_keys() && !spec.keeps_unmatched(side) {
            taken.retain(|row| rows.has_key(*row as usize));
        }
        Ok((rows, taken))
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
        if rows.len() == self.len() && rows.iter().zip(0..).all(|(row, at)| *row == at) {
            return Ok(self.clone());
        }
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
