//! Tumbling and sliding windows: a table of accumulators a pane, merged when a window fires.
//!
//! With allowed lateness, a window that has fired fires again at every row that it gets. So that this does not depend on how
//! rows come in batches, such rows are taken one by one; all others pane by pane.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use arrow::array::{AsArray, UInt32Array};
use arrow::datatypes::{FieldRef, Int64Type};
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_core::window::Window;
use weir_state::FrozenKeys;

use super::WindowSpec;
use super::aggregate_set::AggregateSet;
use super::combine::{PANE_COLUMN, PARTIAL_BOUNDS};
use super::frozen_groups::{FrozenGroups, Rows};
use super::group_table::GroupTable;
use super::pane_runs::{Run, for_each_pane, runs_of_equal, runs_of_panes};
use super::panes::PaneGrid;
use super::results::{Fired, Refirings, Results};
use super::window_rows::WindowRows;
use super::window_state::{StateLayout, WindowProgress};
use crate::dataflow::exchange::take_rows;
use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, Time};
use crate::nodes::dead_letter::{BadRow, DeadLetters};

/// Tables of dropped panes that are kept for new ones: a pane or two end while one begins.
const SPARE_TABLES_MAX: usize = 4;

/// The operator of tumbling and sliding windows.
pub(super) struct PaneWindows {
    spec: WindowSpec,
    grid: PaneGrid,
    key_fields: Vec<FieldRef>,
    value_columns: Vec<Vec<usize>>,
    state_widths: Vec<usize>,
    dead_letters: DeadLetters,
    layout: StateLayout,
    results: Results,
    /// The panes that hold rows, by their first instant.
    panes: BTreeMap<i64, GroupTable>,
    spare: Vec<GroupTable>,
    /// Where the panes of a window are merged.
    merged: GroupTable,
    refirings: Refirings,
    watermark: i64,
    ingested_at: i64,
}

/// What becomes of the rows of a pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// All its windows are closed: late.
    Late,
    /// In a gap between windows: late once its own time has passed, else of no consequence.
    Gap,
    /// No window of it that is open has fired.
    Open,
    /// A window that is open has fired.
    Refires,
}

impl PaneWindows {
    pub(super) fn new(spec: WindowSpec) -> Result<Self, OperatorError> {
        let grid =
            PaneGrid::new(spec.window).ok_or_else(|| OperatorError::Call("sessions have no panes".to_owned()))?;
        let aggregates = AggregateSet::new(&spec)?;
        let key_fields = spec.key_fields();
        Ok(Self {
            grid,
            value_columns: AggregateSet::columns(&spec),
            state_widths: aggregates.state_widths(),
            dead_letters: DeadLetters::new(spec.on_error, spec.dead_letter_output, spec.metrics.clone()),
            layout: StateLayout::new("panes", &spec.window, &key_fields, &[PANE_COLUMN], aggregates.state_fields()),
            results: Results::new(&spec)?,
            panes: BTreeMap::new(),
            spare: Vec::new(),
            merged: GroupTable::new(&key_fields, aggregates)?,
            refirings: Refirings::new(&spec)?,
            watermark: WindowProgress::NONE.watermark,
            ingested_at: WindowProgress::NONE.ingested_at,
            key_fields,
            spec,
        })
    }

    fn is_closed(&self, window: Window) -> bool {
        window.max_time().saturating_add(self.spec.allowed_lateness_us) <= self.watermark
    }

    fn fate(&self, pane: i64) -> Fate {
        let windows = self.grid.windows_at(pane);
        let (first, last) = (*windows.start(), *windows.end());
        if windows.is_empty() {
            return Fate::Gap;
        }
        if self.is_closed(self.grid.window(last)) {
            return Fate::Late;
        }
        // If any that is open has fired, the first has.
        let open = self.first_open(first);
        if self.grid.window(open).max_time() <= self.watermark { Fate::Refires } else { Fate::Open }
    }

    /// The first window from `first` on that is not closed.
    fn first_open(&self, first: i128) -> i128 {
        first.max(self.grid.first_unfired(self.watermark.saturating_sub(self.spec.allowed_lateness_us)))
    }

    fn table(&mut self, pane: i64) -> Result<&mut GroupTable, OperatorError> {
        if !self.panes.contains_key(&pane) {
            let table = match self.spare.pop() {
                Some(table) => table,
                None => GroupTable::new(&self.key_fields, self.merged.aggregates.fresh())?,
            };
            self.panes.insert(pane, table);
        }
        self.panes.get_mut(&pane).ok_or_else(|| OperatorError::Call(format!("pane {pane} is missing")))
    }

