//! Session windows: every key has sessions, every session a group of accumulators.
//!
//! Rows that extend the latest session of their key or begin one after it, and make nothing fire, are assigned in one pass and
//! accumulated together. Every other row (one that comes late, merges sessions, or belongs to one that has fired) is taken by itself
//! in its place between them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{ArrayRef, AsArray, Int64Array, UInt32Array};
use arrow::datatypes::{FieldRef, Int64Type};
use weir_core::batch::StreamBatch;
use weir_core::window::Window;
use weir_host::{CallError, Failure};
use weir_state::KeyIndex;

use super::WindowSpec;
use super::aggregate_set::AggregateSet;
use super::results::{Fired, Refirings, Results};
use super::session_list::{Session, SessionList, Touch, cover};
use super::window_rows::WindowRows;
use super::window_state::{Progress, StateLayout};
use crate::exchange::take_rows;
use crate::operator::{Operator, OperatorError, Outputs, Snapshot};
use crate::operators::dead_letter::DeadLetters;

/// The operator of session windows.
pub(super) struct SessionWindows {
    spec: WindowSpec,
    value_columns: Vec<Vec<usize>>,
    state_widths: Vec<usize>,
    dead_letters: DeadLetters,
    layout: StateLayout,
    results: Results,
    keys: KeyIndex,
    state: Sessions,
    refirings: Refirings,
    /// The key slot of every row of the batch.
    slots: Vec<u32>,
    ingested_at: i64,
}

/// The sessions of all keys.
struct Sessions {
    gap: i64,
    lateness: i64,
    watermark: i64,
    /// By key slot.
    lists: Vec<SessionList>,
    aggregates: AggregateSet,
    groups: usize,
    free_groups: Vec<u32>,
    /// When to look at a key next, at the latest. One that is not what the key's list says is out of date: extending a session
    /// does not touch it, and its key is asked again when it is due.
    timers: BinaryHeap<Reverse<(i64, u32)>>,
    group_of_row: Vec<u32>,
}

/// What became of a row that is taken by itself.
enum Taken {
    Late,
    In(Session),
}

impl SessionWindows {
    pub(super) fn new(spec: WindowSpec, gap: i64) -> Result<Self, OperatorError> {
        let aggregates = AggregateSet::new(&spec)?;
        let key_fields: Vec<FieldRef> = spec.key_fields();
        Ok(Self {
            value_columns: AggregateSet::columns(&spec),
            state_widths: aggregates.state_widths(),
            dead_letters: DeadLetters::new(spec.on_error, spec.dead_letter_output, spec.metrics.clone()),
            layout: StateLayout::new("sessions", &key_fields, &["start", "end"], aggregates.state_fields()),
            results: Results::new(&spec)?,
            keys: KeyIndex::new(&key_fields)?,
            state: Sessions {
                gap,
                lateness: spec.allowed_lateness_us,
                watermark: Progress::NONE.watermark,
                lists: Vec::new(),
                aggregates,
                groups: 0,
                free_groups: Vec::new(),
                timers: BinaryHeap::new(),
                group_of_row: Vec::new(),
            },
            refirings: Refirings::new(&spec)?,
            slots: Vec::new(),
            ingested_at: Progress::NONE.ingested_at,
            spec,
        })
    }

