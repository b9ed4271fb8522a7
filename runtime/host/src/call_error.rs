//! How a call fails, and what is said of it.

use weir_core::memory::MemoryExceeded;

use crate::abi::Text;
use crate::limits::REASON_BYTES_MAX;
use crate::spec::InstanceError;

/// What stands in the reason of a trap before the last error that the operator logged in the call.
pub const LAST_LOG_LINE: &str = "; last log line: ";

/// Why a call gave nothing. Nothing of a failed call is applied; the instance can be called again.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The operator says that the call failed as a whole.
    #[error("{0}")]
    Call(String),
    /// The operator crashed.
    #[error("the operator trapped: {message}")]
    Trap {
        /// What WebAssembly says, with the innermost functions, and the last error that the operator logged in the call.
        message: String,
    },
    /// The call used too much processor time.
    #[error(
        "the call took longer than {limit_ms} ms of processor time{place}; raise limits.call-time, or make batches smaller"
    )]
    TimeOut {
        /// [`call_time_ms`](weir_core::limits::OperatorLimits::call_time_ms).
        limit_ms: u64,
        /// Where in its code it was; `, in f (file:line) called by ...`, or empty.
        place: String,
    },
    /// The call did not end, though it used little processor time.
    #[error(
        "the call did not end within {limit_ms} ms, and got little processor time; run less on this machine, or raise \
         limits.call-time"
    )]
    Stalled {
        /// [`CALL_WALL_TIME_FACTOR`](crate::limits::CALL_WALL_TIME_FACTOR) times the processor time that it may use.
        limit_ms: u64,
    },
    /// The batch's rows are processed apart because a call of it failed, and their time is used up.
    #[error(
        "the row was not tried: the batch was processed row by row for more than {limit_ms} ms; raise limits.batch-time, or make batches \
         smaller"
    )]
    BatchTime {
        /// [`batch_time_ms`](weir_core::limits::OperatorLimits::batch_time_ms).
        limit_ms: u64,
    },
    /// The operator wanted more memory than it may have, and did not get over it.
    #[error(
        "the operator needs more than {limit_bytes} bytes of memory{place}; raise limits.memory, or make batches smaller"
    )]
    MemoryLimit {
        /// [`memory_bytes`](weir_core::limits::OperatorLimits::memory_bytes).
        limit_bytes: u64,
        /// Where in its code it was.
        place: String,
    },
    /// The call made more bytes than it may.
    #[error("the call makes more than {limit_bytes} bytes; raise limits.output, or make batches smaller")]
    OutputBytes {
        /// [`output_bytes`](weir_core::limits::OperatorLimits::output_bytes).
        limit_bytes: u64,
    },
    /// The call would leave more state than the operator may keep.
    #[error("the call leaves more state than the operator may keep: {0}")]
    State(MemoryExceeded),
    /// The call would leave more timers than a subtask of the operator may have.
    #[error("the call leaves more than {limit} timers; raise limits.timers if this is intended")]
    Timers {
        /// [`timers`](weir_core::limits::OperatorLimits::timers).
        limit: u64,
    },
    /// A key registers timers that are due at once, again and again.
    #[error(
        "the key has registered timers that are due at once {limit} times while timers fire for one watermark; register a timer after the \
         watermark"
    )]
    DueTimers {
        /// [`DUE_TIMERS_MAX`](weir_core::limits::DUE_TIMERS_MAX).
        limit: u32,
    },
    /// The call handed back more rows than it may.
    #[error(
        "the call makes {rows_out} rows of {rows_in}, more than {limit} per row; raise limits.output-rows-per-row if this is intended"
    )]
    OutputRows {
        /// Rows in.
        rows_in: usize,
        /// Rows out, over all outputs.
        rows_out: usize,
        /// [`output_rows_per_row`](weir_core::limits::OperatorLimits::output_rows_per_row).
        limit: u32,
    },
    /// What came back breaks the contract: a fault of the operator or its SDK.
    #[error("the operator returned something invalid: {0}")]
    InvalidOutput(String),
    /// The caller's arguments do not fit the plan: a fault of the engine, not of the operator.
    #[error("the call does not fit the operator's plan: {0}")]
    Arguments(String),
    /// The instance was lost in a call before and cannot be made again.
    #[error("the operator cannot be started again: {0}")]
    Instance(#[source] Box<InstanceError>),
}

impl CallError {
    /// Whether trying with other rows cannot help.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Arguments(_) | Self::Instance(_))
    }

    /// Whether the same call may succeed another time: it went without time, memory or an instance, which says nothing of what it
    /// was given.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        self.is_time_out() || matches!(self, Self::MemoryLimit { .. } | Self::Instance(_))
    }

    /// Whether the stream stood still for as long as a call may take.
    #[must_use]
    pub fn is_time_out(&self) -> bool {
        matches!(self, Self::TimeOut { .. } | Self::Stalled { .. } | Self::BatchTime { .. })
    }

    /// What a guest said of a call that failed as a whole.
    pub(crate) fn of_guest(reason: Text) -> Self {
        Self::Call(cut_reason(reason.0))
    }
}

/// A guest's words, cut to a length that a log bears.
pub(crate) fn cut_reason(mut reason: String) -> String {
    if reason.len() > REASON_BYTES_MAX {
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        reason.push_str(" ...");
    }
    reason
}
