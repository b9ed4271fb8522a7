//! What the input of a subtask, a source or a gate, hands to its chain.

use weir_core::batch::{Barrier, StreamBatch};

/// What comes next.
#[derive(Debug)]
pub enum Incoming {
    /// Rows for an input of the first step.
    Rows {
        /// Which input.
        input: usize,
        /// The rows.
        batch: StreamBatch,
    },
    /// Records that a source could not read.
    DeadLetters(StreamBatch),
    /// The least watermark of all channels has risen; or has not, but channels that were idle are active again.
    Watermark(i64),
    /// All channels are idle.
    Idle,
    /// Each channel of an input of the first step has been idle, or has ended, once: all that there was at the start has come.
    CaughtUp {
        /// Which input.
        input: usize,
    },
    /// The barrier has come by every channel; blocked channels are open again.
    Barrier(Barrier),
    /// Every channel has ended. Its watermark came before.
    End,
}

impl Incoming {
    pub(crate) fn has_rows(&self) -> bool {
        match self {
            Self::Rows { .. } | Self::DeadLetters(_) => true,
            Self::Watermark(_) | Self::Idle | Self::CaughtUp { .. } | Self::Barrier(_) | Self::End => false,
        }
    }
}
