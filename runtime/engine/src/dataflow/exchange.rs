//! Spreads the elements of one edge over the subtasks at its other end, rows by key in full batches. Never sends: it says what goes
//! where, and holds rows back only until it is flushed.

mod gather;
#[cfg(test)]
mod tests;

use std::ops::Range;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use arrow::error::ArrowError;
use weir_core::batch::{KeyHashes, StreamBatch, StreamElement};
use weir_core::key_group::{KeyHasher, group_of, subtask_of};
use weir_core::time::WATERMARK_MAX;

use gather::Gatherer;

/// Which subtask at the other end gets which rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Partitioning {
    /// The subtask with the same number; both ends have the same parallelism.
    Forward,
    /// The owner of the row's key group.
    Hash {
        /// The key columns, indices into the edge's columns.
        keys: Vec<usize>,
        /// The job's key groups.
        groups: u32,
    },
    /// Batches in turn.
    Rebalance,
    /// Every subtask gets every row.
    Broadcast,
}

/// One subtask's end of an edge.
///
/// Rows that go by key are gathered: those of one batch are for many subtasks, and small batches are dear. A watermark is held
/// back with the rows that came before it; a later one takes its place. No result depends on that beyond what decision 3 leaves
/// open: a row that is behind the watermark that is held back is sent after it, and no other row can be late by it (decision 26).
#[derive(Debug)]
pub struct Exchange {
    partitioning: Partitioning,
    reach: Range<usize>,
    next: usize,
    hasher: KeyHasher,
    /// By key group: the subtask that owns it.
    owners: Vec<u32>,
    /// By row of the batch: its subtask.
    target_of_row: Vec<u32>,
    /// Of rows that go by key, what waits for its batch to fill.
    gatherer: Option<Gatherer>,
    /// The edge is idle: whatever comes is news, and does not wait.
    is_idle: bool,
}

/// Takes an element for a subtask at the other end, by its number.
pub type Emit<'a> = dyn FnMut(usize, StreamElement) + 'a;

impl Exchange {
    /// For the subtask `subtask`, towards `targets` subtasks; batches that are gathered have at most `batch_rows_max` rows.
    #[must_use]
    pub fn new(partitioning: Partitioning, subtask: usize, targets: usize, batch_rows_max: usize) -> Self {
        let owners = match &partitioning {
            Partitioning::Hash { groups, .. } => {
                (0..*groups).map(|group| subtask_of(group, targets, *groups) as u32).collect()
            }
            Partitioning::Forward | Partitioning::Rebalance | Partitioning::Broadcast => Vec::new(),
        };
        let gathers = targets > 1 && matches!(partitioning, Partitioning::Hash { .. });
        Self {
            reach: Self::reach(&partitioning, subtask, targets),
            // Each starts at another target, so that few batches are spread too.
            next: subtask % targets.max(1),
            partitioning,
            hasher: KeyHasher::default(),
            owners,
            target_of_row: Vec::new(),
            gatherer: gathers.then(|| Gatherer::new(targets, batch_rows_max)),
            is_idle: false,
        }
    }

    /// The targets that this subtask has a channel to.
    #[must_use]
    pub fn reach(partitioning: &Partitioning, subtask: usize, targets: usize) -> Range<usize> {
        match partitioning {
            Partitioning::Forward => subtask..subtask + 1,
            Partitioning::Hash { .. } | Partitioning::Rebalance | Partitioning::Broadcast => 0..targets,
        }
    }

