//! The settings of a source's subtask: how it reads, and which splits are its own.

use std::time::Duration;

use weir_core::graph::OnError;

use super::{AlignedSource, EventTimeReader};

/// How a source reads.
#[derive(Debug)]
pub struct SourceSettings {
    /// The event time column, an index into the reader's columns, and how it is read; `None`: rows have the time of their arrival.
    pub event_time: Option<(usize, EventTimeReader)>,
    /// Which that is, in words; empty: there is none.
    pub event_time_column: String,
    /// Whether splits that come into being are read too.
    pub looks_for_splits: bool,
    /// Who observes the event times that watermarks follow from.
    pub timing: Timing,
    /// The column that says watermarks, and how it is read; `None`: they follow from event times.
    pub punctuation: Option<(usize, EventTimeReader)>,
    /// Whom it waits for when it is ahead.
    pub alignment: Option<AlignedSource>,
    /// When a split is idle.
    pub idle_after_us: Option<i64>,
    /// How far the event time of a row may be ahead of the clock, microseconds.
    pub future_max_us: Option<i64>,
    /// What happens to malformed records.
    pub on_error: OnError,
    /// Rows per batch at most.
    pub batch_rows_max: usize,
    /// How long a poll waits.
    pub linger: Duration,
}

/// Which of a source's splits are this subtask's.
#[derive(Clone, Copy, Debug)]
pub struct Assignment {
    /// Its number.
    pub subtask: usize,
    /// How many subtasks share the splits.
    pub parallelism: usize,
    /// How many splits the source has, as far as this subtask knows.
    pub known: usize,
}

impl Assignment {
    /// Whether a split is this subtask's, by its place in the order of its source's splits.
    #[must_use]
    pub fn is_mine(&self, index: usize) -> bool {
        index % self.parallelism.max(1) == self.subtask
    }
}

/// Who observes the event times that watermarks follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// The source: its rows have them.
    AtSource,
    /// A later step of the same chain, which gives rows theirs. Until then they have another.
    InChain,
    /// A later step behind an exchange, which knows no splits.
    Elsewhere,
}
