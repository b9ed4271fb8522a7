//! Session windows: every key has sessions, every session a group of accumulators.
//!
//! Rows of sessions that have not fired are assigned in one pass and accumulated together, whatever their order; sessions that have
//! become one in between are merged after that. Every other row (one that comes late, or belongs to a session that has fired; if rows
//! can be refused, one that is out of order too) is taken by itself in its place between them.

use arrow::array::AsArray;
use arrow::datatypes::{FieldRef, Int64Type};
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_core::window::Window;
use weir_host::{Failure, RejectedRow};
use weir_state::KeyIndex;

use super::WindowSpec;
use super::aggregate_set::AggregateSet;
use super::combine_sessions::PARTIAL_SESSION_BOUNDS;
use super::frozen_groups::{FrozenGroups, Rows};
use super::late_count::LateCount;
use super::results::{Fired, Refirings, Results};
use super::session_list::{Session, SessionList};
use super::sessions::{OwnWindows, Sessions, Taken};
use super::window_rows::WindowRows;
use super::window_state::{StateLayout, Unemitted, WindowProgress};
use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, Time};
use crate::nodes::dead_letter::DeadLetters;

/// The operator of session windows.
pub(super) struct SessionWindows {
    spec: WindowSpec,
    gap: i64,
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
    late: LateCount,
}

impl SessionWindows {
    pub(super) fn new(spec: WindowSpec, gap: i64) -> Result<Self, OperatorError> {
        let aggregates = AggregateSet::new(&spec)?;
        let key_fields: Vec<FieldRef> = spec.key_fields();
        Ok(Self {
            value_columns: AggregateSet::columns(&spec),
            state_widths: aggregates.state_widths(),
            dead_letters: spec.dead_letters(),
            layout: StateLayout::new("sessions", &spec, &key_fields, &["start", "end"], aggregates.state_fields()),
            results: Results::new(&spec)?,
            keys: KeyIndex::new(&key_fields)?,
            gap,
            state: Sessions::new(spec.allowed_lateness_us, aggregates),
            refirings: Refirings::new(&spec)?,
            slots: Vec::new(),
            ingested_at: WindowProgress::NONE.ingested_at,
            late: LateCount::default(),
            spec,
        })
    }

    /// Takes rows from `start` on, at least one if it does not have to be taken by itself, and returns how far it came. A row that
    /// an aggregate refuses leaves no trace: what comes after it is assigned as if it had not been there.
    fn common_rows(
        &mut self,
        rows: &WindowRows,
        windows: OwnWindows<'_>,
        start: usize,
        refused: &mut Vec<(usize, String)>,
    ) -> Result<usize, OperatorError> {
        let state = &mut self.state;
        let mut end = rows.len;
        loop {
            let mut undo = state.aggregates.refuses_rows().then(Vec::new);
            end = state.assign(windows, &self.slots, start..end, undo.as_mut());
            let (good, reason) = match state.add(rows, start..end) {
                Ok(None) => return Ok(end),
                Ok(Some(RejectedRow { row, reason })) => (row, reason),
                Err(Failure::Fatal(error)) => return Err(error),
                Err(Failure::Guest(error)) if error.is_fatal() => return Err(error.into()),
                Err(Failure::Guest(error)) => ((end - start) / 2, error.to_string()),
            };
            state.undo(undo.unwrap_or_default());
            end = start + good;
            if end == start {
                refused.push((start, reason));
                // The rest would be for nothing: the caller fails with this row.
                return Ok(if self.dead_letters.fails() { rows.len } else { start + 1 });
            }
        }
    }

