//! [`DueRows`]: which rows are the earliest. Rows mostly come in the order of their times, so a batch is one run, and only runs are
//! compared. Never knows whether a row is still there.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use super::RowId;

/// Rows by time.
#[derive(Debug, Default)]
pub(super) struct DueRows {
    runs: BinaryHeap<Reverse<Run>>,
    len: usize,
}

/// Rows that came together; never empty. The latest comes first, so that the earliest is taken from the end.
#[derive(Debug, PartialEq, Eq)]
struct Run(Vec<(i64, RowId)>);

impl Run {
    fn first(&self) -> Option<(i64, RowId)> {
        self.0.last().copied()
    }
}

impl Ord for Run {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.first().cmp(&other.first())
    }
}

impl PartialOrd for Run {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl DueRows {
    pub(super) fn memory_bytes(&self) -> u64 {
        (self.len * size_of::<(i64, RowId)>() + self.runs.len() * size_of::<Run>()) as u64
    }

    /// Adds rows that came together.
    pub(super) fn add(&mut self, mut rows: Vec<(i64, RowId)>) {
        if rows.is_empty() {
            return;
        }
        self.len += rows.len();
        rows.reverse();
        // It is sorted, or nearly so, where rows come in order.
        rows.sort_by(|a, b| b.cmp(a));
        self.runs.push(Reverse(Run(rows)));
    }

    /// The earliest row, if its time is at most this.
    pub(super) fn pop(&mut self, until: i64) -> Option<(i64, RowId)> {
        let mut run = self.runs.peek_mut()?;
        let first = run.0.first().filter(|(time, _)| *time <= until)?;
        run.0.0.pop();
        if run.0.0.is_empty() {
            PeekMut::pop(run);
        }
        self.len -= 1;
        Some(first)
    }
}