    /// Adds rows of one pane, which are in the batch where `row_of_batch` says. Returns how many were refused.
    fn add(
        &mut self,
        batch: &StreamBatch,
        pane: i64,
        rows: &WindowRows,
        row_of_batch: &dyn Fn(usize) -> usize,
        bad: &mut Vec<BadRow>,
    ) -> Result<usize, OperatorError> {
        let mut refused = Vec::new();
        let fails = self.dead_letters.fails();
        let added = self.table(pane)?.add(rows, &mut refused, fails);
        let count = refused.len();
        for (row, reason) in refused {
            self.dead_letters.take(batch, row_of_batch(row), reason, bad)?;
        }
        added.map(|()| count)
    }

    /// Adds rows one by one; the windows of each that have fired and are open fire again.
    fn add_refiring(
        &mut self,
        batch: &StreamBatch,
        rows: &WindowRows,
        (pane, run): Run,
        bad: &mut Vec<BadRow>,
    ) -> Result<(), OperatorError> {
        let windows = self.grid.windows_at(pane);
        let fired = self.first_open(*windows.start())..self.grid.first_unfired(self.watermark).min(windows.end() + 1);
        for row in run {
            if self.add(batch, pane, &rows.slice(row, 1), &|_| row, bad)? == 0 {
                fired.clone().try_for_each(|number| self.refire(number, pane))?;
            }
        }
        Ok(())
    }

    /// Keeps the result of a window as it is now, for the key of the last row that went into a pane.
    fn refire(&mut self, number: i128, pane: i64) -> Result<(), OperatorError> {
        let window = self.grid.window(number);
        let Some(of_row) = self.panes.get(&pane) else { return Ok(()) };
        let Some(slot) = of_row.slots.first() else { return Ok(()) };
        let group = self.refirings.begin(window, &of_row.keys, *slot);
        for table in self.panes.range(window.start..=window.max_time()).map(|(_, table)| table) {
            if let Some(from) = table.keys.find_from(&of_row.keys, *slot) {
                self.refirings.merge(group, &table.aggregates, from)?;
            }
        }
        Ok(())
    }

    /// Accumulators from upstream.
    fn process_partials(&mut self, batch: &StreamBatch) -> Result<(), OperatorError> {
        let keys = self.key_fields.len();
        let int64 = |column: usize| batch.rows.column(column).as_primitive::<Int64Type>();
        let (panes, counts) = (int64(keys), int64(keys + 1));
        let rows = WindowRows::of_accumulators(&batch.rows, keys, PARTIAL_BOUNDS, &self.state_widths);
        let mut late = 0;
        let mut runs = Vec::new();
        for (pane, run) in runs_of_equal(panes) {
            match self.fate(pane) {
                Fate::Late => late += run.map(|row| counts.value(row)).sum::<i64>(),
                Fate::Gap => {}
                Fate::Open | Fate::Refires => runs.push((pane, run)),
            }
        }
        self.spec.metrics.rows_late.fetch_add(late.max(0) as u64, Ordering::Relaxed);
        self.merge_runs(&rows, runs)
    }

    fn merge_runs(&mut self, rows: &WindowRows, mut runs: Vec<Run>) -> Result<(), OperatorError> {
        runs.sort_by_key(|(pane, _)| *pane);
        for (pane, run) in runs {
            self.table(pane)?.merge(&rows.slice(run.start, run.len()))?;
        }
        Ok(())
    }

    /// Counts late rows and hands them to their output.
    fn emit_late(&self, batch: &StreamBatch, late: Vec<u32>, out: &mut Outputs) -> Result<(), OperatorError> {
        if late.is_empty() {
            return Ok(());
        }
        self.spec.metrics.rows_late.fetch_add(late.len() as u64, Ordering::Relaxed);
        if let Some(output) = self.spec.late_output {
            out.emit(output, take_rows(batch, &UInt32Array::from(late))?);
        }
        Ok(())
    }

    /// Emits the results of a window.
    fn fire(&mut self, window: Window, out: &mut Outputs) -> Result<(), OperatorError> {
        let mut tables = self.panes.range(window.start..=window.max_time()).map(|(_, table)| table);
        let (first, second) = (tables.next(), tables.next());
        let table = match (first, second) {
            (Some(only), None) => only,
            _ => {
                self.merged.clear();
                for table in first.into_iter().chain(second).chain(tables) {
                    self.merged.merge_table(table)?;
                }
                &self.merged
            }
        };
        let slots = table.keys.live_slots();
        let windows = vec![window; slots.len()];
        let GroupTable { keys, aggregates, .. } = table;
        let fired = Fired { keys, key_slots: &slots, windows: &windows, aggregates, groups: &slots };
        self.results.emit(&fired, self.ingested_at, out)
    }

