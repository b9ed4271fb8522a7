//! The sessions of all keys: rows in, groups out. It knows accumulators and time, but not what is emitted where.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use weir_core::window::Window;
use weir_host::{CallError, Failure, RejectedRow};
use weir_state::ChunkedVec;

use super::aggregate_set::AggregateSet;
use super::session_list::{Session, SessionList, Touch, cover};
use super::window_rows::WindowRows;
use super::window_state::WindowProgress;
use crate::dataflow::operator::OperatorError;

/// The sessions of all keys.
pub(super) struct Sessions {
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
    /// Of the rows that were assigned last.
    pub(super) group_of_row: Vec<u32>,
    /// Groups that have become one since: the second goes into the first, in this order, once the rows are added.
    pub(super) absorbs: Vec<(u32, u32)>,
}

/// The windows of rows before any are merged.
#[derive(Clone, Copy)]
pub(super) enum OwnWindows<'a> {
    /// Of single rows.
    OfTimes { times: &'a [i64], gap: i64 },
    /// Of rows that were combined.
    Given { starts: &'a [i64], ends: &'a [i64] },
}

impl OwnWindows<'_> {
    #[inline]
    pub(super) fn of_row(&self, row: usize) -> Window {
        match self {
            Self::OfTimes { times, gap } => Window { start: times[row], end: times[row].saturating_add(*gap) },
            Self::Given { starts, ends } => Window { start: starts[row], end: ends[row] },
        }
    }
}

/// What happened to a row that is taken by itself.
pub(super) enum Taken {
    Late,
    In(Session),
}

/// How to take a row back: the key's slot, and the window of its latest session before (`None`: there was none, it was begun).
pub(super) type Undo = (u32, Option<Window>);

impl Sessions {
    pub(super) fn new(lateness: i64, aggregates: AggregateSet) -> Self {
        Self {
            lateness,
            watermark: WindowProgress::NONE.watermark,
            lists: ChunkedVec::new(),
            aggregates,
            groups: 0,
            free_groups: Vec::new(),
            timers: BinaryHeap::new(),
            group_of_row: Vec::new(),
            absorbs: Vec::new(),
        }
    }

    /// Bytes that sessions and accumulators take.
    pub(super) fn memory_bytes(&mut self) -> u64 {
        // Of the sessions of a key all but the last are elsewhere.
        let sessions = self.groups * size_of::<Session>();
        let timers = self.timers.len() * size_of::<(i64, u32)>() + self.free_groups.len() * size_of::<u32>();
        self.lists.memory_bytes() + self.aggregates.memory_bytes() + (sessions + timers) as u64
    }

