//! Makes the output rows of a join: columns of rows that came now, of rows that were kept, and nulls. Only columns that somebody reads.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray, UInt32Array, new_null_array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use weir_core::batch::{RowKind, RowKinds, StreamBatch};
use weir_core::window::Window;
use weir_state::{RowId, RowStore};

use super::{JoinColumn, JoinSpec};
use crate::dataflow::operator::{OperatorError, Outputs};

/// The main output.
const MAIN: usize = 0;

/// The shape of the output rows.
pub(super) struct JoinedRows {
    columns: Vec<JoinColumn>,
    schema: SchemaRef,
    /// By side: which of the kept columns go out.
    wanted: [Vec<usize>; 2],
    /// When the youngest row came that an output row may be made of.
    pub(super) ingested_at: i64,
}

/// Where the columns of one side come from.
#[derive(Clone, Copy)]
pub(super) enum RowsOf<'a> {
    /// Rows that came now: the kept columns, and which rows.
    Batch(&'a [ArrayRef], &'a [u32]),
    /// Rows that were kept.
    Store(&'a RowStore, &'a [RowId]),
    /// The same, or nulls.
    StoreOrNulls(&'a RowStore, &'a [Option<RowId>]),
    /// There is no such row.
    Nulls,
}

impl JoinedRows {
    pub(super) fn new(spec: &JoinSpec) -> Self {
        let wanted = [0, 1].map(|of| {
            let column = |column: &JoinColumn| match column {
                JoinColumn::Of { side, column } if *side == of => Some(*column),
                JoinColumn::Of { .. } | JoinColumn::WindowStart | JoinColumn::WindowEnd => None,
            };
            spec.columns.iter().filter_map(column).collect()
        });
        Self { columns: spec.columns.clone(), schema: spec.schema.clone(), wanted, ingested_at: i64::MIN }
    }

    /// As [`JoinedRows::emit_kind`], of new rows.
    pub(super) fn emit(
        &self,
        sides: [RowsOf<'_>; 2],
        times: Vec<i64>,
        window: &dyn Fn(usize) -> Window,
        out: &mut Outputs,
    ) -> Result<(), OperatorError> {
        self.emit_kind(RowKind::Insert, sides, times, window, out)
    }

    /// Emits rows of one kind, a time each; `window` says in which window a row is, of a join that has windows.
    pub(super) fn emit_kind(
        &self,
        kind: RowKind,
        sides: [RowsOf<'_>; 2],
        times: Vec<i64>,
        window: &dyn Fn(usize) -> Window,
        out: &mut Outputs,
    ) -> Result<(), OperatorError> {
        let rows = times.len();
        if rows == 0 {
            return Ok(());
        }
        let [left, right] = sides;
        let mut of_sides = [self.columns_of(0, left)?, self.columns_of(1, right)?].map(Vec::into_iter);
        let bounds = |bound: fn(&Window) -> i64| -> ArrayRef {
            let times = (0..rows).map(|row| bound(&window(row)));
            Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))
        };
        let mut columns = Vec::with_capacity(self.columns.len());
        for (column, field) in self.columns.iter().zip(self.schema.fields()) {
            columns.push(match column {
                // Each side's come in the order in which they are wanted.
                JoinColumn::Of { side, .. } => {
                    of_sides[*side].next().unwrap_or_else(|| new_null_array(field.data_type(), rows))
                }
                JoinColumn::WindowStart => bounds(|window| window.start),
                JoinColumn::WindowEnd => bounds(|window| window.end),
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let made = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?;
        let row_kinds = if kind == RowKind::Insert { None } else { RowKinds::new(vec![kind as u8; rows].into()) };
        out.emit(MAIN, StreamBatch { row_kinds, ..StreamBatch::new(made, times.into(), self.ingested_at) });
        Ok(())
    }

    fn columns_of(&self, side: usize, from: RowsOf<'_>) -> Result<Vec<ArrayRef>, OperatorError> {
        let wanted = &self.wanted[side];
        match from {
            // The caller makes as many nulls as there are rows.
            RowsOf::Nulls => Ok(Vec::new()),
            RowsOf::Store(store, ids) => Ok(store.take(ids, wanted)?),
            RowsOf::StoreOrNulls(store, ids) => {
                let rows: Vec<RowId> = ids.iter().flatten().copied().collect();
                let mut next = 0..rows.len() as u32;
                let places: UInt32Array = ids.iter().map(|id| id.and_then(|_| next.next())).collect();
                store.take(&rows, wanted)?.iter().map(|column| Ok(take(column, &places, None)?)).collect()
            }
            RowsOf::Batch(kept, rows) => {
                let rows = UInt32Array::from(rows.to_vec());
                wanted.iter().map(|column| Ok(take(&kept[*column], &rows, None)?)).collect()
            }
        }
    }
}
