//! Which windows merge into one session. Never holds rows.

use super::{Window, WindowAssigner};

/// Windows that are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedWindow {
    /// What covers them all.
    pub window: Window,
    /// The windows it is made of, each once, by their start.
    pub from: Vec<Window>,
}

impl Window {
    /// Whether the two are one session: they overlap, or one starts where the other ends (Flink's `TimeWindow.intersects`).
    #[must_use]
    pub fn touches(&self, other: &Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }

    /// The least window that holds both.
    #[must_use]
    pub fn cover(&self, other: &Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

impl WindowAssigner {
    /// Merges windows of one key, until none become one. The order of the windows does not matter; the result is by start.
    #[must_use]
    pub fn merge(&self, windows: &[Window]) -> Vec<MergedWindow> {
        merge_by(windows, |a, b| self.joins(a, b))
    }
}

/// Merges windows that touch, until none do. The order of the windows does not matter; the result is by start.
#[must_use]
pub fn merge_touching(windows: &[Window]) -> Vec<MergedWindow> {
    merge_by(windows, Window::touches)
}

fn merge_by(windows: &[Window], joins: impl Fn(&Window, &Window) -> bool) -> Vec<MergedWindow> {
    let mut windows = windows.to_vec();
    windows.sort_unstable();
    windows.dedup();
    let mut merged: Vec<MergedWindow> = Vec::new();
    for window in windows {
        match merged.last_mut() {
            Some(last) if joins(&last.window, &window) => {
                last.window = last.window.cover(&window);
                last.from.push(window);
            }
            _ => merged.push(MergedWindow { window, from: vec![window] }),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn windows() -> impl Strategy<Value = Vec<Window>> {
        prop::collection::vec((-40i64..40, 0i64..8).prop_map(|(start, len)| Window { start, end: start + len }), 0..12)
    }

    proptest! {
        /// What is left does not touch, holds every window exactly once, and is the same whatever came first.
        #[test]
        fn nothing_touches_and_nothing_is_lost(windows in windows(), turn in 0usize..12) {
            let merged = merge_touching(&windows);
            for pair in merged.windows(2) {
                prop_assert!(pair[0].window.end < pair[1].window.start);
            }
            for window in &windows {
                prop_assert_eq!(merged.iter().filter(|m| m.from.contains(window)).count(), 1);
            }
            for m in &merged {
                let cover = m.from.iter().copied().reduce(|a, b| a.cover(&b));
                prop_assert_eq!(cover, Some(m.window));
                prop_assert!(m.from.iter().all(|w| windows.contains(w)));
            }
            let mut turned = windows.clone();
            turned.rotate_left(turn % windows.len().max(1));
            prop_assert_eq!(merge_touching(&turned), merged);
        }

        /// Merging one window after the other, as rows come, ends where merging all at once does.
        #[test]
        fn one_by_one_is_all_at_once(windows in windows()) {
            let mut sessions: Vec<Window> = Vec::new();
            for window in &windows {
                let (touching, mut apart): (Vec<_>, Vec<_>) = sessions.into_iter().partition(|s| s.touches(window));
                apart.push(touching.iter().fold(*window, |a, b| a.cover(b)));
                sessions = apart;
            }
            sessions.sort_unstable();
            let merged: Vec<Window> = merge_touching(&windows).into_iter().map(|m| m.window).collect();
            prop_assert_eq!(sessions, merged);
        }
    }
}
