//! Which windows a time belongs to, as Flink assigns them. Never merges sessions.

use super::calendar_window::CalendarWindow;

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
    /// As [`WindowAssigner::Session`], but sessions that only touch stay apart.
    ApartSession {
        /// The silence that ends a session.
        gap: i64,
    },
    /// Sessions whose gap each row says.
    RowSession,
    /// One window for all time.
    Global,
    /// A window for each event time, `[time, time]`.
    Instant,
    /// Windows that begin together every `size` and end one after the other, `step` apart.
    Cumulating {
        /// The size of the longest.
        size: i64,
        /// How much longer each is than the one before.
        step: i64,
        /// Where they start, after multiples of the size.
        offset: i64,
    },
    /// Days, weeks, months or years of a time zone.
    Calendar(CalendarWindow),
    /// For each row one window that ends with it and one that begins after it, `[time, time + length]`, as Kafka's sliding windows.
    PerRow {
        /// From the first instant to the last, both in the window.
        length: i64,
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
    /// A step that does not divide the size.
    #[error("the step of a cumulating window must divide its size")]
    Step,
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
                if offset.unsigned_abs() >= size.unsigned_abs() {
                    Err(WindowError::Offset { than: "size" })
                } else {
                    Ok(())
                }
            }
            Self::Sliding { size, slide, offset } => {
                positive("size", size)?;
                positive("slide", slide)?;
                if offset.unsigned_abs() >= slide.unsigned_abs() {
                    Err(WindowError::Offset { than: "slide" })
                } else {
                    Ok(())
                }
            }
            Self::Session { gap } | Self::ApartSession { gap } => positive("gap", gap),
            Self::Cumulating { size, step, offset } => {
                Self::Tumbling { size, offset }.check()?;
                positive("step", step)?;
                if size % step == 0 { Ok(()) } else { Err(WindowError::Step) }
            }
            Self::Calendar(window) => positive("size", i64::from(window.every)),
            Self::PerRow { length } => positive("length", length),
            Self::RowSession | Self::Global | Self::Instant => Ok(()),
        }
    }

    /// Whether its windows run without the general operator: aligned panes, or sessions of one gap.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        matches!(self, Self::Tumbling { .. } | Self::Sliding { .. } | Self::Session { .. })
    }

    /// Whether windows of a key become one.
    #[must_use]
    pub fn merges(&self) -> bool {
        matches!(self, Self::Session { .. } | Self::ApartSession { .. } | Self::RowSession)
    }

    /// Whether its windows have bounds.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        !matches!(self, Self::Global)
    }

    /// Whether two windows of one key are one.
    #[must_use]
    pub fn joins(&self, a: &Window, b: &Window) -> bool {
        match self {
            Self::Session { .. } | Self::RowSession => a.touches(b),
            Self::ApartSession { .. } => a.start < b.end && b.start < a.end,
            _ => false,
        }
    }

    /// The last instant in a window.
    #[must_use]
    pub fn max_time(&self, window: &Window) -> i64 {
        match self {
            Self::Instant => window.start,
            Self::Global => i64::MAX,
            // A session whose gap is 0 is the time of its row.
            _ => window.max_time().max(window.start),
        }
    }

    /// The windows of one row, earliest first; none if it falls into the gap between two. A session's is `[time, time + gap)`,
    /// to be merged. Bounds beyond the ends of time are cut there.
    #[must_use]
    pub fn assign(&self, time: i64) -> Vec<Window> {
        match *self {
            Self::Tumbling { size, offset } => vec![window(wide_start_of(time, offset, size), size)],
            Self::Sliding { size, slide, offset } => {
                let latest = wide_start_of(time, offset, slide);
                let starts = (0..).map(|back: i128| latest - back * i128::from(slide));
                let mut windows: Vec<Window> = starts
                    .take_while(|start| start + i128::from(size) > i128::from(time))
                    .map(|start| window(start, size))
                    .collect();
                windows.reverse();
                windows
            }
            Self::Session { gap } | Self::ApartSession { gap } => vec![window(i128::from(time), gap)],
            Self::RowSession | Self::Instant => vec![Window { start: time, end: time }],
            Self::Global => vec![Window { start: i64::MIN, end: i64::MAX }],
            Self::Cumulating { size, step, offset } => {
                let start = wide_start_of(time, offset, size);
                let first = (i128::from(time) - start) / i128::from(step) + 1;
                let ends = first..=i128::from(size / step);
                ends.map(|steps| window(start, clamp(steps * i128::from(step)))).collect()
            }
            Self::Calendar(calendar) => vec![calendar.window_of(time)],
            Self::PerRow { length } => vec![window(i128::from(time) - i128::from(length), length.saturating_add(1))],
        }
    }

    /// The window of a row of a session that says its own gap.
    #[must_use]
    pub fn session_of(time: i64, gap: i64) -> Window {
        window(i128::from(time), gap)
    }

    /// The same windows, moved by how far into its slot `first_seen` is (Flink's `WindowStagger.NATURAL`), so that many jobs do
    /// not all fire at once. Only tumbling windows can be moved; others stay.
    #[must_use]
    pub fn staggered(self, first_seen: i64) -> Self {
        match self {
            Self::Tumbling { size, offset } => {
                let moved = i128::from(first_seen) - wide_start_of(first_seen, 0, size) + i128::from(offset);
                Self::Tumbling { size, offset: clamp(moved % i128::from(size)) }
            }
            other => other,
        }
    }
}

