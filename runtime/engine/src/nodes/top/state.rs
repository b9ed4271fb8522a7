//! What snapshots of a top-n hold: in the table `rows` all rows that are kept, by key group, with the event time of each and how often it
//! is there.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use weir_core::batch::StreamBatch;
use weir_core::column_type::columns_text;
use weir_state::key_groups::GroupTables;
use weir_state::{ChunkedVec, FrozenKeys};

use super::order::RowOrder;
use super::ranked::{Ranked, RankedRow};
use crate::dataflow::operator::{OperatorError, Snapshot, StateTable};

const ROWS: &str = "rows";
const TIME: &str = "weir.event_time";
const COUNT: &str = "weir.count";

/// Rows of a snapshot.
pub(super) struct Part {
    pub(super) batch: StreamBatch,
    pub(super) counts: Int64Array,
}

fn layout(order: &RowOrder) -> Schema {
    let row = order.input.fields().iter().map(|field| Arc::new(Field::clone(field).with_nullable(true)));
    let own = [TIME, COUNT].map(|name| Arc::new(Field::new(name, DataType::Int64, false)));
    Schema::new(row.chain(own).collect::<Vec<_>>())
}

pub(super) fn snapshot(
    order: &RowOrder,
    keys: &FrozenKeys,
    slots: &[u32],
    rows: &ChunkedVec<Ranked>,
    key_groups: u32,
) -> Result<Snapshot, OperatorError> {
    let schema = Arc::new(layout(order));
    let of_slot = |slot: &u32| rows[*slot as usize].iter().map(|(row, times)| (*slot, row, times)).collect::<Vec<_>>();
    let all: Vec<(u32, &RankedRow, u64)> = slots.iter().flat_map(of_slot).collect();
    let mut tables = GroupTables::new(schema.clone(), key_groups);
    let columns = |rows: &[u32]| {
        let rows = || rows.iter().map(|row| &all[*row as usize]);
        let (mut columns, times) = order.decode(rows().map(|(_, row, _)| row.bytes()), i64::MIN)?;
        columns.push(Arc::new(Int64Array::new(times, None)));
        columns.push(Arc::new(Int64Array::from_iter_values(rows().map(|(_, _, times)| *times as i64))) as ArrayRef);
        Ok(RecordBatch::try_new(schema.clone(), columns)?)
    };
    let hashes = |range: std::ops::Range<usize>| {
        Ok::<_, OperatorError>(keys.hashes(&all[range].iter().map(|(slot, ..)| *slot).collect::<Vec<_>>())?)
    };
    tables.add(all.len(), hashes, columns)?;
    let table = |(group, rows)| StateTable { name: ROWS.to_owned(), key_group: Some(group), rows };
    Ok(Snapshot { tables: tables.finish()?.into_iter().map(table).collect(), ..Snapshot::default() })
}

/// The rows of a snapshot, checked.
pub(super) fn restored(order: &RowOrder, snapshot: Snapshot) -> Result<Vec<Part>, OperatorError> {
    let expected = layout(order);
    let types =
        |schema: &Schema| schema.fields().iter().map(|f| (f.name().clone(), f.data_type().clone())).collect::<Vec<_>>();
    let part = |StateTable { name, rows, .. }: StateTable| {
        if name != ROWS || types(&rows.schema()) != types(&expected) {
            let (found, expected) = (columns_text(&rows.schema()), columns_text(&expected));
            let message = format!("it has {name} of {found}, the top-n keeps {ROWS} of {expected}");
            return Err(OperatorError::Restore(message));
        }
        let columns = order.input.fields().len();
        let int64 = |column: usize| rows.column(column).as_primitive::<Int64Type>().clone();
        let kept = rows.project(&(0..columns).collect::<Vec<_>>())?;
        let batch = StreamBatch::new(kept, int64(columns).values().clone(), i64::MIN);
        Ok(Part { batch, counts: int64(columns + 1) })
    };
    snapshot.tables.into_iter().map(part).collect()
}
