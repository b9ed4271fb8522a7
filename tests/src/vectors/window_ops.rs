//! A case of windows as it is run: its operations, and what it expects of them. It runs nothing.

use super::compare::At;
use super::window_rows::{Outcome, Record};

/// The steps of one operation of a case.
pub(super) type Op = Vec<Step>;

/// What happens to the operators.
pub(super) enum Step {
    Rows(Vec<Record>),
    Watermark(i64),
    ProcessingTime(i64),
    CheckpointRestore,
    Checkpoint(String),
    Restore(String),
}

/// Whose way of counting a case has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    Flink,
    Spark,
    Beam,
    Kafka,
}

/// What must come out.
pub(super) struct Expectations {
    pub(super) engine: Engine,
    pub(super) ordered: bool,
    pub(super) results: Vec<At<Outcome>>,
    /// The first operation whose results are compared.
    pub(super) results_from: usize,
    /// `None`: late rows are dropped, and the case does not say which.
    pub(super) late: Option<Vec<At<Outcome>>>,
    pub(super) dropped: Vec<(usize, u64)>,
}
