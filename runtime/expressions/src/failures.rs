//! [`Failures`]: the rows of a batch that an expression could not be evaluated for, and why. It decides nothing: what happens to such
//! rows is the caller's.

use std::borrow::Cow;
use std::ops::Range;

use crate::limits::SHOWN_CHARS_MAX;

/// The reason of a division by zero.
pub(crate) const BY_ZERO: &str = "division by zero";
/// The reason of a result that no float is.
pub(crate) const TOO_LARGE: &str = "the result is beyond all floats";
/// The reason of a time that its type's numbers, or the calendar, do not reach.
pub(crate) const TOO_FAR: &str = "the result is outside of what the type holds";

/// Why a row has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    /// The part of the expression's text that could not be evaluated.
    pub(crate) range: Range<usize>,
    /// Why.
    pub(crate) message: Cow<'static, str>,
}

/// The failed rows of a batch, each once, in their order.
#[derive(Debug, Default)]
pub(crate) struct Failures(Vec<(usize, Reason)>);

impl Failures {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One more row. The first reason of a row counts.
    pub(crate) fn add(&mut self, row: usize, range: &Range<usize>, message: impl Into<Cow<'static, str>>) {
        let reason = || Reason { range: range.clone(), message: message.into() };
        match self.0.last() {
            Some((last, _)) if *last >= row => {
                if let Err(at) = self.0.binary_search_by_key(&row, |(row, _)| *row) {
                    self.0.insert(at, (row, reason()));
                }
            }
            _ => self.0.push((row, reason())),
        }
    }

    /// Adds those of what was evaluated after this, in so far as it is needed for a row.
    pub(crate) fn merge(&mut self, later: Self, is_needed: impl Fn(usize) -> bool) {
        if later.0.is_empty() {
            return;
        }
        let mut all: Vec<(usize, Reason)> = std::mem::take(&mut self.0);
        // Stable, so that of one row the earlier reason comes first.
        all.extend(later.0.into_iter().filter(|(row, _)| is_needed(*row)));
        all.sort_by_key(|(row, _)| *row);
        all.dedup_by_key(|(row, _)| *row);
        self.0 = all;
    }

    pub(crate) fn into_rows(self) -> Vec<(usize, Reason)> {
        self.0
    }
}

/// The beginning of a text, for a message.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_reason_of_a_row_counts() {
        let mut failures = Failures::default();
        failures.add(3, &(0..1), "first");
        failures.add(1, &(1..2), "one");
        failures.add(3, &(2..3), "second");
        let mut later = Failures::default();
        later.add(0, &(0..1), "zero");
        later.add(1, &(0..1), "later");
        later.add(2, &(0..1), "not needed");
        failures.merge(later, |row| row != 2);
        let rows: Vec<_> = failures.into_rows().into_iter().map(|(row, reason)| (row, reason.message)).collect();
        assert_eq!(rows, [(0, "zero".into()), (1, "one".into()), (3, "first".into())]);
    }
}
