//! The groups of a table that no longer changes, as rows of a snapshot. Knows neither panes nor sessions, only bounds.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use weir_core::window::Window;
use weir_state::FrozenKeys;

use super::aggregate_set::AggregateSet;
use super::entry::{ENTRY_WIDTH, Entry};
use crate::dataflow::operator::OperatorError;

/// Groups of keys, each within bounds of time.
pub(super) struct FrozenGroups {
    pub(super) keys: FrozenKeys,
    pub(super) aggregates: AggregateSet,
    pub(super) rows: Rows,
}

/// Which groups there are.
pub(super) enum Rows {
    /// Of one pane; the groups are the slots of their keys.
    Pane { start: i64, slots: Vec<u32> },
    /// Windows, each with the slot of its key, its group, and whether its result has been emitted.
    Windows { slots: Vec<u32>, groups: Vec<u32>, windows: Vec<Window>, emitted: Vec<bool> },
    /// Windows of the general operator, with what it knows of each; `given`: what the results that stand were made of.
    Entries { slots: Vec<u32>, groups: Vec<u32>, entries: Vec<Entry>, given: Option<AggregateSet> },
}

impl FrozenGroups {
    /// The slots of the keys of all rows.
    pub(super) fn slots(&self) -> &[u32] {
        let (Rows::Pane { slots, .. } | Rows::Windows { slots, .. } | Rows::Entries { slots, .. }) = &self.rows;
        slots
    }

    /// Some rows: the key columns, the bounds, the columns of the accumulators; and, if results are still to be emitted, up to
    /// when those of the row have been. `emitted_until`: of all panes; `None`: nothing is still to be emitted.
    pub(super) fn columns(&self, rows: &[u32], emitted_until: Option<i64>) -> Result<Vec<ArrayRef>, OperatorError> {
        let int64 = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
        let pick = |of: &[u32]| rows.iter().map(|row| of[*row as usize]).collect::<Vec<u32>>();
        let (slots, groups, bounds) = match &self.rows {
            Rows::Pane { start, slots } => {
                let slots = pick(slots);
                (slots.clone(), slots, vec![int64(vec![*start; rows.len()])])
            }
            Rows::Windows { slots, groups, windows, .. } => {
                let bound =
                    |of: fn(&Window) -> i64| int64(rows.iter().map(|row| of(&windows[*row as usize])).collect());
                (pick(slots), pick(groups), vec![bound(|w| w.start), bound(|w| w.end)])
            }
            Rows::Entries { slots, groups, entries, .. } => {
                let numbers: Vec<_> = rows.iter().map(|row| entries[*row as usize].numbers()).collect();
                let column = |place: usize| int64(numbers.iter().map(|numbers| numbers[place]).collect());
                (pick(slots), pick(groups), (0..ENTRY_WIDTH).map(column).collect())
            }
        };
        let mut columns = self.keys.keys(&slots)?;
        columns.extend(bounds);
        columns.extend(self.aggregates.state(&groups)?);
        if let Rows::Entries { given: Some(given), .. } = &self.rows {
            columns.extend(given.state(&groups)?);
        }
        columns.extend(emitted_until.map(|until| match &self.rows {
            Rows::Pane { .. } | Rows::Entries { .. } => int64(vec![until; rows.len()]),
            Rows::Windows { windows, emitted, .. } => {
                let of_row = |row: usize| if emitted[row] { windows[row].max_time() } else { i64::MIN };
                int64(rows.iter().map(|row| of_row(*row as usize)).collect())
            }
        }));
        Ok(columns)
    }
}