    /// Drops the panes of which no window is open.
    fn drop_closed(&mut self) {
        while let Some(entry) = self.panes.first_entry() {
            let last = *self.grid.windows_at(*entry.key()).end();
            let closes_at = self.grid.window(last).max_time().saturating_add(self.spec.allowed_lateness_us);
            if closes_at > self.watermark {
                return;
            }
            let mut table = entry.remove();
            if self.spare.len() < SPARE_TABLES_MAX {
                table.clear();
                self.spare.push(table);
            }
        }
    }
}

impl Operator for PaneWindows {
    fn process(&mut self, _input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.ingested_at = self.ingested_at.max(batch.ingested_at);
        if self.spec.partials {
            self.process_partials(&batch)?;
            return Ok(Progress::Done);
        }
        let rows = WindowRows::of_batch(&batch, &self.spec.key_columns, &self.value_columns);
        let (mut open, mut refiring, mut late) = (Vec::new(), Vec::new(), Vec::new());
        for (pane, run) in runs_of_panes(&self.grid, &rows.times) {
            match self.fate(pane) {
                Fate::Open => open.push((pane, run)),
                Fate::Refires => refiring.push((pane, run)),
                Fate::Late => late.extend(run.map(|row| row as u32)),
                Fate::Gap => {
                    let closes_at = |row: &usize| rows.times[*row].saturating_add(self.spec.allowed_lateness_us);
                    late.extend(run.filter(|row| closes_at(row) <= self.watermark).map(|row| row as u32));
                }
            }
        }
        let mut bad = Vec::new();
        for_each_pane(&rows, open, |pane, rows, row_of_batch| {
            self.add(&batch, pane, rows, row_of_batch, &mut bad).map(drop)
        })?;
        for run in refiring {
            self.add_refiring(&batch, &rows, run, &mut bad)?;
        }
        self.refirings.emit(&self.results, self.ingested_at, out)?;
        self.emit_late(&batch, late, out)?;
        self.dead_letters.emit(&batch, bad, out)?;
        Ok(Progress::Done)
    }

    fn on_time(&mut self, at: Time, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let Time::Watermark(watermark) = at else { return Ok(Progress::Done) };
        if watermark <= self.watermark {
            return Ok(Progress::Done);
        }
        let mut number = self.grid.first_unfired(self.watermark);
        self.watermark = watermark;
        // From one window to the next that has a pane with rows; there may be aeons between them.
        while let Some((pane, _)) = self.panes.range(self.grid.window(number).start..).next() {
            number = number.max(*self.grid.windows_at(*pane).start());
            let window = self.grid.window(number);
            if window.max_time() > watermark {
                break;
            }
            self.fire(window, out)?;
            number += 1;
        }
        self.drop_closed();
        Ok(Progress::Done)
    }

    fn freeze(&mut self, _cut: Cut) -> Result<Frozen, OperatorError> {
        let panes: Vec<_> = self.panes.iter_mut().map(|(pane, table)| (*pane, table.freeze())).collect();
        let progress = WindowProgress { watermark: self.watermark, ingested_at: self.ingested_at };
        let (layout, key_groups) = (self.layout.clone(), self.spec.key_groups);
        Ok(Frozen::new(move || {
            let groups = |(start, (keys, aggregates)): (i64, (FrozenKeys, AggregateSet))| {
                let rows = Rows::Pane { start, slots: keys.live_slots() };
                FrozenGroups { keys, aggregates, rows }
            };
            let panes: Vec<_> = panes.into_iter().map(groups).collect();
            layout.snapshot(&panes, progress, key_groups)
        }))
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        let (progress, batches) = self.layout.restore(snapshot)?;
        (self.watermark, self.ingested_at) = (progress.watermark, progress.ingested_at);
        let keys = self.key_fields.len();
        let mut parts_of_pane: BTreeMap<i64, Vec<WindowRows>> = BTreeMap::new();
        for batch in batches {
            let rows = WindowRows::of_accumulators(&batch, keys, 1, &self.state_widths);
            for (pane, run) in runs_of_equal(batch.column(keys).as_primitive::<Int64Type>()) {
                parts_of_pane.entry(pane).or_default().push(rows.slice(run.start, run.len()));
            }
        }
        parts_of_pane.into_iter().try_for_each(|(pane, parts)| self.table(pane)?.restore(&parts))
    }
}
