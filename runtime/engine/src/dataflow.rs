//! How rows flow through one subtask: what an operator is, chains of them, what comes in by channels or from a source, and where
//! rows go. It knows no kind of step, and has no thread, no channel and no clock of its own.
//!
//! | module | holds |
//! |---|---|
//! | [`operator`] | what an operator is: elements in, batches out |
//! | [`subtask`] | the state machine `handle(event) -> actions` |
//! | [`gate`], [`source`], `incoming` | its input: channels merged, or splits read; what they hand over |
//! | [`split_times`] | the watermarks of what comes in |
//! | [`step`], [`chain`], [`exchange`] | its operators without channels between them, and how rows leave it |
//! | `metrics`, `latency` | what a step counts, and how long rows took |

pub mod chain;
pub mod exchange;
pub mod gate;
pub(crate) mod incoming;
pub(crate) mod latency;
pub(crate) mod metrics;
pub mod operator;
pub(crate) mod row_text;
pub mod source;
pub mod split_times;
pub mod step;
pub mod subtask;
