//! The arithmetic of panes: the pieces of time that the bounds of tumbling or sliding windows cut. Pure.
//!
//! A window of `size` every `slide` has bounds at `k * slide` and at `k * slide + size % slide`, so two panes a slide are enough
//! however odd the numbers are (S. Krishnamurthy, C. Wu, M. Franklin, "On-the-fly sharing for streamed aggregation", 2006). A row
//! goes into one pane; a window's result is the merge of its panes. Where slides are longer than windows, the second pane of
//! each slide belongs to no window.

use std::ops::RangeInclusive;

use weir_core::window::{Window, WindowAssigner};

/// Which panes and windows there are. Windows have numbers: window `k` starts at `k * slide + offset`.
#[derive(Clone, Copy, Debug)]
pub(in crate::nodes) struct PaneGrid {
    size: i64,
    slide: i64,
    offset: i64,
    /// The length of the first pane of each slide; 0: there is only the second.
    first: i64,
}

/// A pane: the instants from `start` to `last`, both in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::nodes) struct Pane {
    pub(in crate::nodes) start: i64,
    pub(in crate::nodes) last: i64,
}

impl Pane {
    #[inline]
    pub(in crate::nodes) fn contains(self, time: i64) -> bool {
        self.start <= time && time <= self.last
    }
}

impl PaneGrid {
    /// `None` for windows that are not aligned.
    pub(in crate::nodes) fn new(window: WindowAssigner) -> Option<Self> {
        let (size, slide, offset) = match window {
            WindowAssigner::Tumbling { size, offset } => (size, size, offset),
            WindowAssigner::Sliding { size, slide, offset } => (size, slide, offset),
            _ => return None,
        };
        Some(Self { size, slide, offset, first: size % slide })
    }

    /// Whether each pane is a window.
    pub(in crate::nodes) fn is_tumbling(&self) -> bool {
        self.size == self.slide
    }

    /// Of how many panes a window consists, if each slide is one and a window a whole number of them.
    pub(in crate::nodes) fn panes_of_window(&self) -> Option<i64> {
        (self.first == 0).then(|| self.size / self.slide)
    }

    /// The number of a pane, by an instant of it, where each slide is one.
    pub(in crate::nodes) fn pane_number(&self, time: i64) -> i64 {
        let since = i128::from(time) - i128::from(self.offset);
        since.div_euclid(i128::from(self.slide)).clamp(i128::from(i64::MIN), i128::from(i64::MAX) - 1) as i64
    }

    /// Its first instant.
    pub(in crate::nodes) fn pane_start(&self, number: i64) -> i64 {
        number.saturating_mul(self.slide).saturating_add(self.offset)
    }

    /// The pane of an instant.
    pub(in crate::nodes) fn pane_of(&self, time: i64) -> Pane {
        let since = time.rem_euclid(self.slide) - self.offset.rem_euclid(self.slide);
        // How far into its slide it is; relative to `time`, so that nothing wraps at the ends of time.
        let since = if since < 0 { since + self.slide } else { since };
        let (start, end) = if since < self.first { (0, self.first) } else { (self.first, self.slide) };
        Pane { start: time.saturating_sub(since - start), last: time.saturating_add(end - since - 1) }
    }

    /// The numbers of the windows that a pane is in, by an instant of it; empty in a gap between windows.
    pub(in crate::nodes) fn windows_at(&self, time: i64) -> RangeInclusive<i128> {
        let (size, slide) = (i128::from(self.size), i128::from(self.slide));
        let since = i128::from(time) - i128::from(self.offset);
        // The last that has begun, and the first that has not ended.
        (since - size).div_euclid(slide) + 1..=since.div_euclid(slide)
    }

    /// A window by its number.
    pub(in crate::nodes) fn window(&self, number: i128) -> Window {
        let start = number * i128::from(self.slide) + i128::from(self.offset);
        let clamp = |time: i128| time.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
        Window { start: clamp(start), end: clamp(start + i128::from(self.size)) }
    }

    /// The number of the first window that a watermark has not fired.
    pub(in crate::nodes) fn first_unfired(&self, watermark: i64) -> i128 {
        // Its last instant is after the watermark.
        let end = i128::from(watermark) + 1 - i128::from(self.offset) - i128::from(self.size);
        end.div_euclid(i128::from(self.slide)) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Panes cut time into pieces whose instants are in the same windows, and those are the assigner's.
        #[test]
        fn windows_are_those_of_the_assigner(size in 1..40i64, slide in 1..40i64, offset in -40..40i64, time in prop_oneof![-200..200i64, Just(i64::MAX - 100)]) {
            let window = WindowAssigner::Sliding { size, slide, offset: offset % slide };
            let grid = PaneGrid::new(window).unwrap();
            let pane = grid.pane_of(time);
            prop_assert!(pane.contains(time));
            for at in [pane.start, pane.last] {
                prop_assert_eq!(grid.pane_of(at), pane);
                let windows: Vec<Window> = grid.windows_at(at).map(|k| grid.window(k)).collect();
                prop_assert_eq!(windows, window.assign(time));
            }
            let next = grid.window(grid.first_unfired(time));
            prop_assert!(next.max_time() > time && next.max_time() <= time + slide);
        }

        /// Nothing wraps at the ends of time.
        #[test]
        fn the_ends_of_time_are_in_panes(size in any::<i64>(), slide in any::<i64>(), offset in any::<i64>(), time in any::<i64>()) {
            let (size, slide) = (size.saturating_abs().max(1), slide.saturating_abs().max(1));
            let grid = PaneGrid::new(WindowAssigner::Sliding { size, slide, offset: offset % slide }).unwrap();
            let pane = grid.pane_of(time);
            prop_assert!(pane.contains(time));
            prop_assert_eq!(grid.windows_at(pane.start), grid.windows_at(time));
            prop_assert_eq!(grid.windows_at(pane.last), grid.windows_at(time));
        }
    }
}
