//! Aggregates a window's rows ahead of its exchange: one row of accumulators per key and pane of each batch. Holds nothing between
//! batches, so it has no state to snapshot and delays nothing.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use weir_core::batch::StreamBatch;

use super::WindowSpec;
use super::aggregate_set::AggregateSet;
use super::group_table::GroupTable;
use super::pane_runs::{for_each_pane, rows_by_pane};
use super::panes::PaneGrid;
use super::window_rows::WindowRows;
use crate::dataflow::operator::{Operator, OperatorError, Outputs, Progress};
use crate::nodes::dead_letter::DeadLetters;

/// The column with the first instant of a pane.
pub(super) const PANE_COLUMN: &str = "pane";
/// The column with how many rows are in an accumulator, for counting late ones.
pub(super) const ROWS_COLUMN: &str = "rows";
/// How many columns are between the keys and the accumulators.
pub(super) const PARTIAL_BOUNDS: usize = 2;

/// The operator upstream of the exchange. Rows in gaps between windows end here.
pub(super) struct CombineOperator {
    key_columns: Vec<usize>,
    value_columns: Vec<Vec<usize>>,
    grid: PaneGrid,
    dead_letters: DeadLetters,
    table: GroupTable,
    /// By slot, of the pane that is being aggregated.
    counts: Vec<i64>,
    /// The greatest event time, by slot.
    times: Vec<i64>,
    schema: SchemaRef,
}

/// The groups of one pane of a batch.
struct Partial {
    columns: Vec<ArrayRef>,
    times: Vec<i64>,
}

impl CombineOperator {
    pub(super) fn new(spec: &WindowSpec) -> Result<Self, OperatorError> {
        let grid =
            PaneGrid::new(spec.window).ok_or_else(|| OperatorError::Call("sessions have no panes".to_owned()))?;
        let aggregates = AggregateSet::new(spec)?;
        let bound = |name| FieldRef::from(Field::new(name, DataType::Int64, false));
        let mut fields = spec.key_fields();
        fields.extend([bound(PANE_COLUMN), bound(ROWS_COLUMN)]);
        fields.extend(aggregates.state_fields());
        Ok(Self {
            key_columns: spec.key_columns.clone(),
            value_columns: AggregateSet::columns(spec),
            grid,
            dead_letters: spec.dead_letters(),
            table: GroupTable::new(&spec.key_fields(), aggregates)?,
            counts: Vec::new(),
            times: Vec::new(),
            schema: Arc::new(Schema::new(fields)),
        })
    }

    pub(super) fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Counts the rows that went into the table.
    fn count(&mut self, rows: &WindowRows, refused: &[(usize, String)]) {
        let Self { table, counts, times, .. } = self;
        counts.clear();
        counts.resize(table.keys.slot_bound(), 0);
        times.clear();
        times.resize(counts.len(), i64::MIN);
        if let ([count], [time], []) = (counts.as_mut_slice(), times.as_mut_slice(), refused) {
            *count = rows.len as i64;
            *time = rows.times.iter().copied().max().unwrap_or(i64::MIN);
            return;
        }
        let mut is_refused = refused.iter().map(|(row, _)| *row).peekable();
        for (row, (slot, time)) in table.slots.iter().zip(rows.times.iter()).enumerate() {
            if is_refused.next_if_eq(&row).is_none() {
                let slot = *slot as usize;
                counts[slot] += 1;
                times[slot] = times[slot].max(*time);
            }
        }
    }

    /// The accumulators of the rows of one pane.
    fn pane(
        &mut self,
        batch: &StreamBatch,
        pane: i64,
        rows: &WindowRows,
        row_of_batch: &dyn Fn(usize) -> usize,
    ) -> Result<Partial, OperatorError> {
        self.table.clear();
        let mut refused = Vec::new();
        if let Err(error) = self.table.add(rows, &mut refused, self.dead_letters.fails()) {
            for (row, reason) in refused {
                self.dead_letters.take(batch, row_of_batch(row), reason, &mut Vec::new())?;
            }
            return Err(error);
        }
        self.count(rows, &refused);
        for (row, reason) in refused {
            // Rows that are to be set aside whole are not combined: there are no dead letters here.
            self.dead_letters.take(batch, row_of_batch(row), reason, &mut Vec::new())?;
        }
        let slots = self.table.keys.live_slots();
        let mut columns = self.table.keys.keys(&slots)?;
        columns.push(Arc::new(Int64Array::from(vec![pane; slots.len()])));
        columns.push(Arc::new(Int64Array::from_iter_values(slots.iter().map(|s| self.counts[*s as usize]))));
        columns.extend(self.table.aggregates.state(&slots)?);
        Ok(Partial { columns, times: slots.iter().map(|s| self.times[*s as usize]).collect() })
    }
}

impl Operator for CombineOperator {
    fn process(&mut self, _input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let rows = WindowRows::of_batch(&batch, &self.key_columns, &self.value_columns);
        let mut panes = rows_by_pane(&self.grid, &rows.times);
        panes.retain(|of_pane| !self.grid.windows_at(of_pane.pane).is_empty());
        let mut partials = Vec::new();
        for_each_pane(&rows, &panes, |pane, rows, row_of_batch| {
            partials.push(self.pane(&batch, pane, rows, row_of_batch)?);
            Ok(())
        })?;
        let column = |index: usize| match partials.as_slice() {
            [only] => Ok(only.columns[index].clone()),
            all => concat(&all.iter().map(|p| p.columns[index].as_ref()).collect::<Vec<_>>()),
        };
        if partials.is_empty() {
            return Ok(Progress::Done);
        }
        let columns = (0..self.schema.fields().len()).map(column).collect::<Result<_, _>>()?;
        let rows = RecordBatch::try_new(self.schema.clone(), columns)?;
        let event_times = partials.iter().flat_map(|p| p.times.iter().copied()).collect();
        out.emit(0, StreamBatch::new(rows, event_times, batch.ingested_at));
        Ok(Progress::Done)
    }
}
