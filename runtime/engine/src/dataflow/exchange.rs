//! Spreads the batches of one edge over the subtasks at its other end. Never sends: it says what goes where.

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use arrow::error::ArrowError;
use weir_core::batch::StreamBatch;
use weir_core::key_group::{group_of, hash_keys, subtask_of};

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
#[derive(Debug)]
pub struct Partitioner {
    partitioning: Partitioning,
    targets: usize,
    next: usize,
    hashes: Vec<u64>,
    /// By key group: the subtask that owns it.
    owners: Vec<u32>,
    /// By row of the batch: its subtask.
    target_of_row: Vec<u32>,
}

impl Partitioner {
    /// For the subtask `subtask`, towards `targets` subtasks.
    #[must_use]
    pub fn new(partitioning: Partitioning, subtask: usize, targets: usize) -> Self {
        // Each starts at another target, so that few batches are spread too.
        let owners = match &partitioning {
            Partitioning::Hash { groups, .. } => {
                (0..*groups).map(|group| subtask_of(group, targets, *groups) as u32).collect()
            }
            _ => Vec::new(),
        };
        let (hashes, target_of_row) = (Vec::new(), Vec::new());
        Self { partitioning, targets, next: subtask % targets.max(1), hashes, owners, target_of_row }
    }

    /// The targets that this subtask has a channel to.
    #[must_use]
    pub fn reach(partitioning: &Partitioning, subtask: usize, targets: usize) -> std::ops::Range<usize> {
        match partitioning {
            Partitioning::Forward => subtask..subtask + 1,
            _ => 0..targets,
        }
    }

    /// Says for each target that gets rows of this batch which.
    ///
    /// # Errors
    /// If a key column cannot be hashed.
    pub fn split(&mut self, batch: StreamBatch, mut send: impl FnMut(usize, StreamBatch)) -> Result<(), ArrowError> {
        match &self.partitioning {
            Partitioning::Forward => send(self.next, batch),
            Partitioning::Rebalance => {
                send(self.next, batch);
                self.next = (self.next + 1) % self.targets;
            }
            Partitioning::Broadcast => (0..self.targets).for_each(|target| send(target, batch.clone())),
            Partitioning::Hash { .. } if self.targets == 1 => send(0, batch),
            Partitioning::Hash { keys, groups } => {
                let columns: Vec<ArrayRef> = keys.iter().map(|k| batch.rows.column(*k).clone()).collect();
                hash_keys(&columns, batch.len(), &mut self.hashes)?;
                let owner = |hash: &u64| self.owners[group_of(*hash, *groups) as usize];
                self.target_of_row.clear();
                self.target_of_row.extend(self.hashes.iter().map(owner));
                let (order, ends) = order_by_target(&self.target_of_row, self.targets);
                let sorted = take_rows(&batch, &order)?;
                let mut start = 0;
                for (target, end) in ends.into_iter().enumerate() {
                    if end > start {
                        send(target, sorted.slice(start, end - start));
                    }
                    start = end;
                }
            }
        }
        Ok(())
    }
}

/// A stable counting sort of rows by target: row indices, and where each target's rows end.
fn order_by_target(target_of_row: &[u32], targets: usize) -> (UInt32Array, Vec<usize>) {
    let mut ends = vec![0; targets];
    target_of_row.iter().for_each(|target| ends[*target as usize] += 1);
    let mut next = Vec::with_capacity(targets);
    let mut sum = 0;
    for end in &mut ends {
        next.push(sum);
        sum += *end;
        *end = sum;
    }
    let mut order = vec![0_u32; target_of_row.len()];
    for (row, target) in (0_u32..).zip(target_of_row) {
        let position = &mut next[*target as usize];
        order[*position] = row;
        *position += 1;
    }
    (UInt32Array::from(order), ends)
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
    })
}