    /// Takes one row; if its session has fired, it fires again.
    fn single_row(
        &mut self,
        rows: &WindowRows,
        own: Window,
        row: usize,
        late: &mut Vec<u32>,
        refused: &mut Vec<(usize, String)>,
    ) -> Result<(), OperatorError> {
        let slot = self.slots[row];
        match self.state.take_row(rows, row, slot, own) {
            Ok(Taken::Late) => late.push(row as u32),
            Ok(Taken::In(session)) => {
                if session.emitted {
                    let groups = self.refirings.begin(&[session.window], &self.keys, &[slot]);
                    self.refirings.merge(&groups, &self.state.aggregates, &[session.group])?;
                }
            }
            Err(Failure::Guest(error)) if error.is_fatal() => return Err(error.into()),
            Err(Failure::Guest(error)) => refused.push((row, error.to_string())),
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

impl Operator for SessionWindows {
    fn process(&mut self, _input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.ingested_at = self.ingested_at.max(batch.ingested_at);
        let keys: Vec<usize> = match self.spec.partials {
            true => (0..self.layout.keys).collect(),
            false => self.spec.key_columns.clone(),
        };
        let (rows, windows) = if self.spec.partials {
            let int64 = |column: usize| batch.rows.column(column).as_primitive::<Int64Type>().values();
            let bounds = (int64(keys.len()), int64(keys.len() + 1));
            let rows = WindowRows::of_accumulators(&batch.rows, keys.len(), PARTIAL_SESSION_BOUNDS, &self.state_widths);
            (rows, OwnWindows::Given { starts: bounds.0, ends: bounds.1 })
        } else {
            let rows = WindowRows::of_batch(&batch, &keys, &self.value_columns);
            (rows, OwnWindows::OfTimes { times: &batch.event_times, gap: self.gap })
        };
        let hashes = batch.key_hashes.as_ref().and_then(|hashes| hashes.of(&keys));
        let bound = self.keys.slots_hashed(&rows.keys, rows.len, hashes, &mut self.slots)?;
        self.state.lists.grow(bound, &SessionList::default());
        let (mut late, mut refused) = (Vec::new(), Vec::new());
        let mut row = 0;
        loop {
            row = self.common_rows(&rows, windows, row, &mut refused)?;
            if row == rows.len {
                break;
            }
            self.single_row(&rows, windows.of_row(row), row, &mut late, &mut refused)?;
            row += 1;
        }
        self.release(late.iter().map(|row| *row as usize).chain(refused.iter().map(|(row, _)| *row)));
        let mut bad = Vec::new();
        for (row, reason) in refused {
            self.dead_letters.take(&batch, row, reason, &mut bad)?;
        }
        self.refirings.emit(&self.results, self.ingested_at, out)?;
        let counts = self.spec.partials.then(|| batch.rows.column(self.layout.keys + 2).as_primitive::<Int64Type>());
        let counted = counts.map(|counts| counts.values().iter().sum::<i64>().max(0).unsigned_abs());
        self.late.rows_in += counted.unwrap_or(rows.len as u64);
        if !late.is_empty() {
            let rows = late.iter().map(|row| counts.map_or(1, |counts| counts.value(*row as usize).max(0) as u64));
            let watermark = self.state.watermark;
            let closes_at =
                |row: &u32| windows.of_row(*row as usize).max_time().saturating_add(self.spec.allowed_lateness_us);
            let late_by =
                late.iter().map(closes_at).min().map_or(0, |at| watermark.saturating_sub(at).saturating_add(1));
            self.late.add(rows.sum(), late_by, &self.spec.metrics);
            self.spec.emit_late(&batch, late, out)?;
        }
        self.dead_letters.emit(&batch, bad, out)?;
        Ok(Progress::Done)
    }

    fn on_time(&mut self, at: Time, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let Time::Watermark(watermark) = at else { return Ok(Progress::Done) };
        if watermark <= self.state.watermark {
            return Ok(Progress::Done);
        }
        self.state.watermark = watermark;
        self.more(out)
    }

    fn more(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let (fired, looked_at) = self.state.take_due(self.spec.result_rows_max);
        let key_slots: Vec<u32> = fired.iter().map(|(_, slot)| *slot).collect();
        let windows: Vec<Window> = fired.iter().map(|(session, _)| session.window).collect();
        let groups: Vec<u32> = fired.iter().map(|(session, _)| session.group).collect();
        let (keys, aggregates) = (&self.keys, &self.state.aggregates);
        let fired = Fired::once(keys, &key_slots, &windows, aggregates, &groups);
        self.results.emit(&fired, self.ingested_at, out)?;
        for slot in looked_at {
            if self.state.close(slot) {
                self.keys.remove(slot);
            }
        }
        Ok(if self.state.has_due() { Progress::More } else { Progress::Done })
    }

    fn state_bytes(&mut self) -> u64 {
        self.keys.memory_bytes() + self.state.memory_bytes()
    }

    fn freeze(&mut self, _cut: Cut) -> Result<Frozen, OperatorError> {
        let (keys, aggregates, lists) = (self.keys.freeze(), self.state.aggregates.freeze(), self.state.lists.freeze());
        let progress =
            WindowProgress { watermark: self.state.watermark, ingested_at: self.ingested_at, late: self.late };
        // Each session says for itself whether it has been emitted.
        let unemitted =
            Unemitted { until: self.state.has_due().then_some(self.state.watermark), ..Unemitted::default() };
        let (layout, key_groups) = (self.layout.clone(), self.spec.key_groups);
        Ok(Frozen::of_state(move || {
            let (mut slots, mut groups, mut windows, mut emitted) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for (slot, list) in (0u32..).zip(lists.iter()) {
                for session in list.iter() {
                    slots.push(slot);
                    groups.push(session.group);
                    windows.push(session.window);
                    emitted.push(session.emitted);
                }
            }
            drop(lists);
            let sessions = FrozenGroups { keys, aggregates, rows: Rows::Windows { slots, groups, windows, emitted } };
            layout.snapshot(&[sessions], progress, unemitted, &[], key_groups)
        }))
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        let (progress, restored) = self.layout.restore(snapshot, &self.spec.input)?;
        (self.state.watermark, self.ingested_at, self.late) = (progress.watermark, progress.ingested_at, progress.late);
        self.late.tell(&self.spec.metrics);
        let keys = self.layout.keys;
        let key_columns = restored.groups.iter().map(|(batch, _)| (&batch.columns()[..keys], batch.num_rows()));
        let slots = self.keys.slots_of_all(&key_columns.collect::<Vec<_>>())?;
        self.state.lists.grow(self.keys.slot_bound(), &SessionList::default());
        let mut slots = slots.iter();
        for (batch, emitted_until) in &restored.groups {
            let rows = WindowRows::of_accumulators(batch, keys, 2, &self.state_widths);
            let int64 = |column: usize| batch.column(column).as_primitive::<Int64Type>().values();
            let emitted_until = emitted_until.as_ref().map(|column| column.as_primitive::<Int64Type>().values());
            let mut groups = Vec::with_capacity(rows.len);
            let bounds = int64(keys).iter().zip(int64(keys + 1)).enumerate();
            for ((row, (start, end)), slot) in bounds.zip(&mut slots) {
                let window = Window { start: *start, end: *end };
                let until = emitted_until.map_or(self.state.watermark, |until| until[row]);
                let session = Session { window, group: self.state.take_group(), emitted: window.max_time() <= until };
                groups.push(session.group);
                self.state.lists[*slot as usize].insert(session);
                self.state.set_timer(*slot, self.state.due(&session));
            }
            self.state.aggregates.resize(self.state.groups);
            self.state.aggregates.merge(&groups, &rows)?;
        }
        Ok(())
    }
}