    /// Assigns the rows of a range to groups until one that must be taken by itself, and returns its index.
    pub(super) fn assign(
        &mut self,
        windows: OwnWindows<'_>,
        slots: &[u32],
        range: Range<usize>,
        mut undo: Option<&mut Vec<Undo>>,
    ) -> usize {
        self.group_of_row.clear();
        for (row, slot) in range.clone().zip(&slots[range.clone()]) {
            let window = windows.of_row(row);
            let list = &mut self.lists[*slot as usize];
            let group = match list.touch(window) {
                Touch::Last(window, group) if window.max_time() > self.watermark => {
                    if let Some(undo) = &mut undo {
                        undo.push((*slot, list.iter().last().map(|s| s.window)));
                    }
                    list.set_last(window, false);
                    // If it had fired, its key is only due when it closes; now it fires again before that.
                    if list.timer.is_none_or(|timer| window.max_time() < timer) {
                        self.set_timer(*slot, window.max_time());
                    }
                    group
                }
                Touch::New(window) if window.max_time() > self.watermark => {
                    if let Some(undo) = &mut undo {
                        undo.push((*slot, None));
                    }
                    self.begin(*slot, window)
                }
                // What it changes is not undone.
                Touch::OutOfOrder if undo.is_none() => {
                    let (groups, free) = (&mut self.groups, &mut self.free_groups);
                    let joined = list.join(window, self.watermark, || take_group(groups, free), &mut self.absorbs);
                    let Some((window, group)) = joined else { return row };
                    self.set_timer(*slot, window.max_time());
                    group
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
                Some(window) => list.set_last(window, window.max_time() <= self.watermark),
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
        self.lists[slot as usize].push(Session { window, group, emitted: false });
        self.set_timer(slot, window.max_time());
        group
    }

    pub(super) fn take_group(&mut self) -> u32 {
        take_group(&mut self.groups, &mut self.free_groups)
    }

    fn free_group(&mut self, group: u32) {
        self.aggregates.reset(group);
        self.free_groups.push(group);
    }

    /// Accumulates the rows of a range that was assigned, or returns the first that is refused; then nothing has changed.
    pub(super) fn add(
        &mut self,
        rows: &WindowRows,
        range: Range<usize>,
    ) -> Result<Option<RejectedRow>, Failure<OperatorError>> {
        if range.is_empty() {
            return Ok(None);
        }
        let part = (range.len() < rows.len).then(|| rows.slice(range.start, range.len()));
        let rows = part.as_ref().unwrap_or(rows);
        self.aggregates.resize(self.groups);
        if rows.are_accumulators() {
            self.aggregates.merge(&self.group_of_row, rows).map_err(Failure::Fatal)?;
        } else {
            if let Some(first) = self.aggregates.stage(&self.group_of_row, rows)?.into_iter().next() {
                return Ok(Some(first));
            }
            self.aggregates.update(&self.group_of_row, rows).map_err(Failure::Fatal)?;
        }
        for (group, from) in self.absorbs.drain(..) {
            self.aggregates.absorb(group, from).map_err(Failure::Fatal)?;
            self.free_groups.push(from);
        }
        Ok(None)
    }

    fn is_closed(&self, window: Window) -> bool {
        window.max_time().saturating_add(self.lateness) <= self.watermark
    }

    /// Takes one row, whatever it does, by its own window. Nothing has changed if it is refused.
    pub(super) fn take_row(
        &mut self,
        rows: &WindowRows,
        row: usize,
        slot: u32,
        own: Window,
    ) -> Result<Taken, Failure<OperatorError>> {
        let touching = self.lists[slot as usize].touching(own);
        // A session that is not closed keeps open whatever it is merged with.
        if touching.is_empty() && self.is_closed(own) {
            return Ok(Taken::Late);
        }
        let row = &rows.slice(row, 1);
        let window = touching.iter().fold(own, |all, s| cover(all, s.window));
        let new = touching.is_empty().then(|| self.take_group());
        let group = new.or(touching.first().map(|s| s.group)).unwrap_or_default();
        self.aggregates.resize(self.groups);
        if row.are_accumulators() {
            self.aggregates.merge(&[group], row).map_err(Failure::Fatal)?;
        } else {
            let refused = match self.aggregates.stage(&[group], row) {
                Ok(rejected) => rejected.into_iter().next().map(|first| Failure::Guest(CallError::Call(first.reason))),
                Err(failure) => Some(failure),
            };
            if let Some(failure) = refused {
                self.free_groups.extend(new);
                return Err(failure);
            }
            self.aggregates.update(&[group], row).map_err(Failure::Fatal)?;
        }
        for other in touching.iter().skip(1) {
            self.aggregates.absorb(group, other.group).map_err(Failure::Fatal)?;
            self.free_groups.push(other.group);
        }
        let session = Session { window, group, emitted: window.max_time() <= self.watermark };
        self.lists[slot as usize].replace(&touching, session);
        self.set_timer(slot, self.due(&session));
        Ok(Taken::In(session))
    }

    /// When a session needs to be looked at next: to fire, or if it has, to close.
    pub(super) fn due(&self, session: &Session) -> i64 {
        let fires_at = session.window.max_time();
        if session.emitted { fires_at.saturating_add(self.lateness) } else { fires_at }
    }

    /// Makes sure that a key is looked at in time.
    pub(super) fn set_timer(&mut self, slot: u32, due: i64) {
        let list = &mut self.lists[slot as usize];
        if list.timer.is_none_or(|timer| due < timer) {
            list.timer = Some(due);
            self.timers.push(Reverse((due, slot)));
        }
    }

    /// Whether a session that the watermark has completed may still be to be emitted.
    pub(super) fn has_due(&self) -> bool {
        self.timers.peek().is_some_and(|Reverse((time, _))| *time <= self.watermark)
    }

    /// Takes the next sessions that the watermark has completed, at most `max`, by time, with their keys' slots; and the keys all of
    /// whose sessions have been looked at.
    pub(super) fn take_due(&mut self, max: usize) -> (Vec<(Session, u32)>, Vec<u32>) {
        let (mut fired, mut looked_at) = (Vec::new(), Vec::new());
        while fired.len() < max
            && looked_at.len() < max
            && let Some(Reverse((time, slot))) =
                self.timers.peek().copied().filter(|Reverse((time, _))| *time <= self.watermark)
        {
            let list = &mut self.lists[slot as usize];
            if list.timer != Some(time) {
                self.timers.pop();
                continue;
            }
            let watermark = self.watermark;
            let mut due = list.iter_mut().filter(|s| !s.emitted && s.window.max_time() <= watermark);
            for session in due.by_ref().take(max - fired.len()) {
                session.emitted = true;
                fired.push((*session, slot));
            }
            let is_left = due.next().is_some();
            drop(due);
            if is_left {
                break;
            }
            list.timer = None;
            self.timers.pop();
            looked_at.push(slot);
        }
        fired.sort_by_key(|(session, _)| session.window.end);
        (fired, looked_at)
    }

    /// Forgets all sessions; the memory is kept.
    pub(super) fn clear(&mut self) {
        self.lists.clear();
        self.aggregates.clear();
        self.timers.clear();
        self.free_groups.clear();
        self.groups = 0;
    }

    /// Lets go the sessions of a key that are closed. Returns whether none is left.
    pub(super) fn close(&mut self, slot: u32) -> bool {
        let (closed, open): (Vec<Session>, Vec<Session>) =
            self.lists[slot as usize].iter().partition(|s| self.is_closed(s.window));
        for session in &open {
            self.set_timer(slot, self.due(session));
        }
        let none_left = open.is_empty();
        if !closed.is_empty() {
            self.lists[slot as usize].set(open);
        }
        closed.iter().for_each(|session| self.free_group(session.group));
        none_left
    }
}

fn take_group(groups: &mut usize, free: &mut Vec<u32>) -> u32 {
    free.pop().unwrap_or_else(|| {
        *groups += 1;
        *groups as u32 - 1
    })
}
