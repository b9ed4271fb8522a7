//! The panes that hold rows: a table of accumulators each. Knows nothing of watermarks or of what is emitted.

use std::collections::BTreeMap;

use arrow::datatypes::FieldRef;
use weir_core::window::Window;

use super::aggregate_set::AggregateSet;
use super::group_table::GroupTable;
use super::pane_blocks::PaneBlocks;
use super::panes::PaneGrid;
use crate::dataflow::operator::OperatorError;

/// Tables of dropped panes that are kept for new ones: a pane or two end while one begins.
const SPARE_TABLES_MAX: usize = 4;

/// Panes by their first instant.
pub(super) struct PaneStore {
    tables: BTreeMap<i64, GroupTable>,
    /// The same merged ahead, where windows have many.
    blocks: Option<PaneBlocks>,
    spare: Vec<GroupTable>,
    key_fields: Vec<FieldRef>,
    /// Without groups: what new tables begin with.
    aggregates: AggregateSet,
}

impl PaneStore {
    pub(super) fn new(grid: PaneGrid, key_fields: Vec<FieldRef>, aggregates: AggregateSet) -> Self {
        let blocks = PaneBlocks::new(grid);
        Self { tables: BTreeMap::new(), blocks, spare: Vec::new(), key_fields, aggregates }
    }

    /// A pane's table, to be changed, which is made if there is none.
    pub(super) fn table(&mut self, pane: i64) -> Result<&mut GroupTable, OperatorError> {
        if let Some(blocks) = &mut self.blocks {
            blocks.changes(pane);
        }
        if !self.tables.contains_key(&pane) {
            let table = match self.spare.pop() {
                Some(table) => table,
                None => GroupTable::new(&self.key_fields, self.aggregates.fresh())?,
            };
            self.tables.insert(pane, table);
        }
        self.tables.get_mut(&pane).ok_or_else(|| OperatorError::Call(format!("pane {pane} is missing")))
    }

    /// Whether rows can be refused.
    pub(super) fn refuses_rows(&self) -> bool {
        self.aggregates.refuses_rows()
    }

    pub(super) fn get(&self, pane: i64) -> Option<&GroupTable> {
        self.tables.get(&pane)
    }

    pub(super) fn get_mut(&mut self, pane: i64) -> Option<&mut GroupTable> {
        self.tables.get_mut(&pane)
    }

    /// The panes of a window, in order.
    pub(super) fn of_window(&self, window: Window) -> impl DoubleEndedIterator<Item = (i64, &GroupTable)> {
        let (first, last) = (window.start, window.max_time());
        let panes = (first <= last).then(|| self.tables.range(first..=last));
        panes.into_iter().flatten().map(|(pane, table)| (*pane, table))
    }

    /// Adds all groups of a window's panes to a table.
    pub(super) fn merge_window(&mut self, window: Window, into: &mut GroupTable) -> Result<(), OperatorError> {
        let are_better = PaneBlocks::are_better(self.of_window(window));
        match self.blocks.as_mut().filter(|_| are_better) {
            None => self.of_window(window).try_for_each(|(_, table)| into.merge_table(table)),
            Some(blocks) => {
                let fresh = || GroupTable::new(&self.key_fields, self.aggregates.fresh());
                blocks.of_window(window, &self.tables, fresh)?.try_for_each(|table| into.merge_table(table))
            }
        }
    }

    /// Bytes that all panes take.
    pub(super) fn memory_bytes(&mut self) -> u64 {
        let blocks = self.blocks.as_mut().map_or(0, PaneBlocks::memory_bytes);
        blocks + self.tables.values_mut().map(GroupTable::memory_bytes).sum::<u64>()
    }

    /// The first pane from an instant on.
    pub(super) fn first_from(&self, time: i64) -> Option<i64> {
        self.tables.range(time..).next().map(|(pane, _)| *pane)
    }

    /// All panes, in order.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (i64, &mut GroupTable)> {
        self.tables.iter_mut().map(|(pane, table)| (*pane, table))
    }

    /// Drops panes from the first on, as long as `drops` says so.
    pub(super) fn drop_while(&mut self, drops: impl Fn(i64) -> bool) {
        while let Some(first) = self.tables.first_entry().filter(|first| drops(*first.key())) {
            let mut table = first.remove();
            if self.spare.len() < SPARE_TABLES_MAX {
                table.clear();
                self.spare.push(table);
            }
        }
        if let Some(blocks) = &mut self.blocks {
            blocks.drop_before(self.tables.first_key_value().map_or(i64::MAX, |(first, _)| *first));
        }
    }
}
