//! Places in the text that a pipeline was written in.

use std::ops::Range;

/// A place in a text: bytes from its beginning.
pub type Span = Range<usize>;

/// A value and where the text says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place; `None`: no text says it.
    pub span: Option<Span>,
}
