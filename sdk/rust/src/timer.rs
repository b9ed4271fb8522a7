//! Timers that an operator registers and deletes during a call.

use std::collections::HashMap;

use crate::timestamp::Timestamp;
use crate::wire::{self, TimeDomain, TimerChanges};

/// A timer that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// When it was due.
    pub time: Timestamp,
    /// The clock that it follows.
    pub domain: TimeDomain,
}

/// The timers of one key. A timer is its time: registering it twice is registering it once.
#[derive(Debug)]
pub struct Timers<'c> {
    key: u32,
    changes: &'c mut Changes,
}

impl<'c> Timers<'c> {
    pub(crate) fn new(key: u32, changes: &'c mut Changes) -> Self {
        Self { key, changes }
    }

    /// Calls `on_timer` once the watermark has reached `time`.
    pub fn register(&mut self, time: Timestamp) {
        self.change(TimeDomain::EventTime, time, true);
    }

    /// Forgets a timer of [`Timers::register`].
    pub fn delete(&mut self, time: Timestamp) {
        self.change(TimeDomain::EventTime, time, false);
    }

    /// Calls `on_timer` once the wall clock has reached `time`; at once, if it is past. At the end of the input it is not called.
    pub fn register_processing_time(&mut self, time: Timestamp) {
        self.change(TimeDomain::ProcessingTime, time, true);
    }

    /// Forgets a timer of [`Timers::register_processing_time`].
    pub fn delete_processing_time(&mut self, time: Timestamp) {
        self.change(TimeDomain::ProcessingTime, time, false);
    }

    fn change(&mut self, domain: TimeDomain, time: Timestamp, register: bool) {
        let change = Change { domain, key: self.key, time: time.0, register };
        // Rows of a key often come together and want the same timer.
        if self.changes.in_order.last() != Some(&change) {
            self.changes.in_order.push(change);
        }
    }
}

/// The changes of a call, in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    in_order: Vec<Change>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Change {
    domain: TimeDomain,
    key: u32,
    time: i64,
    register: bool,
}

impl Changes {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.in_order.len()
    }

    /// Forgets all but the first ones.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.in_order.truncate(len);
    }

    /// As the host applies them: deletions first.
    pub(crate) fn finish(mut self) -> TimerChanges {
        // So what was deleted after it was registered must not be registered; with no deletion the order does not matter.
        if self.in_order.iter().any(|c| !c.register) {
            let mut last = HashMap::new();
            for (at, change) in self.in_order.iter().enumerate() {
                last.insert((change.domain, change.key, change.time), at);
            }
            let mut at = 0..self.in_order.len();
            self.in_order.retain(|c| last.get(&(c.domain, c.key, c.time)).copied() == at.next());
        }
        TimerChanges { add: self.lists(true), remove: self.lists(false) }
    }

    fn lists(&self, register: bool) -> Vec<wire::Timers> {
        let domains = [TimeDomain::EventTime, TimeDomain::ProcessingTime].into_iter();
        let list = |domain| {
            let mine = || self.in_order.iter().filter(move |c| c.domain == domain && c.register == register);
            let keys = mine().map(|c| c.key.to_le_bytes()).collect::<Vec<_>>().into_flattened();
            let times = mine().map(|c| c.time.to_le_bytes()).collect::<Vec<_>>().into_flattened();
            wire::Timers { domain, keys, times }
        };
        domains.map(list).filter(|t| !t.keys.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_change_of_a_timer_counts() {
        let mut changes = Changes::default();
        let mut timers = Timers::new(3, &mut changes);
        timers.register(Timestamp(1));
        timers.register(Timestamp(2));
        timers.delete(Timestamp(1));
        timers.delete(Timestamp(5));
        timers.register(Timestamp(5));
        let made = changes.finish();
        let times = |lists: &[wire::Timers]| lists.iter().flat_map(|l| l.times.clone()).step_by(8).collect::<Vec<_>>();
        assert_eq!((times(&made.add), times(&made.remove)), (vec![2, 5], vec![1]));
    }
}
