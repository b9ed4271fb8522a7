//! The windows that a watermark has completed, emitted part by part. Never changes a pane.
//!
//! Consecutive windows over the same panes have the same results, so these are merged once for all of them: a day that slides by
//! a millisecond over a few rows is millions of windows and a few merges.

use weir_core::window::Window;

use super::emitted_keys::{EmittedKeys, emitted_rows};
use super::group_table::GroupTable;
use super::pane_store::PaneStore;
use super::panes::PaneGrid;
use super::results::{Fired, Results};
use super::window_state::EmittedRows;
use crate::dataflow::operator::{OperatorError, Outputs, Progress};

/// How far the results of windows have been emitted.
pub(super) struct Firing {
    grid: PaneGrid,
    /// The results of all windows whose last instant is not after this have been emitted.
    emitted_until: i64,
    /// The number of the window after these.
    next: i128,
    /// The groups of that window; `None`: not looked at yet.
    source: Option<Source>,
    /// How many of them have been emitted.
    emitted_groups: usize,
    /// Keys that had been emitted further than others when the state was frozen.
    ahead: EmittedKeys,
    /// Where the panes of a window are merged.
    merged: GroupTable,
}

/// The groups of some consecutive windows.
struct Source {
    /// The last window that has them.
    last: i128,
    /// The pane whose groups they are; `None`: they are merged from several.
    pane: Option<i64>,
    /// Their slots.
    slots: Vec<u32>,
}

impl Source {
    fn table<'a>(&self, panes: &'a PaneStore, merged: &'a GroupTable) -> &'a GroupTable {
        self.pane.and_then(|pane| panes.get(pane)).unwrap_or(merged)
    }
}

impl Firing {
    /// Everything up to a watermark has been emitted. `merged`: an empty table.
    pub(super) fn new(grid: PaneGrid, watermark: i64, ahead: EmittedKeys, merged: GroupTable) -> Self {
        let next = grid.first_unfired(watermark);
        Self { grid, emitted_until: watermark, next, source: None, emitted_groups: 0, ahead, merged }
    }

    /// The results of all windows whose last instant is not after this have been emitted.
    pub(super) fn emitted_until(&self) -> i64 {
        self.emitted_until
    }

    /// Resumes where the state was frozen; the keys in [`Firing::ahead`] further than the others.
    pub(super) fn resume(&mut self, emitted_until: i64) {
        self.emitted_until = emitted_until;
        self.next = self.grid.first_unfired(emitted_until);
    }

    /// Keys of which more has been emitted than [`Firing::emitted_until`] says, as they were restored.
    pub(super) fn ahead(&mut self) -> &mut EmittedKeys {
        &mut self.ahead
    }

    /// Keys of which more has been emitted than [`Firing::emitted_until`] says, as they are now.
    pub(super) fn freeze_keys(&mut self, panes: &mut PaneStore) -> Vec<EmittedRows> {
        let mut all = vec![self.ahead.freeze()];
        if let Some(Source { pane, slots, .. }) = self.source.as_ref().filter(|_| self.emitted_groups > 0) {
            let slots = slots.get(..self.emitted_groups).unwrap_or_default();
            let table = pane.and_then(|pane| panes.get_mut(pane)).unwrap_or(&mut self.merged);
            all.push(emitted_rows(table.keys.freeze(), slots, self.grid.window(self.next).max_time()));
        }
        all
    }

    /// Emits the next results of windows that a watermark has completed, at most `rows_max`.
    pub(super) fn part(
        &mut self,
        panes: &mut PaneStore,
        watermark: i64,
        rows_max: usize,
        (results, ingested_at): (&Results, i64),
        out: &mut Outputs,
    ) -> Result<Progress, OperatorError> {
        let mut rows = Rows::default();
        let mut room = rows_max;
        while let Some(window) = self.next_window(panes, watermark) {
            if room == 0 {
                return Ok(Progress::More);
            }
            self.look_at(panes, window)?;
            let Some(source) = &self.source else { break };
            let table = source.table(panes, &self.merged);
            // All windows that have these groups, as far as there is room.
            loop {
                let window = self.grid.window(self.next);
                if self.next > source.last || window.max_time() > watermark || room == 0 {
                    break;
                }
                let rest = source.slots.get(self.emitted_groups..).unwrap_or_default();
                let slots = &rest[..rest.len().min(room)];
                room -= self.ahead.push_others(&table.keys, slots, window, &mut rows.slots);
                rows.windows.resize(rows.slots.len(), window);
                self.emitted_groups += slots.len();
                if self.emitted_groups == source.slots.len() {
                    (self.emitted_until, self.emitted_groups) = (window.max_time(), 0);
                    self.next += 1;
                }
            }
            let GroupTable { keys, aggregates, .. } = table;
            let (key_slots, windows) = (&rows.slots, &rows.windows);
            results.emit(&Fired::once(keys, key_slots, windows, aggregates, key_slots), ingested_at, out)?;
            rows.slots.clear();
            rows.windows.clear();
        }
        self.emitted_until = watermark;
        self.emitted_groups = 0;
        self.ahead.clear();
        if self.source.take().is_some_and(|source| source.pane.is_none()) {
            self.merged.clear();
        }
        self.next = self.grid.first_unfired(watermark);
        Ok(Progress::Done)
    }

    /// The next window that has a pane with rows, if the watermark has completed it; there may be aeons before it.
    fn next_window(&mut self, panes: &PaneStore, watermark: i64) -> Option<Window> {
        if self.source.as_ref().is_none_or(|source| self.next > source.last) {
            let pane = panes.first_from(self.grid.window(self.next).start)?;
            self.next = self.next.max(*self.grid.windows_at(pane).start());
        }
        Some(self.grid.window(self.next)).filter(|window| window.max_time() <= watermark)
    }

    /// Makes the next window's groups, if the windows before had others.
    fn look_at(&mut self, panes: &mut PaneStore, window: Window) -> Result<(), OperatorError> {
        if self.source.as_ref().is_some_and(|source| self.next <= source.last) {
            return Ok(());
        }
        let mut tables = panes.of_window(window);
        let (first, second) = (tables.next(), tables.next());
        let first_pane = first.map(|(pane, _)| pane);
        let (pane, slots) = match (first, second) {
            (Some((pane, only)), None) => (Some(pane), only.keys.live_slots()),
            _ => {
                drop(tables);
                self.merged.clear();
                panes.merge_window(window, &mut self.merged)?;
                (None, self.merged.keys.live_slots())
            }
        };
        // Until the first pane is left behind, or another comes in.
        let leaves = first_pane.map_or(self.next, |pane| *self.grid.windows_at(pane).end());
        let enters = panes.first_from(window.end).map(|pane| *self.grid.windows_at(pane).start() - 1);
        let last = leaves.min(enters.unwrap_or(leaves)).max(self.next);
        self.source = Some(Source { last, pane, slots });
        Ok(())
    }
}

/// Results that are being gathered, from one table.
#[derive(Default)]
struct Rows {
    slots: Vec<u32>,
    windows: Vec<Window>,
}
