//! `[rolling.NAME]`, as its author wrote it: aggregates over the rows before each row.

use super::{AggregateSpec, OnError, Spanned};

/// `[rolling.NAME]`
#[derive(Clone, Debug)]
pub struct RollingNode {
    /// The columns that rows are grouped by; empty: one group.
    pub key_by: Vec<Spanned<String>>,
    /// Which rows of a key are aggregated for each row.
    pub frame: Frame,
    /// Output column and how it is computed, in the file's order.
    pub aggregates: Vec<(Spanned<String>, AggregateSpec)>,
    /// What happens to rows whose results do not fit their type.
    pub on_error: OnError,
    /// Bytes of its state, over all subtasks.
    pub state_bytes: u64,
}

/// Which rows of a key are aggregated for each row: it and some before it, in the order of event time. The term is SQL's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// All up to and with those of its own time (`range unbounded preceding`).
    All,
    /// So many, itself included (`rows n - 1 preceding`).
    Rows(u64),
    /// Those whose time is at most so many microseconds before its own, and those of its own time (`range preceding`).
    Range(i64),
}
