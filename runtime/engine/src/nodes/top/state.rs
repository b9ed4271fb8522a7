//! What snapshots of a top-n hold: in the table `rows` all rows that are kept, by key group, with the event time of each and how often it
//! is there.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use weir_core::batch::StreamBatch;
use weir_core::column_type::columns_text;
use weir_state::key_groups::GroupTables;
use weir_state::{FrozenKeys, FrozenRows};

use super::order::RowOrder;
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
    rows: &FrozenRows,
    key_groups: u32,
) -> Result<Snapshot, OperatorError> {
    let schema = Arc::new(layout(order));
    let mut tables = GroupTables::new(schema.clone(), key_groups);
    rows.add_with(&mut tables, keys, |rows| {
        let counts = rows.marks.unary::<_, Int64Type>(i64::from);
        let mut columns = rows.columns;
        columns.truncate(order.input.fields().len());
        columns.extend([Arc::new(rows.times) as ArrayRef, Arc::new(counts)]);
        Ok(RecordBatch::try_new(schema.clone(), columns)?)
    })?;
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
