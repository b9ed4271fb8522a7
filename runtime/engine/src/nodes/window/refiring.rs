//! Rows that come late, for windows that have fired and are still open: each makes every such window of it fire again, with what
//! the window holds at that row. So that this does not depend on how rows come in batches, rows of one key are taken one by one; in
//! tumbling windows, rows of different keys together.
//!
//! All windows of a row hold the row's pane. So what its key has in the panes around is summed up once from that pane to either
//! side, and a window's result is one sum of each: a row of a day that slides by the minute costs some thousand additions, and
//! not the square of that.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::concat_batches;
use arrow::datatypes::{Int64Type, Schema, SchemaRef};
use weir_core::batch::StreamBatch;
use weir_core::window::Window;
use weir_state::KeyIndex;

use super::WindowSpec;
use super::aggregate_set::AggregateSet;
use super::group_table::GroupTable;
use super::pane_store::PaneStore;
use super::panes::PaneGrid;
use super::results::{Refirings, Results};
use super::window_rows::WindowRows;
use super::window_state::refiring_fields;
use crate::dataflow::exchange::take_rows;
use crate::dataflow::operator::{OperatorError, Outputs, Progress};
use crate::nodes::dead_letter::{BadRow, DeadLetters};

/// The rows of a batch whose windows are still to fire again.
pub(super) struct RefiringRows {
    key_columns: Vec<usize>,
    value_columns: Vec<Vec<usize>>,
    grid: PaneGrid,
    batch: Option<StreamBatch>,
    /// Of each row that had been added when the state was frozen, up to when its windows have fired again.
    emitted_until: Vec<Option<i64>>,
    /// Numbers the keys of the batch.
    keys: KeyIndex,
    key_of_row: Vec<u32>,
    /// One more than the last row of each key that was taken.
    taken_of_key: Vec<usize>,
    /// The row that is next, or whose windows are firing.
    next: usize,
    /// The windows of that row that are still to fire again; `None`: it has not been added yet.
    windows: Option<Range<i128>>,
    sums: Sums,
    results: Refirings,
}

/// What a refiring reads and changes.
pub(super) struct RefiringContext<'a> {
    pub(super) panes: &'a mut PaneStore,
    /// The numbers of the windows that have fired and are still open.
    pub(super) fired: Range<i128>,
    pub(super) dead_letters: &'a DeadLetters,
    pub(super) results: &'a Results,
    pub(super) rows_max: usize,
    pub(super) ingested_at: i64,
}

