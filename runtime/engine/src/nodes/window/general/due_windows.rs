//! [`DueWindows`]: when something of windows is due, by one clock. It knows no window: one that is due at another time by now is skipped,
//! and its owner puts all in anew when there are too many of those.

use std::collections::{BTreeMap, VecDeque};

use crate::nodes::window::entry::NEVER;

/// Windows by time; those of a time in the order in which they were added.
#[derive(Default)]
pub(super) struct DueWindows {
    by_time: BTreeMap<i64, VecDeque<u32>>,
    len: usize,
}

impl DueWindows {
    /// How many there are, those that are due at another time by now included.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        (self.len * size_of::<u32>() + self.by_time.len() * size_of::<(i64, VecDeque<u32>)>()) as u64
    }

    /// The earliest time, which may be one that nothing is due at any more; if there is none, that which is never.
    pub(super) fn first_time(&self) -> i64 {
        self.by_time.first_key_value().map_or(NEVER, |(time, _)| *time)
    }

    pub(super) fn add(&mut self, time: i64, number: u32) {
        self.by_time.entry(time).or_default().push_back(number);
        self.len += 1;
    }

    /// The first window, if it is due at a time. `is_due` says whether a window is due when it is here.
    pub(super) fn first(&mut self, until: i64, is_due: impl Fn(u32, i64) -> bool) -> Option<(i64, u32)> {
        while let Some(mut first) = self.by_time.first_entry()
            && *first.key() <= until
        {
            let time = *first.key();
            while let Some(number) = first.get().front().copied() {
                if is_due(number, time) {
                    return Some((time, number));
                }
                first.get_mut().pop_front();
                self.len -= 1;
            }
            first.remove();
        }
        None
    }

    /// Takes out what [`DueWindows::first`] has said.
    pub(super) fn pop(&mut self) {
        if let Some(mut first) = self.by_time.first_entry() {
            self.len -= usize::from(first.get_mut().pop_front().is_some());
        }
    }
}