/// The start of the slot of length `size` that holds `time`, slots starting at `offset` past multiples of `size`.
#[must_use]
pub fn start_of(time: i64, offset: i64, size: i64) -> i64 {
    clamp(wide_start_of(time, offset, size))
}

/// In 128 bits: neither the shift by the offset nor the least instants may wrap.
fn wide_start_of(time: i64, offset: i64, size: i64) -> i128 {
    let (time, offset, size) = (i128::from(time), i128::from(offset), i128::from(size));
    time - (time - offset).rem_euclid(size)
}

fn window(start: i128, size: i64) -> Window {
    Window { start: clamp(start), end: clamp(start + i128::from(size)) }
}

fn clamp(instant: i128) -> i64 {
    instant.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn windows_that_cannot_be() {
        let tumbling = |size, offset| WindowAssigner::Tumbling { size, offset }.check().is_ok();
        assert_eq!([(5, 0), (5, 4), (5, -4)].map(|(s, o)| tumbling(s, o)), [true; 3]);
        assert_eq!([(0, 0), (-1, 0), (5, 5), (5, -5), (5, i64::MIN)].map(|(s, o)| tumbling(s, o)), [false; 5]);
        let sliding = |size, slide, offset| WindowAssigner::Sliding { size, slide, offset }.check().is_ok();
        assert_eq!([(3, 10, 9), (10, 3, -2)].map(|(s, l, o)| sliding(s, l, o)), [true; 2]);
        assert_eq!(
            [(0, 1, 0), (1, 0, 0), (20, 10, 10), (20, 10, i64::MIN)].map(|(s, l, o)| sliding(s, l, o)),
            [false; 4]
        );
        assert_eq!([1, 0, -1].map(|gap| WindowAssigner::Session { gap }.check().is_ok()), [true, false, false]);
    }

    #[test]
    fn a_session_without_a_gap_is_the_time_of_its_row() {
        let point = WindowAssigner::session_of(40, 0);
        assert_eq!((point, WindowAssigner::RowSession.max_time(&point)), (Window { start: 40, end: 40 }, 40));
        assert_eq!(WindowAssigner::RowSession.max_time(&WindowAssigner::session_of(40, 3)), 42);
    }

    #[test]
    fn the_ends_of_time_neither_wrap_nor_lose_a_row() {
        for time in [i64::MIN, i64::MIN + 3, i64::MAX - 3, i64::MAX] {
            for assigner in [
                WindowAssigner::Tumbling { size: 1_000, offset: -7 },
                WindowAssigner::Tumbling { size: i64::MAX, offset: 1 },
                WindowAssigner::Sliding { size: 1_000, slide: 300, offset: 299 },
                WindowAssigner::Session { gap: i64::MAX },
            ] {
                let windows = assigner.assign(time);
                assert!(!windows.is_empty(), "{assigner:?} of {time}");
                assert!(
                    windows.iter().all(|w| w.start <= time && time <= w.end),
                    "{assigner:?} of {time}: {windows:?}"
                );
            }
        }
        // Slots before the first instant and in the one after it stay apart.
        let tumbling = WindowAssigner::Tumbling { size: 1_000, offset: 0 };
        assert_eq!(tumbling.assign(i64::MIN)[0].end, tumbling.assign(i64::MIN + 999)[0].start);
    }

    proptest! {
        /// A row is in each of its windows and in none beside them; they lie where the offset says.
        #[test]
        fn windows_hold_their_rows(time in -500i64..500, size in 1i64..60, slide in 1i64..40, offset in -39i64..40) {
            let offset = offset % slide;
            let windows = WindowAssigner::Sliding { size, slide, offset }.assign(time);
            for w in &windows {
                prop_assert!(w.start <= time && time < w.end && w.end - w.start == size);
                prop_assert_eq!((w.start - offset).rem_euclid(slide), 0);
            }
            prop_assert!(windows.windows(2).all(|pair| pair[1].start - pair[0].start == slide));
            let latest = start_of(time, offset, slide);
            prop_assert_eq!(windows.last().map(|w| w.start), (latest + size > time).then_some(latest));
            if let Some(first) = windows.first() {
                prop_assert!(first.start - slide + size <= time);
            }
            if size == slide {
                prop_assert_eq!(windows, WindowAssigner::Tumbling { size, offset }.assign(time));
            }
        }

        /// A staggered window starts where the first row was seen, offset aside, and is still a window.
        #[test]
        fn staggered_windows_start_at_the_first_row(seen in -500i64..500, size in 1i64..60, offset in -59i64..60) {
            let plain = WindowAssigner::Tumbling { size, offset: offset % size };
            let staggered = plain.staggered(seen);
            prop_assert!(staggered.check().is_ok());
            prop_assert_eq!(staggered.assign(seen + offset % size)[0].start, seen + offset % size);
        }
    }
}