impl RefiringRows {
    pub(super) fn new(spec: &WindowSpec, grid: PaneGrid) -> Result<Self, OperatorError> {
        Ok(Self {
            key_columns: spec.key_columns.clone(),
            value_columns: AggregateSet::columns(spec),
            grid,
            batch: None,
            emitted_until: Vec::new(),
            keys: KeyIndex::new(&spec.key_fields())?,
            key_of_row: Vec::new(),
            taken_of_key: Vec::new(),
            next: 0,
            windows: None,
            sums: Sums::new(spec)?,
            results: Refirings::new(spec)?,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_none()
    }

    /// Takes rows of a batch, in order, when all that it took before have been emitted.
    pub(super) fn take(&mut self, batch: &StreamBatch, rows: Vec<u32>) -> Result<(), OperatorError> {
        debug_assert!(self.is_empty(), "no rows come before the windows of the last ones have fired");
        if !rows.is_empty() {
            let all = rows.len() == batch.len();
            self.begin(if all { batch.clone() } else { take_rows(batch, &UInt32Array::from(rows))? })?;
        }
        Ok(())
    }

    fn begin(&mut self, batch: StreamBatch) -> Result<(), OperatorError> {
        let keys: Vec<ArrayRef> = self.key_columns.iter().map(|key| batch.rows.column(*key).clone()).collect();
        self.keys.clear();
        let bound = self.keys.slots(&keys, batch.len(), &mut self.key_of_row)?;
        self.taken_of_key.clear();
        self.taken_of_key.resize(bound, 0);
        self.batch = Some(batch);
        Ok(())
    }

    /// Adds the next rows and emits the windows that fire again, at most so many.
    pub(super) fn part(&mut self, mut cx: RefiringContext<'_>, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let Some(batch) = self.batch.clone() else { return Ok(Progress::Done) };
        let rows = WindowRows::of_batch(&batch, &self.key_columns, &self.value_columns);
        // Rows that were frozen one by one continue one by one.
        let together = self.grid.is_tumbling() && self.emitted_until.is_empty() && !cx.panes.refuses_rows();
        let mut bad = Vec::new();
        let mut room = cx.rows_max;
        while self.next < rows.len && room > 0 {
            room -= match together {
                true => self.distinct_rows(cx.panes, &rows, room)?,
                false => self.single_row(&mut cx, &batch, &rows, room, &mut bad)?,
            };
        }
        self.results.emit(cx.results, cx.ingested_at, out)?;
        cx.dead_letters.emit(&batch, bad, out)?;
        if self.next < rows.len {
            return Ok(Progress::More);
        }
        (self.batch, self.next) = (None, 0);
        self.emitted_until.clear();
        Ok(Progress::Done)
    }

    /// Adds the next rows that are in one pane, which is a window, and of different keys. Returns how many.
    fn distinct_rows(
        &mut self,
        panes: &mut PaneStore,
        rows: &WindowRows,
        rows_max: usize,
    ) -> Result<usize, OperatorError> {
        let (start, pane) = (self.next, self.grid.pane_of(rows.times[self.next]));
        let mut end = start;
        while end < rows.len && end - start < rows_max && pane.contains(rows.times[end]) {
            let taken = &mut self.taken_of_key[self.key_of_row[end] as usize];
            if *taken > start {
                break;
            }
            end += 1;
            *taken = end;
        }
        let count = end - start;
        let table = panes.table(pane.start)?;
        table.add(&rows.slice(start, count), &mut Vec::new(), false)?;
        let window = self.grid.window(*self.grid.windows_at(pane.start).start());
        let groups = self.results.begin(&vec![window; count], &table.keys, &table.slots);
        self.results.merge(&groups, &table.aggregates, &table.slots)?;
        self.next = end;
        Ok(count)
    }

    /// Adds the next row, if it has not been, and has its windows fire again, at most so many. Returns how many.
    fn single_row(
        &mut self,
        cx: &mut RefiringContext<'_>,
        batch: &StreamBatch,
        rows: &WindowRows,
        windows_max: usize,
        bad: &mut Vec<BadRow>,
    ) -> Result<usize, OperatorError> {
        let pane = self.grid.pane_of(rows.times[self.next]).start;
        let mut windows = match self.windows.take() {
            Some(windows) => windows,
            None => self.begin_row(cx, batch, &rows.slice(self.next, 1), pane, bad)?,
        };
        let part = windows.start..windows.end.min(windows.start + windows_max as i128).max(windows.start);
        windows.start = part.end;
        let count = (part.end - part.start) as usize;
        if let Some(table) = cx.panes.get(pane) {
            self.sums.emit(part.map(|number| self.grid.window(number)), table, &mut self.results)?;
        }
        if windows.is_empty() {
            self.next += 1;
        } else {
            self.windows = Some(windows);
        }
        Ok(count)
    }

    /// Adds the next row to its pane, if it has not been; returns the windows that it makes fire again, and sums up their panes.
    fn begin_row(
        &mut self,
        cx: &mut RefiringContext<'_>,
        batch: &StreamBatch,
        row: &WindowRows,
        pane: i64,
        bad: &mut Vec<BadRow>,
    ) -> Result<Range<i128>, OperatorError> {
        let all = self.grid.windows_at(pane);
        let mut windows = cx.fired.start.max(*all.start())..cx.fired.end.min(*all.end() + 1);
        let table = cx.panes.table(pane)?;
        if let Some(until) = self.emitted_until.get(self.next).copied().flatten() {
            windows.start = windows.start.max(self.grid.first_unfired(until));
            table.look_up(row)?;
        } else {
            let mut refused = Vec::new();
            let added = table.add(row, &mut refused, cx.dead_letters.fails());
            if !refused.is_empty() {
                windows.end = windows.start;
            }
            for (_, reason) in refused {
                cx.dead_letters.take(batch, self.next, reason, bad)?;
            }
            added?;
        }
        if !windows.is_empty() {
            let (first, last) = (self.grid.window(windows.start), self.grid.window(windows.end - 1));
            self.sums.sum_up(cx.panes, pane, Window { start: first.start, end: last.end })?;
        }
        Ok(windows)
    }

    /// The rows that are left, if there are any: their columns and those of [`refiring_fields`].
    pub(super) fn freeze(&self) -> Result<Option<RecordBatch>, OperatorError> {
        let Some(batch) = &self.batch else { return Ok(None) };
        let left = batch.slice(self.next, batch.len() - self.next);
        let emitted_until = |row: usize| match &self.windows {
            Some(windows) if row == 0 => Some(self.grid.window(windows.start).max_time() - 1),
            _ => self.emitted_until.get(self.next + row).copied().flatten(),
        };
        let until: Int64Array = (0..left.len()).map(emitted_until).collect();
        let mut columns = left.rows.columns().to_vec();
        columns.push(Arc::new(Int64Array::from(left.event_times.to_vec())));
        columns.push(Arc::new(until));
        let fields: Vec<_> = left.rows.schema().fields().iter().cloned().chain(refiring_fields()).collect();
        Ok(Some(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?))
    }

    /// Takes rows that [`RefiringRows::freeze`] gave; `input`: the columns of the rows as they came in.
    pub(super) fn restore(
        &mut self,
        parts: &[RecordBatch],
        input: &SchemaRef,
        ingested_at: i64,
    ) -> Result<(), OperatorError> {
        let Some(first) = parts.first() else { return Ok(()) };
        let all = concat_batches(&first.schema(), parts)?;
        let columns = input.fields().len();
        let int64 = |column: usize| all.column(column).as_primitive::<Int64Type>();
        self.emitted_until = int64(columns + 1).iter().collect();
        let times = int64(columns).values().clone();
        let own: Vec<ArrayRef> = all.columns().iter().take(columns).cloned().collect();
        let options = RecordBatchOptions::new().with_row_count(Some(all.num_rows()));
        let rows = RecordBatch::try_new_with_options(input.clone(), own, &options)?;
        self.begin(StreamBatch::new(rows, times, ingested_at))
    }
}

/// What one key has in the panes around one of them, summed up.
struct Sums {
    /// From that pane, which is the first, back to each of these.
    back: AggregateSet,
    back_to: Vec<i64>,
    /// From the pane after it on to each of these.
    on: AggregateSet,
    on_to: Vec<i64>,
}

impl Sums {
    fn new(spec: &WindowSpec) -> Result<Self, OperatorError> {
        Ok(Self {
            back: AggregateSet::new(spec)?,
            back_to: Vec::new(),
            on: AggregateSet::new(spec)?,
            on_to: Vec::new(),
        })
    }

    /// Sums up what the key of the last row that was added to a pane has, within bounds that hold the pane.
    fn sum_up(&mut self, panes: &PaneStore, pane: i64, bounds: Window) -> Result<(), OperatorError> {
        let Some((table, slot)) = panes.get(pane).and_then(|table| Some((table, *table.slots.first()?))) else {
            return Err(OperatorError::Call(format!("pane {pane} is missing")));
        };
        let back = panes.of_window(Window { start: bounds.start, end: pane.saturating_add(1) }).rev();
        let on = panes.of_window(Window { start: pane.saturating_add(1), end: bounds.end });
        sum_each(&mut self.back, &mut self.back_to, back, &table.keys, slot)?;
        sum_each(&mut self.on, &mut self.on_to, on, &table.keys, slot)
    }

    /// Adds the results of windows that hold the pane; `table` is the pane's.
    fn emit(
        &self,
        windows: impl Iterator<Item = Window>,
        table: &GroupTable,
        results: &mut Refirings,
    ) -> Result<(), OperatorError> {
        let windows: Vec<Window> = windows.collect();
        let (Some(slot), false) = (table.slots.first(), windows.is_empty()) else { return Ok(()) };
        let groups = results.begin(&windows, &table.keys, &vec![*slot; windows.len()]);
        let backs =
            windows.iter().map(|w| self.back_to.partition_point(|pane| *pane >= w.start).saturating_sub(1) as u32);
        results.merge(&groups, &self.back, &backs.collect::<Vec<_>>())?;
        let on = |window: &Window| self.on_to.partition_point(|pane| *pane <= window.max_time()).checked_sub(1);
        let with_on = groups.iter().zip(&windows).filter_map(|(group, window)| Some((*group, on(window)? as u32)));
        let (groups, ons): (Vec<u32>, Vec<u32>) = with_on.unzip();
        if groups.is_empty() { Ok(()) } else { results.merge(&groups, &self.on, &ons) }
    }
}

/// Sums up what a key has in panes: one sum for each pane that has the key, of all up to it.
fn sum_each<'a>(
    sums: &mut AggregateSet,
    up_to: &mut Vec<i64>,
    panes: impl Iterator<Item = (i64, &'a GroupTable)>,
    keys: &KeyIndex,
    slot: u32,
) -> Result<(), OperatorError> {
    sums.clear();
    up_to.clear();
    for (pane, table) in panes {
        let Some(from) = table.keys.find_from(keys, slot) else { continue };
        let group = up_to.len() as u32;
        sums.resize(up_to.len() + 1);
        if let Some(before) = group.checked_sub(1) {
            sums.copy(group, before)?;
        }
        sums.merge_from(&[group], &table.aggregates, &[from])?;
        up_to.push(pane);
    }
    Ok(())
}
