//! What is wrong with an expression, and which bytes of its text that is about.

use std::ops::Range;

/// An expression that cannot be evaluated over these columns.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// What is wrong, and what to do about it.
    pub message: String,
    /// Bytes of the expression's text; within it.
    pub range: Range<usize>,
    /// Whether a column would have to be of another type.
    pub is_of_types: bool,
}

impl ExpressionError {
    pub(crate) fn new(range: &Range<usize>, message: impl Into<String>) -> Self {
        Self { message: message.into(), range: range.clone(), is_of_types: false }
    }

    /// One that columns of other types would not have.
    pub(crate) fn of_types(range: &Range<usize>, message: impl Into<String>) -> Self {
        Self { is_of_types: true, ..Self::new(range, message) }
    }
}
