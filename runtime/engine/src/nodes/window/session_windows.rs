//! Session windows: every key has sessions, every session a group of accumulators.
//!
//! Rows that extend the latest session of their key or begin one after it, and make nothing fire, are assigned in one pass and
//! accumulated together. Every other row (one that comes late, merges sessions, or belongs to one that has fired) is taken by itself
//! in its place between them.

use std::sync::atomic::Ordering;

use arrow::array::{AsArray, UInt32Array};
use arrow::datatypes::{FieldRef, Int64Type};
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_core::window::Window;
use weir_host::{CallError, Failure};
use weir_state::KeyIndex;

use super::WindowSpec;
use super::aggregate_set::AggregateSet;
use super::frozen_groups::{FrozenGroups, Rows};
use super::results::{Fired, Refirings, Results};
use super::session_list::{Session, SessionList};
use super::sessions::{Sessions, Taken};
use super::window_rows::WindowRows;
use super::window_state::{StateLayout, WindowProgress};
use crate::dataflow::exchange::take_rows;
use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, Time};
use crate::nodes::dead_letter::DeadLetters;

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

impl SessionWindows {
    pub(super) fn new(spec: WindowSpec, gap: i64) -> Result<Self, OperatorError> {
        let aggregates = AggregateSet::new(&spec)?;
        let key_fields: Vec<FieldRef> = spec.key_fields();
        Ok(Self {
            value_columns: AggregateSet::columns(&spec),
            state_widths: aggregates.state_widths(),
            dead_letters: DeadLetters::new(spec.on_error, spec.dead_letter_output, spec.metrics.clone()),
            layout: StateLayout::new(
                "sessions",
                &spec.window,
                &key_fields,
                &["start", "end"],
                aggregates.state_fields(),
            ),
            results: Results::new(&spec)?,
            keys: KeyIndex::new(&key_fields)?,
            state: Sessions::new(gap, spec.allowed_lateness_us, aggregates),
            refirings: Refirings::new(&spec)?,
            slots: Vec::new(),
            ingested_at: WindowProgress::NONE.ingested_at,
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
                // The rest would be for nothing: the caller fails with this row.
                return Ok(if self.dead_letters.fails() { rows.len } else { start + 1 });
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

impl Operator for SessionWindows {
    fn process(&mut self, _input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.ingested_at = self.ingested_at.max(batch.ingested_at);
        let rows = WindowRows::of_batch(&batch, &self.spec.key_columns, &self.value_columns);
        let hashes = batch.key_hashes.as_ref().and_then(|hashes| hashes.of(&self.spec.key_columns));
        let bound = self.keys.slots_hashed(&rows.keys, rows.len, hashes, &mut self.slots)?;
        self.state.lists.grow(bound, &SessionList::default());
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
        self.dead_letters.emit(&batch, bad, out)?;
        Ok(Progress::Done)
    }

    fn on_time(&mut self, at: Time, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let Time::Watermark(watermark) = at else { return Ok(Progress::Done) };
        if watermark <= self.state.watermark {
            return Ok(Progress::Done);
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
        Ok(Progress::Done)
    }

    fn freeze(&mut self, _cut: Cut) -> Result<Frozen, OperatorError> {
        let (keys, aggregates, lists) = (self.keys.freeze(), self.state.aggregates.freeze(), self.state.lists.freeze());
        let progress = WindowProgress { watermark: self.state.watermark, ingested_at: self.ingested_at };
        let (layout, key_groups) = (self.layout.clone(), self.spec.key_groups);
        Ok(Frozen::new(move || {
            let (mut slots, mut groups, mut windows) = (Vec::new(), Vec::new(), Vec::new());
            for (slot, list) in (0u32..).zip(lists.iter()) {
                for session in list.iter() {
                    slots.push(slot);
                    groups.push(session.group);
                    windows.push(session.window);
                }
            }
            drop(lists);
            let sessions = FrozenGroups { keys, aggregates, rows: Rows::Windows { slots, groups, windows } };
            layout.snapshot(&[sessions], progress, key_groups)
        }))
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        let (progress, batches) = self.layout.restore(snapshot)?;
        (self.state.watermark, self.ingested_at) = (progress.watermark, progress.ingested_at);
        let keys = self.layout.keys;
        let key_columns = batches.iter().map(|batch| (&batch.columns()[..keys], batch.num_rows()));
        let slots = self.keys.slots_of_all(&key_columns.collect::<Vec<_>>())?;
        self.state.lists.grow(self.keys.slot_bound(), &SessionList::default());
        let mut slots = slots.iter();
        for batch in &batches {
            let rows = WindowRows::of_accumulators(batch, keys, 2, &self.state_widths);
            let int64 = |column: usize| batch.column(column).as_primitive::<Int64Type>().values();
            let mut groups = Vec::with_capacity(rows.len);
            for ((start, end), slot) in int64(keys).iter().zip(int64(keys + 1)).zip(&mut slots) {
                let session = Session { window: Window { start: *start, end: *end }, group: self.state.take_group() };
                groups.push(session.group);
                self.state.lists[*slot as usize].insert(session);
                self.state.set_timer(*slot, session.window);
            }
            self.state.aggregates.resize(self.state.groups);
            self.state.aggregates.merge(&groups, &rows)?;
        }
        Ok(())
    }
}
