//! Tumbling and sliding windows: a table of accumulators a pane, merged when a window fires.
//!
//! With allowed lateness, a window that has fired fires again at every row that it gets: such rows are taken one by one, all others
//! pane by pane. What a watermark or a late row sets free is emitted in parts; a snapshot between two of them holds the rest.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{FieldRef, Int64Type};
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_core::window::Window;
use weir_state::FrozenKeys;

use super::WindowSpec;
use super::aggregate_set::AggregateSet;
use super::combine::{PANE_COLUMN, PARTIAL_BOUNDS};
use super::emitted_keys::EmittedKeys;
use super::firing::Firing;
use super::frozen_groups::{FrozenGroups, Rows};
use super::group_table::GroupTable;
use super::late_count::LateCount;
use super::pane_runs::{Run, for_each_pane, rows_by_pane, runs_of_equal};
use super::pane_store::PaneStore;
use super::panes::PaneGrid;
use super::refiring::{RefiringContext, RefiringRows};
use super::results::Results;
use super::window_rows::WindowRows;
use super::window_state::{StateLayout, Unemitted, WindowProgress};
use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, Time};
use crate::nodes::dead_letter::{BadRow, DeadLetters};

/// The operator of tumbling and sliding windows.
pub(super) struct PaneWindows {
    spec: WindowSpec,
    grid: PaneGrid,
    keys: usize,
    value_columns: Vec<Vec<usize>>,
    state_widths: Vec<usize>,
    dead_letters: DeadLetters,
    layout: StateLayout,
    results: Results,
    panes: PaneStore,
    firing: Firing,
    refiring: RefiringRows,
    watermark: i64,
    ingested_at: i64,
    /// Bytes of the panes, and how many rows came since they were weighed.
    state_bytes: u64,
    unweighed_rows: usize,
    late: LateCount,
}

/// Rows after which all panes are weighed again: there may be some thousand panes.
const WEIGHED_ROWS: usize = 4096;

