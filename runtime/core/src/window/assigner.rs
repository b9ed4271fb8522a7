//! Tumbling, sliding and session windows over event time, as Flink assigns them.

/// `[start, end)`, microseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// The first instant in it.
    pub start: i64,
    /// The first instant after it.
    pub end: i64,
}

impl Window {
    /// The last instant in it: the watermark that fires it, and the event time of its results.
    #[must_use]
    pub fn max_time(&self) -> i64 {
        self.end.saturating_sub(1)
    }
}

/// How rows are assigned to windows. All times in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowAssigner {
    /// Windows of one size, end to end.
    Tumbling {
        /// Their size.
        size: i64,
        /// Where they start, after multiples of the size.
        offset: i64,
    },
    /// Windows of one size, one every `slide`.
    Sliding {
        /// Their size.
        size: i64,
        /// From one start to the next.
        slide: i64,
        /// Where they start, after multiples of the slide.
        offset: i64,
    },
    /// Rows of a key that are at most `gap` apart. Sessions that touch are one.
    Session {
        /// The silence that ends a session.
        gap: i64,
    },
}

/// A window that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// A duration that must be positive is not.
    #[error("the {what} of a window must be longer than zero")]
    NotPositive {
        /// `size`, `slide` or `gap`.
        what: &'static str,
    },
    /// An offset as long as the distance of two windows, or longer.
    #[error("the offset of a window must be shorter than its {than}")]
    Offset {
        /// `size` or `slide`.
        than: &'static str,
    },
}

impl WindowAssigner {
    /// Checks the durations.
    ///
    /// # Errors
    /// If one is not positive, or the offset is not less than the distance of two windows.
    pub fn check(&self) -> Result<(), WindowError> {
        let positive = |what, v: i64| if v > 0 { Ok(()) } else { Err(WindowError::NotPositive { what }) };
        match *self {
            Self::Tumbling { size, offset } => {
                positive("size", size)?;
                if offset.abs() >= size { Err(WindowError::Offset { than: "size" }) } else { Ok(()) }
            }
            Self::Sliding { size, slide, offset } => {
                positive("size", size)?;
                positive("slide", slide)?;
                if offset.abs() >= slide { Err(WindowError::Offset { than: "slide" }) } else { Ok(()) }
            }
            Self::Session { gap } => positive("gap", gap),
        }
    }

    /// The windows of one row, earliest first. A session's is `[time, time + gap)`, to be merged.
    #[must_use]
    pub fn assign(&self, time: i64) -> Vec<Window> {
        let window = |start: i64, size: i64| Window { start, end: start.saturating_add(size) };
        match *self {
            Self::Tumbling { size, offset } => vec![window(start_of(time, offset, size), size)],
            Self::Sliding { size, slide, offset } => {
                let mut windows = Vec::new();
                let mut start = start_of(time, offset, slide);
                while start.saturating_add(size) > time {
                    windows.push(window(start, size));
                    let Some(before) = start.checked_sub(slide) else { break };
                    start = before;
                }
                windows.reverse();
                windows
            }
            Self::Session { gap } => vec![window(time, gap)],
        }
    }
}

/// The start of the slot of length `size` that holds `time`, slots starting at `offset` past multiples of `size`.
#[must_use]
pub fn start_of(time: i64, offset: i64, size: i64) -> i64 {
    // In 128 bits: neither the shift by the offset nor the least instants may wrap.
    let (time, offset, size) = (i128::from(time), i128::from(offset), i128::from(size));
    let start = time - (time - offset).rem_euclid(size);
    start.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}