    /// Takes rows from `start` on, at least one if it does not have to be taken by itself, and returns how far it came. A row that
    /// an aggregate refuses leaves no trace: what comes after it is assigned as if it had not been there.
    fn common_rows(
        &mut self,
        rows: &WindowRows,
        start: usize,
        refused: &mut Vec<(usize, String)>,
    ) -> Result<usize, OperatorError> {
        let state = &mut self.state;
        let mut end = rows.len;
        loop {
            let mut undo = state.aggregates.refuses_rows().then(Vec::new);
            end = state.assign(&rows.times, &self.slots, start..end, undo.as_mut());
            let error = match state.add(rows, start..end) {
                Ok(()) => return Ok(end),
                Err(Failure::Fatal(error)) => return Err(error),
                Err(Failure::Guest(error)) if error.is_fatal() => return Err(error.into()),
                Err(Failure::Guest(error)) => error,
            };
            state.undo(undo.unwrap_or_default());
            end = match &error {
                CallError::Row { row, .. } if *row > 0 && start + row < end => start + row,
                CallError::Row { .. } => start,
                _ => start + (end - start) / 2,
            };
            if end == start {
                refused.push((start, reason_of(error)));
                return Ok(start + 1);
            }
        }
    }

    /// Takes one row; if its session has fired, it fires again.
    fn single_row(
        &mut self,
        rows: &WindowRows,
        row: usize,
        late: &mut Vec<u32>,
        refused: &mut Vec<(usize, String)>,
    ) -> Result<(), OperatorError> {
        let (slot, time) = (self.slots[row], rows.times[row]);
        match self.state.take_row(&rows.slice(row, 1), slot, time) {
            Ok(Taken::Late) => late.push(row as u32),
            Ok(Taken::In(session)) => {
                if session.window.max_time() <= self.state.watermark {
                    let group = self.refirings.begin(session.window, &self.keys, slot);
                    self.refirings.merge(group, &self.state.aggregates, session.group)?;
                }
            }
            Err(Failure::Guest(error)) if error.is_fatal() => return Err(error.into()),
            Err(Failure::Guest(error)) => refused.push((row, reason_of(error))),
            Err(Failure::Fatal(error)) => return Err(error),
        }
        Ok(())
    }

    /// Forgets the keys of rows that left no session behind.
    fn release(&mut self, rows: impl Iterator<Item = usize>) {
        for row in rows {
            let slot = self.slots[row];
            if self.state.lists[slot as usize].is_empty() {
                self.keys.remove(slot);
            }
        }
    }
}

fn reason_of(error: CallError) -> String {
    match error {
        CallError::Row { reason, .. } => reason,
        other => other.to_string(),
    }
}

/// How to take a row back: the key's slot, and the window of its latest session before (`None`: there was none, it was begun).
type Undo = (u32, Option<Window>);