/// What happens to the rows of a pane.
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
        let key_fields: Vec<FieldRef> = spec.key_fields();
        let watermark = WindowProgress::NONE.watermark;
        let merged = GroupTable::new(&key_fields, aggregates.fresh())?;
        Ok(Self {
            grid,
            keys: key_fields.len(),
            value_columns: AggregateSet::columns(&spec),
            state_widths: aggregates.state_widths(),
            dead_letters: spec.dead_letters(),
            layout: StateLayout::new("panes", &spec, &key_fields, &[PANE_COLUMN], aggregates.state_fields()),
            results: Results::new(&spec)?,
            firing: Firing::new(grid, watermark, EmittedKeys::new(&key_fields)?, merged),
            refiring: RefiringRows::new(&spec, grid)?,
            panes: PaneStore::new(grid, key_fields, aggregates),
            watermark,
            ingested_at: WindowProgress::NONE.ingested_at,
            state_bytes: 0,
            unweighed_rows: WEIGHED_ROWS,
            late: LateCount::default(),
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

    /// When the last window of a pane takes no more rows.
    fn closes_at(&self, pane: i64) -> i64 {
        let last = self.grid.window(*self.grid.windows_at(pane).end());
        last.max_time().saturating_add(self.spec.allowed_lateness_us)
    }

    /// By how much more the watermark would have had to be behind rows that are taken until then; not above 0: they are not late.
    fn late_by(&self, until: i64) -> i64 {
        self.watermark.saturating_sub(until).saturating_add(1)
    }

    /// The first window from `first` on that is not closed.
    fn first_open(&self, first: i128) -> i128 {
        first.max(self.grid.first_unfired(self.watermark.saturating_sub(self.spec.allowed_lateness_us)))
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
        let added = self.panes.table(pane)?.add(rows, &mut refused, fails);
        let count = refused.len();
        for (row, reason) in refused {
            self.dead_letters.take(batch, row_of_batch(row), reason, bad)?;
        }
        added.map(|()| count)
    }

    /// Adds the next late rows, and has their windows fire again.
    fn refire_part(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let fired = self.first_open(i128::MIN)..self.grid.first_unfired(self.watermark);
        let cx = RefiringContext {
            panes: &mut self.panes,
            fired,
            dead_letters: &self.dead_letters,
            results: &self.results,
            rows_max: self.spec.result_rows_max,
            ingested_at: self.ingested_at,
        };
        self.refiring.part(cx, out)
    }

    /// Emits the next results of windows that the watermark has completed.
    fn fire_part(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let rows_max = self.spec.result_rows_max;
        let results = (&self.results, self.ingested_at);
        let progress = self.firing.part(&mut self.panes, self.watermark, rows_max, results, out)?;
        self.drop_closed();
        Ok(progress)
    }

    /// Accumulators from upstream.
    fn process_partials(&mut self, batch: &StreamBatch) -> Result<(), OperatorError> {
        let keys = self.keys;
        let int64 = |column: usize| batch.rows.column(column).as_primitive::<Int64Type>();
        let (panes, counts) = (int64(keys), int64(keys + 1));
        let rows = WindowRows::of_accumulators(&batch.rows, keys, PARTIAL_BOUNDS, &self.state_widths);
        self.late.rows_in += counts.values().iter().sum::<i64>().max(0).unsigned_abs();
        let mut runs = Vec::new();
        for (pane, run) in runs_of_equal(panes) {
            match self.fate(pane) {
                Fate::Late => {
                    let late = run.map(|row| counts.value(row)).sum::<i64>();
                    let by_us = self.late_by(self.closes_at(pane));
                    self.late.add(late.max(0).unsigned_abs(), by_us, &self.spec.metrics);
                }
                Fate::Gap => {}
                Fate::Open | Fate::Refires => runs.push((pane, run)),
            }
        }
        self.merge_runs(&rows, runs)
    }

    fn merge_runs(&mut self, rows: &WindowRows, mut runs: Vec<Run>) -> Result<(), OperatorError> {
        runs.sort_by_key(|(pane, _)| *pane);
        for (pane, run) in runs {
            self.panes.table(pane)?.merge(&rows.slice(run.start, run.len()))?;
        }
        Ok(())
    }

    /// Drops the panes of which no window is open, nor still to be emitted.
    fn drop_closed(&mut self) {
        let (watermark, lateness, grid) = (self.watermark, self.spec.allowed_lateness_us, self.grid);
        let emitted_until = self.firing.emitted_until();
        self.panes.drop_while(|pane| {
            let last = grid.window(*grid.windows_at(pane).end()).max_time();
            last.saturating_add(lateness) <= watermark && last <= emitted_until
        });
    }

    /// Groups of a snapshot, by pane; those of which more has been emitted than of others go to the keys ahead.
    fn restore_groups(&mut self, groups: Vec<(RecordBatch, Option<ArrayRef>)>) -> Result<(), OperatorError> {
        let watermark = self.watermark;
        let until_of = |until: &Option<ArrayRef>| match until {
            Some(column) => column.as_primitive::<Int64Type>().values().first().copied(),
            None => Some(watermark),
        };
        let emitted_until = groups.iter().filter_map(|(_, until)| until_of(until)).min().unwrap_or(watermark);
        self.firing.resume(emitted_until);
        let mut parts_of_pane: BTreeMap<i64, Vec<WindowRows>> = BTreeMap::new();
        for (batch, until) in groups {
            let rows = WindowRows::of_accumulators(&batch, self.keys, 1, &self.state_widths);
            for (pane, run) in runs_of_equal(batch.column(self.keys).as_primitive::<Int64Type>()) {
                parts_of_pane.entry(pane).or_default().push(rows.slice(run.start, run.len()));
            }
            // All rows of a table are of one subtask.
            if until_of(&until).is_some_and(|until| until > emitted_until) {
                let until = until.unwrap_or_else(|| Arc::new(Int64Array::from(vec![watermark; batch.num_rows()])));
                self.firing.ahead().add(&rows.keys, &until)?;
            }
        }
        parts_of_pane.into_iter().try_for_each(|(pane, parts)| self.panes.table(pane)?.restore(&parts))
    }
}

impl Operator for PaneWindows {
    fn process(&mut self, _input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.ingested_at = self.ingested_at.max(batch.ingested_at);
        self.unweighed_rows = self.unweighed_rows.saturating_add(batch.len());
        if self.spec.partials {
            self.process_partials(&batch)?;
            return Ok(Progress::Done);
        }
        let rows = WindowRows::of_batch(&batch, &self.spec.key_columns, &self.value_columns);
        let (mut open, mut refiring, mut late, mut late_by) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for of_pane in rows_by_pane(&self.grid, &rows.times) {
            match self.fate(of_pane.pane) {
                Fate::Open => open.push(of_pane),
                Fate::Refires => refiring.extend(of_pane.rows()),
                Fate::Late => {
                    late_by = late_by.max(self.late_by(self.closes_at(of_pane.pane)));
                    late.extend(of_pane.rows());
                }
                Fate::Gap => {
                    for row in of_pane.rows() {
                        let by = self.late_by(rows.times[row as usize].saturating_add(self.spec.allowed_lateness_us));
                        if by > 0 {
                            late_by = late_by.max(by);
                            late.push(row);
                        }
                    }
                }
            }
        }
        // In the order in which they came.
        refiring.sort_unstable();
        late.sort_unstable();
        let mut bad = Vec::new();
        for_each_pane(&rows, &open, |pane, rows, row_of_batch| {
            self.add(&batch, pane, rows, row_of_batch, &mut bad).map(drop)
        })?;
        self.late.rows_in += rows.len as u64;
        self.late.add(late.len() as u64, late_by, &self.spec.metrics);
        self.spec.emit_late(&batch, late, out)?;
        self.dead_letters.emit(&batch, bad, out)?;
        self.refiring.take(&batch, refiring)?;
        self.refire_part(out)
    }

    fn on_time(&mut self, at: Time, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let Time::Watermark(watermark) = at else { return Ok(Progress::Done) };
        if watermark <= self.watermark {
            return Ok(Progress::Done);
        }
        self.watermark = watermark;
        self.unweighed_rows = WEIGHED_ROWS;
        self.fire_part(out)
    }

    fn more(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        if !self.refiring.is_empty() {
            let progress = self.refire_part(out)?;
            // After a restore there may be both: of subtasks that are one now, each was frozen in its own place.
            let fires = self.firing.emitted_until() < self.watermark;
            return Ok(if fires { Progress::More } else { progress });
        }
        self.fire_part(out)
    }

    fn state_bytes(&mut self) -> u64 {
        if self.unweighed_rows >= WEIGHED_ROWS {
            (self.state_bytes, self.unweighed_rows) = (self.panes.memory_bytes(), 0);
        }
        self.state_bytes
    }

    fn freeze(&mut self, _cut: Cut) -> Result<Frozen, OperatorError> {
        let mut unemitted = Unemitted { refiring: self.refiring.freeze()?, ..Unemitted::default() };
        if self.firing.emitted_until() < self.watermark {
            unemitted.until = Some(self.firing.emitted_until());
            unemitted.keys = self.firing.freeze_keys(&mut self.panes);
        }
        let panes: Vec<_> = self.panes.iter_mut().map(|(pane, table)| (pane, table.freeze())).collect();
        let progress = WindowProgress { watermark: self.watermark, ingested_at: self.ingested_at, late: self.late };
        let (layout, key_groups, row_keys) = (self.layout.clone(), self.spec.key_groups, self.spec.key_columns.clone());
        Ok(Frozen::of_state(move || {
            let groups = |(start, (keys, aggregates)): (i64, (FrozenKeys, AggregateSet))| {
                let rows = Rows::Pane { start, slots: keys.live_slots() };
                FrozenGroups { keys, aggregates, rows }
            };
            let panes: Vec<_> = panes.into_iter().map(groups).collect();
            layout.snapshot(&panes, progress, unemitted, &row_keys, key_groups)
        }))
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        let (progress, restored) = self.layout.restore(snapshot, &self.spec.input)?;
        (self.watermark, self.ingested_at, self.late) = (progress.watermark, progress.ingested_at, progress.late);
        self.late.tell(&self.spec.metrics);
        self.restore_groups(restored.groups)?;
        for rows in &restored.emitted_keys {
            let (keys, until) = rows.columns().split_at(self.keys);
            until.iter().try_for_each(|until| self.firing.ahead().add(keys, until))?;
        }
        self.refiring.restore(&restored.refiring, &self.spec.input, self.ingested_at)
    }
}
