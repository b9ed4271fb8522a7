//! What snapshots of deduplications hold: a row per key, by key group, and how far event time is.
//!
//! | table | rows |
//! |---|---|
//! | `keys`, `rows` | the key columns, then what is kept of each |
//! | `progress` | one: the watermark |

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use weir_core::time::WATERMARK_MIN;
use weir_state::{FrozenState, KeyedState};

use crate::dataflow::operator::{OperatorError, Snapshot, StateTable};

const PROGRESS: &str = "progress";
const WATERMARK: &str = "watermark";

/// `name` is that of the table with a row per key.
pub(super) fn snapshot(
    name: &str,
    state: &FrozenState,
    watermark: Option<i64>,
    key_groups: u32,
) -> Result<Snapshot, OperatorError> {
    let table = |(group, rows)| StateTable { name: name.to_owned(), key_group: Some(group), rows };
    let mut tables: Vec<StateTable> = state.tables(key_groups)?.into_iter().map(table).collect();
    if let Some(watermark) = watermark {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![watermark]));
        let rows = RecordBatch::try_from_iter([(WATERMARK, column)])?;
        tables.push(StateTable { name: PROGRESS.to_owned(), key_group: None, rows });
    }
    Ok(Snapshot { tables, ..Snapshot::default() })
}

/// Takes the rows of a snapshot into `state`. Gives the slots of their keys, and the watermark: of several former subtasks the least, as
/// no row was late to that one which is not late to the others.
pub(super) fn restore(
    name: &str,
    state: &mut KeyedState,
    snapshot: Snapshot,
) -> Result<(Vec<u32>, i64), OperatorError> {
    let (progress, rows): (Vec<StateTable>, Vec<StateTable>) =
        snapshot.tables.into_iter().partition(|table| table.name == PROGRESS);
    if let Some(other) = rows.iter().find(|table| table.name != name) {
        return Err(OperatorError::Restore(format!("it has no state named {:?}", other.name)));
    }
    let slots = state.slots_of_all(rows.iter().map(|table| &table.rows))?;
    let mut rest = slots.as_slice();
    for StateTable { rows, .. } in &rows {
        let (own, others) = rest.split_at(rows.num_rows());
        state.restore(rows, own)?;
        rest = others;
    }
    let watermark = |table: &StateTable| {
        let column = table.rows.column_by_name(WATERMARK)?.as_primitive_opt::<Int64Type>()?;
        column.values().first().copied()
    };
    let watermark = progress.iter().filter_map(watermark).min().unwrap_or(WATERMARK_MIN);
    Ok((slots, watermark))
}