    /// Whether [`Exchange::flush`] would send something.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        self.gatherer.as_ref().is_some_and(Gatherer::is_holding)
    }

    /// Rows of the edge.
    ///
    /// # Errors
    /// If a key column cannot be hashed, or rows cannot be put together.
    pub fn rows(&mut self, mut batch: StreamBatch, send: &mut Emit<'_>) -> Result<(), ArrowError> {
        match (&self.partitioning, &mut self.gatherer) {
            (Partitioning::Hash { keys, groups }, Some(gatherer)) => {
                let columns: Vec<ArrayRef> = keys.iter().map(|k| batch.rows.column(*k).clone()).collect();
                let mut hashes = Vec::with_capacity(batch.len());
                self.hasher.hash(&columns, batch.len(), &mut hashes)?;
                let owner = |hash: &u64| self.owners[group_of(*hash, *groups) as usize];
                self.target_of_row.clear();
                self.target_of_row.extend(hashes.iter().map(owner));
                // A number is hashed as fast as its hash is read.
                let is_dear = !matches!(columns.as_slice(), [one] if one.data_type().is_primitive());
                batch.key_hashes = is_dear.then(|| KeyHashes::new(keys.as_slice().into(), hashes.into()));
                gatherer.add(batch, &self.target_of_row, send)?;
                if self.is_idle {
                    gatherer.flush(send)?;
                }
            }
            (Partitioning::Rebalance, _) => {
                send(self.next, StreamElement::Batch(batch));
                self.next = (self.next + 1) % self.reach.len().max(1);
            }
            (Partitioning::Forward | Partitioning::Broadcast | Partitioning::Hash { .. }, _) => {
                self.reach.clone().for_each(|target| send(target, StreamElement::Batch(batch.clone())));
            }
        }
        Ok(())
    }

    /// Anything else that happens to the stream, for every target.
    ///
    /// # Errors
    /// As [`Exchange::rows`].
    pub fn pass(&mut self, element: &StreamElement, send: &mut Emit<'_>) -> Result<(), ArrowError> {
        let was_idle = self.is_idle;
        match element {
            StreamElement::Idle => self.is_idle = true,
            StreamElement::Watermark(_) => self.is_idle = false,
            // A barrier passes an idle edge, and it stays idle.
            StreamElement::Barrier(_) | StreamElement::Batch(_) | StreamElement::End => {}
        }
        if let Some(gatherer) = &mut self.gatherer {
            if let (StreamElement::Watermark(watermark), false) = (element, was_idle) {
                // The last one before the end decides which keys are gone by then.
                if *watermark == WATERMARK_MAX {
                    gatherer.flush(send)?;
                }
                gatherer.hold(*watermark);
                return Ok(());
            }
            gatherer.flush(send)?;
        }
        self.reach.clone().for_each(|target| send(target, element.clone()));
        Ok(())
    }

    /// Sends what may have been held back for the linger time. While rows come in batches that are at least half
    /// full, the sender is behind anyway: rows wait until their batches are full, or together take too much memory.
    ///
    /// # Errors
    /// As [`Exchange::rows`].
    pub fn linger(&mut self, send: &mut Emit<'_>) -> Result<(), ArrowError> {
        match &mut self.gatherer {
            Some(gatherer) => gatherer.linger(send),
            None => Ok(()),
        }
    }

    /// Sends what is held back.
    ///
    /// # Errors
    /// As [`Exchange::rows`].
    pub fn flush(&mut self, send: &mut Emit<'_>) -> Result<(), ArrowError> {
        self.gatherer.as_mut().map_or(Ok(()), |gatherer| gatherer.flush(send))
    }
}

/// The rows at these indices.
///
/// # Errors
/// If an index is out of range.
pub(crate) fn take_rows(batch: &StreamBatch, indices: &UInt32Array) -> Result<StreamBatch, ArrowError> {
    let columns = batch.rows.columns().iter().map(|c| take(c, indices, None)).collect::<Result<_, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(indices.len()));
    let times = &batch.event_times;
    if indices.values().iter().any(|i| *i as usize >= times.len()) {
        return Err(ArrowError::InvalidArgumentError("row index out of range".into()));
    }
    let event_times: Vec<i64> = indices.values().iter().map(|i| times[*i as usize]).collect();
    Ok(StreamBatch {
        rows: RecordBatch::try_new_with_options(batch.rows.schema(), columns, &options)?,
        event_times: event_times.into(),
        ingested_at: batch.ingested_at,
        row_kinds: batch.row_kinds.as_ref().map(|kinds| kinds.take(indices.values())),
        key_hashes: batch.key_hashes.as_ref().map(|hashes| hashes.take(indices.values())),
    })
}
