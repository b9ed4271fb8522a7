//! What a job keeps at a barrier: the state of its operators by key group, where its sources are, what its sinks have staged.
//! Columns are shared with the running operators and never copied here.

use arrow::array::RecordBatch;
use weir_core::connector::{Offset, Prepared, Split};

/// The state of a whole job at one barrier.
#[derive(Clone, Debug, Default)]
pub struct JobSnapshot {
    /// The job's key groups (`max-parallelism`), by which its state is cut.
    pub key_groups: u32,
    /// One part per subtask.
    pub subtasks: Vec<SubtaskSnapshot>,
}

/// All state of one subtask.
#[derive(Clone, Debug, Default)]
pub struct SubtaskSnapshot {
    /// Its chain's name and its number: `NAME/NUMBER`.
    pub subtask: String,
    /// The last watermark that went through.
    pub watermark: i64,
    /// State of its operators, by name.
    pub operators: Vec<(String, Snapshot)>,
    /// Of a source: its name and where its splits are.
    pub splits: Option<(String, Vec<SplitSnapshot>)>,
}

/// State of one operator in one subtask.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Which version of its component it ran; `None`: it has none.
    pub version: Option<String>,
    /// Its parts, in any order.
    pub tables: Vec<StateTable>,
    /// Of a sink: what its writer has prepared.
    pub sink: Option<Prepared>,
}

/// Rows of one kind of state of one key group.
#[derive(Clone, Debug)]
pub struct StateTable {
    /// Which state: `panes`, `sessions`, `keys`, `timers`, ...
    pub name: String,
    /// The key group; `None`: of the subtask as a whole, restored into every subtask.
    pub key_group: Option<u32>,
    /// The state.
    pub rows: RecordBatch,
}

/// How far a split was, in a snapshot.
#[derive(Clone, Debug)]
pub struct SplitSnapshot {
    /// The split's id.
    pub split: String,
    /// Its place in the order of its source's splits, by which subtasks share them.
    pub index: usize,
    /// Where its reader continues.
    pub offset: Offset,
    /// The greatest event time seen, for its watermark.
    pub max_event_time: i64,
    /// The column of the event time; empty: rows have the time of their arrival; `None`: an older Weir did not say.
    pub event_time: Option<String>,
    /// It was read to its end, and is never read again.
    pub ended: bool,
}

impl SplitSnapshot {
    /// The split, and the offset at which it continues.
    #[must_use]
    pub fn position(&self) -> (Split, Offset) {
        (Split { id: self.split.clone() }, self.offset.clone())
    }
}
