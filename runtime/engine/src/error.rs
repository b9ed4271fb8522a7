//! Why an operator fails.

use weir_core::memory::MemoryExceeded;
use weir_core::time::utc_text;

/// Why a subtask cannot continue.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// A row could not be processed, and `on-error` is `fail`.
    #[error(
        "row {row} could not be processed: {reason}; set on-error to \"skip\" or \"dead-letter\" to continue without such rows"
    )]
    Row {
        /// The row, as text.
        row: String,
        /// What the operator said.
        reason: String,
    },
    /// A result could not be made, and `on-error` is `fail`.
    #[error("{0}; set on-error to \"skip\" or \"dead-letter\" to continue without such results")]
    Result(String),
    /// A timer could not be processed, and `on-error` is `fail`.
    #[error(
        "the timer at {} could not be processed: {reason}; set on-error to \"skip\" or \"dead-letter\" to continue without such timers",
        utc_text(*time)
    )]
    Timer {
        /// When it was due, microseconds since the epoch.
        time: i64,
        /// What the operator said.
        reason: String,
    },
    /// A record of a source is no row, and `on-error` is `fail`.
    #[error("{at}: {reason}; set on-error to \"skip\" or \"dead-letter\" to continue without such records")]
    Malformed {
        /// Where it is.
        at: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A guest failed apart from any row.
    #[error("{0}")]
    Call(String),
    /// Arithmetic went out of range.
    #[error("{aggregate} of column {column:?} does not fit its type {data_type}")]
    Overflow {
        /// The aggregate.
        aggregate: &'static str,
        /// Its column.
        column: String,
        /// The type of the result.
        data_type: String,
    },
    /// State that is not this operator's.
    #[error(
        "the snapshot does not fit this operator: {0}; restore the operator, or rename it and discard its state with \
         --allow-dropped-state OLD-NAME"
    )]
    Restore(String),
    /// A component failed, and not because of the rows.
    #[error(transparent)]
    Host(#[from] weir_host::CallError),
    /// Keyed state does not fit.
    #[error(transparent)]
    State(#[from] weir_state::StateError),
    /// A version that is of another kind than the operator.
    #[error("this step cannot run that component: the component implements a different WIT world")]
    Version,
    /// State of another version.
    #[error("this version cannot read the existing state: {reason}{}", way_out(discard))]
    Migrate {
        /// Why not.
        reason: String,
        /// What of it could be discarded, as `--allow-dropped-state` takes it; none: that would not do, or cannot be had here.
        discard: Vec<String>,
    },
    /// State that a version which is rolled back leaves behind.
    #[error(
        "the previous version cannot take its state back ({0}): the job continues with the previous version from the last checkpoint, if there is one"
    )]
    NoWayBack(String),
    /// It keeps more than there is memory for.
    #[error(transparent)]
    Memory(#[from] MemoryExceeded),
    /// A column kernel refused.
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
    /// A connector failed.
    #[error(transparent)]
    Connector(#[from] weir_core::connector::ConnectorError),
}

/// An operator of a chain failed.
#[derive(Debug, thiserror::Error)]
#[error("operator {operator:?}")]
pub struct StepError {
    /// Its node's name.
    pub operator: String,
    /// Why.
    #[source]
    pub error: OperatorError,
}

impl StepError {
    pub(crate) fn new(operator: &str, error: OperatorError) -> Self {
        Self { operator: operator.to_owned(), error }
    }
}

impl OperatorError {
    /// State of another version, of which nothing could be discarded to help.
    pub(crate) fn unreadable(reason: String) -> Self {
        Self::Migrate { reason, discard: Vec::new() }
    }

    /// Without the advice to discard a part of the state, for a caller who cannot.
    pub(crate) fn without_discarding(self) -> Self {
        match self {
            Self::Migrate { reason, .. } => Self::unreadable(reason),
            error => error,
        }
    }
}

/// What else can be done about state that cannot be read, as the end of a sentence.
fn way_out(discard: &[String]) -> String {
    if discard.is_empty() {
        return String::new();
    }
    let options: Vec<_> = discard.iter().map(|name| format!("--allow-dropped-state {name}")).collect();
    format!(", or discard what would be lost with {}", options.join(" "))
}
