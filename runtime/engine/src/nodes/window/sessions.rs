//! The sessions of all keys: rows in, groups out. It knows accumulators and time, but not what is emitted where.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use weir_core::window::Window;
use weir_host::Failure;
use weir_state::ChunkedVec;

use super::aggregate_set::AggregateSet;
use super::session_list::{Session, SessionList, Touch, cover};
use super::window_rows::WindowRows;
use super::window_state::WindowProgress;
use crate::dataflow::operator::OperatorError;

/// The sessions of all keys.
pub(super) struct Sessions {
    gap: i64,
    lateness: i64,
    pub(super) watermark: i64,
    /// By key slot.
    pub(super) lists: ChunkedVec<SessionList>,
    pub(super) aggregates: AggregateSet,
    pub(super) groups: usize,
    free_groups: Vec<u32>,
    /// When to look at a key next, at the latest. One that is not what the key's list says is out of date: extending a session
    /// does not touch it, and its key is asked again when it is due.
    timers: BinaryHeap<Reverse<(i64, u32)>>,
    group_of_row: Vec<u32>,
}

/// What became of a row that is taken by itself.
pub(super) enum Taken {
    Late,
    In(Session),
}

/// How to take a row back: the key's slot, and the window of its latest session before (`None`: there was none, it was begun).
pub(super) type Undo = (u32, Option<Window>);

impl Sessions {
    pub(super) fn new(gap: i64, lateness: i64, aggregates: AggregateSet) -> Self {
        Self {
            gap,
            lateness,
            watermark: WindowProgress::NONE.watermark,
            lists: ChunkedVec::new(),
            aggregates,
            groups: 0,
            free_groups: Vec::new(),
            timers: BinaryHeap::new(),
            group_of_row: Vec::new(),
        }
    }

    /// Assigns the rows of a range to groups until one that must be taken by itself, and returns its index.
    pub(super) fn assign(
        &mut self,
        times: &[i64],
        slots: &[u32],
        range: Range<usize>,
        mut undo: Option<&mut Vec<Undo>>,
    ) -> usize {
        self.group_of_row.clear();
        let rows = times[range.clone()].iter().zip(&slots[range.clone()]);
        for (row, (time, slot)) in range.clone().zip(rows) {
            let window = Window { start: *time, end: time.saturating_add(self.gap) };
            let list = &mut self.lists[*slot as usize];
            let group = match list.touch(window) {
                Touch::Last(window, group) if window.max_time() > self.watermark => {
                    if let Some(undo) = &mut undo {
                        undo.push((*slot, list.iter().last().map(|s| s.window)));
                    }
                    list.set_last(window);
                    // If it had fired, its key is only due when it closes; now it fires again before that.
                    if list.timer.is_none_or(|timer| window.max_time() < timer) {
                        self.set_timer(*slot, window);
                    }
                    group
                }
                Touch::New(window) if window.max_time() > self.watermark => {
                    if let Some(undo) = &mut undo {
                        undo.push((*slot, None));
                    }
                    self.begin(*slot, window)
                }
                _ => return row,
            };
            self.group_of_row.push(group);
        }
        range.end
    }

    pub(super) fn undo(&mut self, undo: Vec<Undo>) {
        for (slot, before) in undo.into_iter().rev() {
            let list = &mut self.lists[slot as usize];
            match before {
                Some(window) => list.set_last(window),
                None => {
                    self.free_groups.extend(list.iter().last().map(|s| s.group));
                    list.pop();
                }
            }
        }
    }

    /// Begins a session after all others of a key.
    fn begin(&mut self, slot: u32, window: Window) -> u32 {
        let group = self.take_group();
        self.lists[slot as usize].push(Session { window, group });
        self.set_timer(slot, window);
        group
    }

    pub(super) fn take_group(&mut self) -> u32 {
        self.free_groups.pop().unwrap_or_else(|| {
            self.groups += 1;
            self.groups as u32 - 1
        })
    }

    fn free_group(&mut self, group: u32) {
        self.aggregates.reset(group);
        self.free_groups.push(group);
    }

