//! Finding the rows that make a call fail. Pure: it knows neither guests nor columns.

use std::ops::Range;

use crate::call_error::CallError;

/// Rows of a part, while bad rows are looked for. A call that traps costs some hundred times what a small call costs that succeeds,
/// because the guest has to be started again: so few calls may fail, and many may succeed. Of 4,096 rows with 41 bad ones, parts of 16
/// need the fewest calls.
const PART_ROWS: usize = 16;

/// Why an attempt at a range of rows failed.
#[derive(Debug)]
pub enum Failure<E> {
    /// The operator failed; nothing of the range was applied.
    Guest(CallError),
    /// Something else failed: stop at once.
    Fatal(E),
}

impl<E> From<CallError> for Failure<E> {
    fn from(error: CallError) -> Self {
        Self::Guest(error)
    }
}

/// Runs `call` over `rows` such that every good row is processed exactly once, in order, and every bad one is given to `bad`
/// with the reason, in its place in that order. Returns the first row that is left for another time, which is the end unless `pauses` says that it pauses.
///
/// `call` gets a range and either commits all its effects or none. If it fails, it is called with parts of the range, and with the
/// single rows of the parts that fail. Rows that fail together but not apart are processed apart. With `k` bad rows of `n`, at
/// most `1 + 2 k` calls fail, and `n / 16 + 16 k` succeed. `pauses` is asked once the first row is done. This is for traps, time-outs and
/// broken answers: rows that an operator refuses are part of the answer of a call.
///
/// # Errors
/// What `bad` or `call` say is fatal, and a [`CallError`] that is ([`CallError::is_fatal`]); what was committed before stays.
pub fn isolate<E: From<CallError>>(
    rows: Range<usize>,
    mut pauses: impl FnMut() -> bool,
    mut call: impl FnMut(Range<usize>) -> Result<(), Failure<E>>,
    mut bad: impl FnMut(usize, String) -> Result<(), E>,
) -> Result<usize, E> {
    let Range { start, end } = rows;
    // Last in, first out: the leftmost range is on top.
    let mut ranges = vec![rows];
    while let Some(range) = ranges.pop() {
        if range.is_empty() {
            continue;
        }
        if range.start > start && pauses() {
            return Ok(range.start);
        }
        match call(range.clone()) {
            Ok(()) => {}
            Err(Failure::Fatal(error)) => return Err(error),
            Err(Failure::Guest(error)) if error.is_fatal() => return Err(E::from(error)),
            Err(Failure::Guest(error)) if range.len() == 1 => bad(range.start, error.to_string())?,
            Err(Failure::Guest(_)) => {
                let part_rows = if range.len() > PART_ROWS { PART_ROWS } else { 1 };
                let parts = range.clone().step_by(part_rows).map(|start| start..range.end.min(start + part_rows));
                ranges.extend(parts.rev());
            }
        }
    }
    Ok(end)
}
