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
}

impl ExpressionError {
    pub(crate) fn new(range: &Range<usize>, message: impl Into<String>) -> Self {
        Self { message: message.into(), range: range.clone() }
    }
}