    /// Accumulates the rows of a range that was assigned.
    pub(super) fn add(&mut self, rows: &WindowRows, range: Range<usize>) -> Result<(), Failure<OperatorError>> {
        if range.is_empty() {
            return Ok(());
        }
        let part = (range.len() < rows.len).then(|| rows.slice(range.start, range.len()));
        let rows = part.as_ref().unwrap_or(rows);
        self.aggregates.resize(self.groups);
        self.aggregates.stage(&self.group_of_row, rows)?;
        self.aggregates.update(&self.group_of_row, rows).map_err(Failure::Fatal)
    }

    fn is_closed(&self, window: Window) -> bool {
        window.max_time().saturating_add(self.lateness) <= self.watermark
    }

    /// Takes one row, whatever it does. Nothing has changed if it is refused.
    pub(super) fn take_row(&mut self, row: &WindowRows, slot: u32, time: i64) -> Result<Taken, Failure<OperatorError>> {
        let own = Window { start: time, end: time.saturating_add(self.gap) };
        let touching = self.lists[slot as usize].touching(own);
        // A session that is not closed keeps open whatever it is merged with.
        if touching.is_empty() && self.is_closed(own) {
            return Ok(Taken::Late);
        }
        let window = touching.iter().fold(own, |all, s| cover(all, s.window));
        let new = touching.is_empty().then(|| self.take_group());
        let group = new.or(touching.first().map(|s| s.group)).unwrap_or_default();
        self.aggregates.resize(self.groups);
        if let Err(error) = self.aggregates.stage(&[group], row) {
            self.free_groups.extend(new);
            return Err(error);
        }
        self.aggregates.update(&[group], row).map_err(Failure::Fatal)?;
        for other in touching.iter().skip(1) {
            self.aggregates.absorb(group, other.group).map_err(Failure::Fatal)?;
            self.free_groups.push(other.group);
        }
        let session = Session { window, group };
        self.lists[slot as usize].replace(&touching, session);
        self.set_timer(slot, window);
        Ok(Taken::In(session))
    }

    /// When a session needs to be looked at next: to fire, or if it has, to close.
    fn due(&self, window: Window) -> i64 {
        let fires_at = window.max_time();
        if fires_at > self.watermark { fires_at } else { fires_at.saturating_add(self.lateness) }
    }

    /// Makes sure that a key is looked at in time for a session of these bounds.
    pub(super) fn set_timer(&mut self, slot: u32, window: Window) {
        let due = self.due(window);
        let list = &mut self.lists[slot as usize];
        if list.timer.is_none_or(|timer| due < timer) {
            list.timer = Some(due);
            self.timers.push(Reverse((due, slot)));
        }
    }

    /// Event time goes on: the sessions that fire, with their keys' slots, by time.
    pub(super) fn advance(&mut self, watermark: i64) -> (Vec<(Session, u32)>, Vec<u32>) {
        let before = std::mem::replace(&mut self.watermark, watermark);
        let (mut fired, mut looked_at) = (Vec::new(), Vec::new());
        while let Some(Reverse((time, slot))) =
            self.timers.peek().copied().filter(|Reverse((time, _))| *time <= watermark)
        {
            self.timers.pop();
            let list = &mut self.lists[slot as usize];
            if list.timer != Some(time) {
                continue;
            }
            list.timer = None;
            let fires = |s: &Session| s.window.max_time() > before && s.window.max_time() <= watermark;
            fired.extend(list.iter().filter(fires).map(|s| (s, slot)));
            looked_at.push(slot);
        }
        fired.sort_by_key(|(session, _)| session.window.end);
        (fired, looked_at)
    }

    /// Lets go the sessions of a key that are closed. Returns whether none is left.
    pub(super) fn close(&mut self, slot: u32) -> bool {
        let (closed, open): (Vec<Session>, Vec<Session>) =
            self.lists[slot as usize].iter().partition(|s| self.is_closed(s.window));
        for session in &open {
            self.set_timer(slot, session.window);
        }
        let none_left = open.is_empty();
        if !closed.is_empty() {
            self.lists[slot as usize].set(open);
        }
        closed.iter().for_each(|session| self.free_group(session.group));
        none_left
    }
}
