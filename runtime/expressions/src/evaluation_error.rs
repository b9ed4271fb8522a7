//! [`EvaluationError`]: why a batch could not be evaluated, apart from rows that failed.

use arrow::error::ArrowError;

/// Why a batch could not be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// It would make more text than is made at once: evaluate fewer rows.
    #[error("the batch would make too much text at once")]
    TooLarge,
    /// A column that the expression reads was not given.
    #[error("the expression reads a column that is not there")]
    Column,
    /// A column kernel refused.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}
