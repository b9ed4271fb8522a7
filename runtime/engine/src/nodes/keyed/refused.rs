//! Rows and timers that a keyed operator has refused: kept until the batch is done, and dead letters of timers. It never decides what
//! happens to them; [`DeadLetters`](crate::nodes::dead_letter::DeadLetters) does.

use weir_core::batch::StreamBatch;
use weir_host::{CallError, RejectedRow};
use weir_state::Timer;

use super::KeyedOperator;
use crate::dataflow::operator::OperatorError;
use crate::nodes::dead_letter::key_rows;

impl KeyedOperator {
    /// What is known of timers that were refused, as rows of the input: the columns of their keys.
    pub(super) fn rows_of_timers(&self, timers: &[Timer]) -> Result<StreamBatch, OperatorError> {
        let slots: Vec<u32> = timers.iter().map(|timer| timer.slot).collect();
        let (keys, times) = (self.state.keys().keys(&slots)?, timers.iter().map(|timer| timer.time).collect());
        key_rows(&self.input, &self.keys, &keys, times, self.ingested_at)
    }
}

/// Sets aside what was refused in a call that began with the row (or timer) `first`.
pub(super) fn all_of(
    rejected: Vec<RejectedRow>,
    first: usize,
    set_aside: impl Fn(usize, String) -> Result<(), OperatorError>,
) -> Result<(), OperatorError> {
    rejected.into_iter().try_for_each(|RejectedRow { row, reason }| set_aside(first + row, reason))
}

/// Keeps a row (or timer) that was refused; the first ends the batch, if `fails`.
pub(super) fn set_aside(
    refused: &mut Vec<(usize, String)>,
    row: usize,
    reason: String,
    fails: bool,
) -> Result<(), OperatorError> {
    refused.push((row, reason));
    if fails { Err(OperatorError::Call("a row was refused".to_owned())) } else { Ok(()) }
}

/// Why states were not converted: only an answer of the component says something of them.
pub(super) fn unreadable(error: CallError) -> OperatorError {
    if error.is_passing() { error.into() } else { OperatorError::unreadable(error.to_string()) }
}
