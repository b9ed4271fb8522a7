//! Joins over tumbling and sliding windows: rows of one key belong together in every window that both are in.
//!
//! There is a table of rows per window, which goes as a whole when the watermark has passed it. Pairs go out as soon as both rows are
//! there, and rows without a match when their window closes; all at the last instant of the window.

use std::collections::BTreeMap;

use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_core::window::{Window, WindowAssigner};
use weir_state::{RowId, RowOrder};

use super::JoinSpec;
use super::join_progress::JoinProgress;
use super::join_rows::JoinRows;
use super::join_state::{JoinState, TableParts, WINDOW_COLUMNS, window_runs};
use super::join_table::{Arriving, Cursor, JoinTable, MATCHED};
use super::joined_rows::JoinedRows;
use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, Time};
use crate::nodes::window::pane_runs::rows_by_pane;
use crate::nodes::window::panes::PaneGrid;

/// The operator of joins over tumbling and sliding windows.
pub(super) struct WindowJoin {
    spec: JoinSpec,
    grid: PaneGrid,
    state: JoinState,
    joined: JoinedRows,
    /// By the last instant of the window, and its start.
    tables: BTreeMap<(i64, i64), WindowTable>,
    state_bytes: u64,
    progress: JoinProgress,
    /// Rows that have not been held against all tables of their windows; the next window comes last.
    pending: Vec<(Window, JoinRows)>,
    cursor: Cursor,
}

struct WindowTable {
    window: Window,
    table: JoinTable,
    bytes: u64,
    /// Once the window has closed: the side and the row that come next.
    closing: (usize, RowId),
}

impl WindowJoin {
    pub(super) fn new(spec: JoinSpec, window: WindowAssigner) -> Result<Self, OperatorError> {
        let grid = PaneGrid::new(window).ok_or_else(|| OperatorError::Call("sessions have no panes".to_owned()))?;
        Ok(Self {
            grid,
            state: JoinState::new(&spec, &WINDOW_COLUMNS),
            joined: JoinedRows::new(&spec),
            tables: BTreeMap::new(),
            state_bytes: 0,
            progress: JoinProgress::NONE,
            pending: Vec::new(),
            cursor: Cursor::default(),
            spec,
        })
    }

