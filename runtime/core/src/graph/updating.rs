//! Steps that make updating streams, as their author wrote them: changes that are read, aggregates without a window, deduplication, the
//! first rows of an order.

use super::{AggregateSpec, OnError, Spanned, StateTtl};
use crate::changelog::ChangelogEncoding;

/// `[changelogs.NAME]`
#[derive(Clone, Debug)]
pub struct ChangelogNode {
    /// How rows say what they do.
    pub format: Spanned<ChangelogEncoding>,
    /// Columns that are unique in the table; `None`: it is not known.
    pub key: Option<Vec<Spanned<String>>>,
    /// What happens to rows that do not say what they do.
    pub on_error: OnError,
}

/// `[aggregates.NAME]`
#[derive(Clone, Debug)]
pub struct AggregateNode {
    /// The columns that rows are grouped by; empty: one group.
    pub key_by: Vec<Spanned<String>>,
    /// Output column and how it is computed, in the file's order.
    pub aggregates: Vec<(Spanned<String>, AggregateSpec)>,
    /// When a key that has no more rows is deleted; `None`: never.
    pub ttl: Option<StateTtl>,
    /// What happens to results that do not fit their type.
    pub on_error: OnError,
    /// Bytes of its state, over all subtasks.
    pub state_bytes: u64,
}

/// `[dedup.NAME]`
#[derive(Clone, Debug)]
pub struct DedupNode {
    /// The columns whose values make two rows duplicates; empty: all rows are.
    pub key_by: Vec<Spanned<String>>,
    /// Which of several rows counts.
    pub keep: Keep,
    /// Event time after which a key is forgotten, microseconds; `None`: it never is.
    pub within_us: Option<i64>,
    /// Bytes of its state, over all subtasks.
    pub state_bytes: u64,
}

/// Which of the rows of a key counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The first that comes.
    First,
    /// The one with the greatest event time; each that takes the place of another is an update.
    Last,
}

/// `[top.NAME]`
#[derive(Clone, Debug)]
pub struct TopNode {
    /// The columns that rows are grouped by; empty: one group.
    pub key_by: Vec<Spanned<String>>,
    /// What rows are ordered by.
    pub order_by: Vec<OrderColumn>,
    /// How many rows of each key are given out; of ranks with ties, the greatest rank counted from the offset.
    pub limit: u64,
    /// How many are left out at the beginning.
    pub offset: u64,
    /// How rows that are equal in all columns of the order are counted.
    pub ties: Ties,
    /// The column that says at which place a row is; `None`: there is none.
    pub rank: Option<Spanned<String>>,
    /// When the rows of a key that has no more are deleted; `None`: never.
    pub ttl: Option<StateTtl>,
    /// Bytes of its state, over all subtasks.
    pub state_bytes: u64,
}

/// A column of an order.
#[derive(Clone, Debug)]
pub struct OrderColumn {
    /// Its name.
    pub column: Spanned<String>,
    /// Whether the greatest value comes first; nulls come last in either order.
    pub descending: bool,
}

/// How rows that are equal in all columns of an order are counted, as in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ties {
    /// One after the other (`row_number`); which comes first, their other columns decide.
    RowNumber,
    /// Alike, and those after them as if they were not (`rank`): 1, 1, 3.
    Rank,
    /// Alike, and those after them at the next place (`dense_rank`): 1, 1, 2.
    DenseRank,
}