impl Sessions {
    /// Assigns the rows of a range to groups until one that must be taken by itself, and returns its index.
    fn assign(&mut self, times: &[i64], slots: &[u32], range: Range<usize>, mut undo: Option<&mut Vec<Undo>>) -> usize {
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

    fn undo(&mut self, undo: Vec<Undo>) {
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

    fn take_group(&mut self) -> u32 {
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
    fn add(&mut self, rows: &WindowRows, range: Range<usize>) -> Result<(), Failure<OperatorError>> {
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
    fn take_row(&mut self, row: &WindowRows, slot: u32, time: i64) -> Result<Taken, Failure<OperatorError>> {
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
    fn set_timer(&mut self, slot: u32, window: Window) {
        let due = self.due(window);
        let list = &mut self.lists[slot as usize];
        if list.timer.is_none_or(|timer| due < timer) {
            list.timer = Some(due);
            self.timers.push(Reverse((due, slot)));
        }
    }

    /// Event time goes on: the sessions that fire, with their keys' slots, by time.
    fn advance(&mut self, watermark: i64) -> (Vec<(Session, u32)>, Vec<u32>) {
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
    fn close(&mut self, slot: u32) -> bool {
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

impl Operator for SessionWindows {
    fn process(&mut self, batch: StreamBatch, out: &mut Outputs) -> Result<(), OperatorError> {
        self.ingested_at = self.ingested_at.max(batch.ingested_at);
        let rows = WindowRows::of_batch(&batch, &self.spec.key_columns, &self.value_columns);
        let bound = self.keys.slots(&rows.keys, rows.len, &mut self.slots)?;
        if self.state.lists.len() < bound {
            self.state.lists.resize(bound, SessionList::default());
        }
        let (mut late, mut refused) = (Vec::new(), Vec::new());
        let mut row = 0;
        loop {
            row = self.common_rows(&rows, row, &mut refused)?;
            if row == rows.len {
                break;
            }
            self.single_row(&rows, row, &mut late, &mut refused)?;
            row += 1;
        }
        self.release(late.iter().map(|row| *row as usize).chain(refused.iter().map(|(row, _)| *row)));
        let mut bad = Vec::new();
        for (row, reason) in refused {
            self.dead_letters.take(&batch, row, reason, &mut bad)?;
        }
        self.refirings.emit(&self.results, self.ingested_at, out)?;
        if !late.is_empty() {
            self.spec.metrics.rows_late.fetch_add(late.len() as u64, Ordering::Relaxed);
            if let Some(output) = self.spec.late_output {
                out.emit(output, take_rows(&batch, &UInt32Array::from(late))?);
            }
        }
        self.dead_letters.emit(&batch, bad, out)
    }

    fn on_watermark(&mut self, watermark: i64, out: &mut Outputs) -> Result<(), OperatorError> {
        if watermark <= self.state.watermark {
            return Ok(());
        }
        let (fired, looked_at) = self.state.advance(watermark);
        let key_slots: Vec<u32> = fired.iter().map(|(_, slot)| *slot).collect();
        let windows: Vec<Window> = fired.iter().map(|(session, _)| session.window).collect();
        let groups: Vec<u32> = fired.iter().map(|(session, _)| session.group).collect();
        let (keys, aggregates) = (&self.keys, &self.state.aggregates);
        let fired = Fired { keys, key_slots: &key_slots, windows: &windows, aggregates, groups: &groups };
        self.results.emit(&fired, self.ingested_at, out)?;
        for slot in looked_at {
            if self.state.close(slot) {
                self.keys.remove(slot);
            }
        }
        Ok(())
    }

    fn snapshot(&mut self) -> Result<Snapshot, OperatorError> {
        let (mut slots, mut groups, mut starts, mut ends) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for slot in self.keys.live_slots() {
            for session in self.state.lists[slot as usize].iter() {
                slots.push(slot);
                groups.push(session.group);
                starts.push(session.window.start);
                ends.push(session.window.end);
            }
        }
        let mut columns = self.keys.keys(&slots)?;
        columns.push(Arc::new(Int64Array::from(starts)) as ArrayRef);
        columns.push(Arc::new(Int64Array::from(ends)));
        columns.extend(self.state.aggregates.state(&groups)?);
        let rows = self.layout.batch(columns, slots.len())?;
        let progress = Progress { watermark: self.state.watermark, ingested_at: self.ingested_at };
        self.layout.snapshot(&rows, progress, self.spec.key_groups)
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        let (progress, batches) = self.layout.restore(snapshot)?;
        (self.state.watermark, self.ingested_at) = (progress.watermark, progress.ingested_at);
        let keys = self.layout.keys;
        for batch in batches {
            let rows = WindowRows::of_accumulators(&batch, keys, 2, &self.state_widths);
            let bound = self.keys.slots(&rows.keys, rows.len, &mut self.slots)?;
            self.state.lists.resize(bound, SessionList::default());
            let int64 = |column: usize| batch.column(column).as_primitive::<Int64Type>().values();
            let mut groups = Vec::with_capacity(rows.len);
            for ((start, end), slot) in int64(keys).iter().zip(int64(keys + 1)).zip(&self.slots) {
                let session = Session { window: Window { start: *start, end: *end }, group: self.state.take_group() };
                groups.push(session.group);
                self.state.lists[*slot as usize].replace(&[], session);
                self.state.set_timer(*slot, session.window);
            }
            self.state.aggregates.resize(self.state.groups);
            self.state.aggregates.merge(&groups, &rows)?;
        }
        Ok(())
    }
}
