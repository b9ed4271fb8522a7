//! What goes into a call. How one fails is in `call_error`.

use arrow::array::ArrayRef;
use arrow::buffer::{BooleanBuffer, ScalarBuffer};

/// Rows of one input, only the columns that the operator reads.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// How many.
    pub rows: usize,
    /// Exactly the columns of [`Plan::reads`](crate::Plan::reads) of the input, in that order, each with `rows` values.
    pub columns: &'a [ArrayRef],
    /// Microseconds since the epoch, one per row; passed in only if [`Plan::reads_event_times`](crate::Plan::reads_event_times).
    pub event_times: Option<&'a [i64]>,
}

/// One state row per distinct key (or group) of a call.
#[derive(Clone, Debug)]
pub struct States {
    /// How many keys (or groups).
    pub keys: usize,
    /// Whether each has a state; `None`: all have one.
    pub present: Option<BooleanBuffer>,
    /// The columns of the state layout, one row per key; null where a key has no state.
    pub columns: Vec<ArrayRef>,
}

impl States {
    /// Whether the key at an index has a state.
    #[must_use]
    pub fn is_present(&self, key: usize) -> bool {
        self.present.as_ref().is_none_or(|present| present.value(key))
    }
}

/// Which clock a timer follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimeDomain {
    /// The watermark.
    EventTime,
    /// The wall clock.
    ProcessingTime,
}

/// Timers of one domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timers {
    /// The clock that they follow.
    pub domain: TimeDomain,
    /// The key of each, an index into the keys of the call.
    pub keys: ScalarBuffer<u32>,
    /// When each is due, microseconds since the epoch.
    pub times: ScalarBuffer<i64>,
}

/// The time of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestClock {
    /// Microseconds since the epoch; `None` before the first watermark.
    pub watermark: Option<i64>,
    /// Microseconds since the epoch.
    pub processing_time: i64,
}
