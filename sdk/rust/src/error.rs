//! Why a row cannot be processed.

use std::fmt;

use crate::wire::RowFailure;

/// A row that an operator refuses. `on-error` of the pipeline says what happens to it; the other rows of its batch are not
/// affected. Every error converts into it, so `?` works.
///
/// ```
/// use weir_sdk::RowError;
///
/// fn minutes(text: &str) -> Result<i64, RowError> {
///     let minutes: i64 = text.parse()?;
///     if minutes < 0 { Err(RowError::new(format!("{minutes} minutes"))) } else { Ok(minutes) }
/// }
/// assert!(minutes("-1").is_err());
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct RowError(Box<str>);

impl RowError {
    /// `reason` is for the person who reads the log or the dead letters.
    #[must_use]
    pub fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string().into_boxed_str())
    }

    /// Says which row it is, by its index in the batch.
    #[cold]
    #[must_use]
    pub(crate) fn at(self, row: usize) -> RowFailure {
        RowFailure { row: row as u32, reason: self.0.into() }
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// Not an `Error` itself: then this conversion could not be.
impl<E: std::error::Error> From<E> for RowError {
    fn from(error: E) -> Self {
        Self::new(error)
    }
}
