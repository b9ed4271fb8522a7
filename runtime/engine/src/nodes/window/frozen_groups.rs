//! The groups of a table that no longer changes, as rows of a snapshot. Knows neither panes nor sessions, only bounds.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use weir_core::window::Window;
use weir_state::FrozenKeys;

use super::aggregate_set::AggregateSet;
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
    /// Windows, each with the slot of its key and its group.
    Windows { slots: Vec<u32>, groups: Vec<u32>, windows: Vec<Window> },
}

impl FrozenGroups {
    /// The slots of the keys of all rows.
    pub(super) fn slots(&self) -> &[u32] {
        let (Rows::Pane { slots, .. } | Rows::Windows { slots, .. }) = &self.rows;
        slots
    }

    /// Some rows: the key columns, the bounds, the columns of the accumulators.
    pub(super) fn columns(&self, rows: &[u32]) -> Result<Vec<ArrayRef>, OperatorError> {
        let int64 = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
        let pick = |of: &[u32]| rows.iter().map(|row| of[*row as usize]).collect::<Vec<u32>>();
        let (slots, groups, bounds) = match &self.rows {
            Rows::Pane { start, slots } => {
                let slots = pick(slots);
                (slots.clone(), slots, vec![int64(vec![*start; rows.len()])])
            }
            Rows::Windows { slots, groups, windows } => {
                let bound =
                    |of: fn(&Window) -> i64| int64(rows.iter().map(|row| of(&windows[*row as usize])).collect());
                (pick(slots), pick(groups), vec![bound(|w| w.start), bound(|w| w.end)])
            }
        };
        let mut columns = self.keys.keys(&slots)?;
        columns.extend(bounds);
        columns.extend(self.aggregates.state(&groups)?);
        Ok(columns)
    }
}