    fn table(&mut self, window: Window) -> Result<&mut WindowTable, OperatorError> {
        let key = (window.max_time(), window.start);
        Ok(match self.tables.entry(key) {
            std::collections::btree_map::Entry::Occupied(table) => table.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                let table = JoinTable::new(&self.spec, RowOrder::Arrival)?;
                place.insert(WindowTable { window, table, bytes: 0, closing: (0, 0) })
            }
        })
    }

    /// Divides a batch by window, the last window first. Rows of which all windows have closed are late.
    fn divide(&mut self, side: usize, batch: &StreamBatch, out: &mut Outputs) -> Result<(), OperatorError> {
        let watermark = self.progress.watermark;
        let rows = JoinRows::of_batch(batch, &self.spec.sides[side]);
        let drops_null_keys = rows.lacks_keys() && !self.spec.keeps_unmatched(side);
        let (mut late, mut late_by): (Vec<u32>, i64) = (Vec::new(), 0);
        let mut of_windows: BTreeMap<(i64, i64), (Window, Vec<u32>)> = BTreeMap::new();
        for of_pane in rows_by_pane(&self.grid, &rows.times) {
            let windows = self.grid.windows_at(of_pane.pane);
            if windows.is_empty() {
                continue;
            }
            let closes_at = self.grid.window(*windows.end()).max_time();
            if closes_at <= watermark {
                late_by = late_by.max(watermark.saturating_sub(closes_at).saturating_add(1));
                late.extend(of_pane.rows());
                continue;
            }
            for window in windows.map(|number| self.grid.window(number)).filter(|w| w.max_time() > watermark) {
                let entry = of_windows.entry((window.max_time(), window.start)).or_insert((window, Vec::new()));
                entry.1.extend(of_pane.rows());
            }
        }
        late.sort_unstable();
        self.progress.late.rows_in += rows.len() as u64;
        self.progress.late.add(late.len() as u64, late_by, &self.spec.metrics);
        self.spec.emit_late(side, batch, late, out)?;
        for (window, mut of_window) in of_windows.into_values().rev() {
            of_window.sort_unstable();
            if drops_null_keys {
                of_window.retain(|row| rows.has_key(*row as usize));
            }
            if of_window.is_empty() {
                continue;
            }
            let of_window = if of_window.len() == rows.len() { rows.clone() } else { rows.take(&of_window)? };
            self.pending.push((window, of_window));
        }
        Ok(())
    }

    /// Holds the rows of the next window against its table.
    fn join_next(&mut self, side: usize, out: &mut Outputs) -> Result<(), OperatorError> {
        let Some((window, rows)) = self.pending.pop() else { return Ok(()) };
        self.table(window)?;
        let Some(of_window) = self.tables.get_mut(&(window.max_time(), window.start)) else { return Ok(()) };
        let arriving = Arriving { side, rows: &rows, window: Some(window), reach: &|time| time..=time };
        let progress = of_window.table.take(&self.spec, &arriving, &mut self.cursor, &self.joined, out)?;
        let bytes = of_window.table.memory_bytes();
        self.state_bytes = self.state_bytes - of_window.bytes + bytes;
        of_window.bytes = bytes;
        if progress == Progress::More {
            self.pending.push((window, rows));
        }
        Ok(())
    }

    /// Emits the next rows without a match of windows that have closed, and forgets those windows.
    fn close_part(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        while let Some(mut first) = self.tables.first_entry() {
            if first.key().0 > self.progress.watermark {
                return Ok(Progress::Done);
            }
            let WindowTable { window, table, bytes, closing } = first.get_mut();
            while let (side @ (0 | 1), next) = *closing {
                if !self.spec.keeps_unmatched(side) {
                    *closing = (side + 1, 0);
                    continue;
                }
                let store = &table.sides[side];
                let waiting = store.rows_from(next).filter(|id| store.mark(*id) != MATCHED);
                let ids: Vec<RowId> = waiting.take(self.spec.result_rows_max).collect();
                *closing = match ids.last() {
                    Some(last) if ids.len() == self.spec.result_rows_max => (side, last + 1),
                    _ => (side + 1, 0),
                };
                if !ids.is_empty() {
                    table.emit_unmatched(side, &ids, Some(*window), &self.joined, out)?;
                    // A snapshot before the next part must not have them again.
                    ids.iter().for_each(|id| table.sides[side].set_mark(*id, MATCHED));
                    return Ok(Progress::More);
                }
            }
            self.state_bytes -= *bytes;
            first.remove();
        }
        Ok(Progress::Done)
    }
}

impl Operator for WindowJoin {
    fn process(&mut self, side: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        // Else the batch is the one that was put back.
        if self.pending.is_empty() {
            self.progress.ingested_at = self.progress.ingested_at.max(batch.ingested_at);
            self.joined.ingested_at = self.progress.ingested_at;
            self.divide(side, &batch, out)?;
        }
        self.join_next(side, out)?;
        if !self.pending.is_empty() {
            out.put_back(batch);
        }
        Ok(Progress::Done)
    }

    fn on_time(&mut self, at: Time, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let Time::Watermark(watermark) = at else { return Ok(Progress::Done) };
        self.progress.watermark = self.progress.watermark.max(watermark);
        self.close_part(out)
    }

    fn more(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.close_part(out)
    }

    fn state_bytes(&mut self) -> u64 {
        self.state_bytes
    }

    fn freeze(&mut self, _cut: Cut) -> Result<Frozen, OperatorError> {
        let freeze = |of: &mut WindowTable| TableParts::freeze(&mut of.table, vec![of.window.start, of.window.end]);
        let parts = self.tables.values_mut().map(freeze).collect();
        Ok(self.state.freeze(parts, self.progress))
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        let restored = self.state.restore(snapshot, &self.spec)?;
        self.progress = restored.progress;
        self.joined.ingested_at = self.progress.ingested_at;
        for (side, rows) in restored.rows {
            let keys = self.spec.sides[side].keys.len();
            for (window, rows) in window_runs(&rows, keys) {
                self.table(window)?.table.restore(side, &rows, keys, WINDOW_COLUMNS.len())?;
            }
        }
        for of_window in self.tables.values_mut() {
            of_window.bytes = of_window.table.memory_bytes();
        }
        self.state_bytes = self.tables.values().map(|of_window| of_window.bytes).sum();
        Ok(())
    }
}
