//! What snapshots of the general operator hold: a row per window of all that is known of it and of its accumulators; and the rows of
//! windows that keep them.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef};
use weir_core::window::Window;
use weir_state::key_groups::GroupTables;
use weir_state::{ChunkedVec, FrozenKeys};

use super::GeneralWindows;
use super::kept_rows::{Pending, Piece};
use crate::dataflow::operator::{Frozen, OperatorError, Snapshot, StateTable};
use crate::nodes::window::WindowSpec;
use crate::nodes::window::aggregate_set::AggregateSet;
use crate::nodes::window::entry::{ENTRY_COLUMNS, ENTRY_WIDTH, Entry};
use crate::nodes::window::frozen_groups::{FrozenGroups, Rows};
use crate::nodes::window::window_rows::WindowRows;
use crate::nodes::window::window_state::{StateLayout, Unemitted, WindowProgress};

const WINDOWS: &str = "windows";
const KEPT_ROWS: &str = "kept_rows";
/// The columns of a kept row before its values: its window, and its time.
const KEPT_BEFORE: [&str; 3] = ["start", "end", "event_time"];
const DELTA: &str = "weir.delta";

/// The columns of the windows.
pub(super) fn layout(
    spec: &WindowSpec,
    aggregates: &AggregateSet,
    key_fields: &[FieldRef],
    retracts: bool,
) -> StateLayout {
    let mut fields = aggregates.state_fields();
    if retracts {
        let given = |field: &FieldRef| Arc::new(Field::clone(field).with_name(format!("given.{}", field.name())));
        fields.extend(aggregates.state_fields().iter().map(given));
    }
    StateLayout::new(WINDOWS, spec, key_fields, &ENTRY_COLUMNS, fields)
}

impl GeneralWindows {
    pub(super) fn freeze_all(&mut self) -> Result<Frozen, OperatorError> {
        let keys = self.keys.freeze();
        let numbers: Vec<u32> = self.entries.numbers().collect();
        let entries = self.entries.freeze();
        let aggregates = self.contents.aggregates().freeze();
        let given = self.contents.given.as_mut().map(AggregateSet::freeze);
        let kept = self.contents.kept().map(|kept| kept.freeze());
        let progress = WindowProgress { watermark: self.watermark, ingested_at: self.ingested_at, late: self.late };
        let (layout, key_groups, schema) = (self.layout.clone(), self.spec.key_groups, self.kept_schema());
        Ok(Frozen::of_state(move || {
            let of_numbers: Vec<Entry> = numbers.iter().map(|number| entries[*number as usize]).collect();
            let kept = match kept {
                Some(kept) => kept_tables(&schema, &keys, (&numbers, &of_numbers), &kept, key_groups)?,
                None => Vec::new(),
            };
            let slots = of_numbers.iter().map(|entry| entry.key).collect();
            let rows = Rows::Entries { slots, groups: numbers, entries: of_numbers, given };
            let groups = FrozenGroups { keys, aggregates, rows };
            let mut snapshot = layout.snapshot(&[groups], progress, Unemitted::default(), &[], key_groups)?;
            snapshot.tables.extend(kept);
            Ok(snapshot)
        }))
    }

    pub(super) fn restore_all(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        let (kept, tables) = snapshot.tables.into_iter().partition(|table| table.name == KEPT_ROWS);
        let (progress, restored) = self.layout.restore(Snapshot { tables, ..snapshot }, &self.spec.input)?;
        (self.watermark, self.ingested_at, self.late) = (progress.watermark, progress.ingested_at, progress.late);
        self.now = progress.ingested_at;
        self.late.tell(&self.spec.metrics);
        let (keys, widths) = (self.layout.keys, self.contents.aggregates().state_widths());
        for (batch, _) in &restored.groups {
            let own = &batch.columns()[..keys];
            let mut slots = Vec::new();
            self.keys.slots(own, batch.num_rows(), &mut slots)?;
            let numbers = batch.columns().iter().skip(keys).take(ENTRY_WIDTH);
            let numbers: Vec<_> = numbers.map(|column| column.as_primitive::<Int64Type>().values()).collect();
            let entry = |row: usize| Entry::of_numbers(slots[row], std::array::from_fn(|place| numbers[place][row]));
            let places: Vec<u32> = (0..batch.num_rows()).map(|row| self.entries.insert(entry(row))).collect();
            self.contents.resize(self.entries.bound());
            let rows = WindowRows::of_accumulators(batch, keys, ENTRY_WIDTH, &widths);
            self.contents.aggregates().merge(&places, &rows)?;
            let before_given = ENTRY_WIDTH + widths.iter().sum::<usize>();
            if let Some(given) = &mut self.contents.given {
                given.merge(&places, &WindowRows::of_accumulators(batch, keys, before_given, &widths))?;
            }
            for number in places {
                self.entries.schedule(number);
                if self.entries.get(number).is_touched {
                    self.touched.push_back(number);
                }
            }
        }
        kept.iter().try_for_each(|table| self.restore_kept(table))
    }

    /// The columns of kept rows: keys, [`KEPT_BEFORE`], what an evictor compares, and what each aggregate reads.
    fn kept_schema(&self) -> SchemaRef {
        let int64 = |name: &&str| Arc::new(Field::new(*name, DataType::Int64, false));
        let mut fields = self.spec.key_fields();
        fields.extend(KEPT_BEFORE.iter().map(int64));
        if let Some(delta) = self.bound.delta {
            let is_integer = self.spec.input.field(delta).data_type().is_integer();
            let to = if is_integer { DataType::Int64 } else { DataType::Float64 };
            fields.push(Arc::new(Field::new(DELTA, to, true)));
        }
        let values =
            self.value_columns.iter().enumerate().flat_map(|(of, columns)| columns.iter().map(move |c| (of, c)));
        fields.extend(values.map(|(of, column)| {
            let field = self.spec.input.field(*column);
            let name = format!("{}.{}", self.spec.aggregates[of].name, field.name());
            Arc::new(field.clone().with_name(name).with_nullable(true))
        }));
        Arc::new(Schema::new(fields))
    }

    fn restore_kept(&mut self, table: &StateTable) -> Result<(), OperatorError> {
        let (schema, rows) = (self.kept_schema(), &table.rows);
        let types = |schema: &Schema| schema.fields().iter().map(|f| f.data_type().clone()).collect::<Vec<_>>();
        if types(&rows.schema()) != types(&schema) || self.contents.kept().is_none() {
            let message = "it has rows that windows keep for an evictor, of other columns than the windows keep now";
            return Err(OperatorError::Restore(message.to_owned()));
        }
        let keys = self.layout.keys;
        let mut slots = Vec::new();
        self.keys.slots(&rows.columns()[..keys], rows.num_rows(), &mut slots)?;
        let int64 = |place: usize| rows.column(keys + place).as_primitive::<Int64Type>().values();
        let (starts, ends, times) = (int64(0), int64(1), int64(2));
        let deltas = self.bound.delta.map(|_| rows.column(keys + KEPT_BEFORE.len()).clone());
        let first = keys + KEPT_BEFORE.len() + usize::from(deltas.is_some());
        let mut columns = rows.columns().iter().skip(first).cloned();
        let values = self.value_columns.iter().map(|of| columns.by_ref().take(of.len()).collect()).collect();
        let all = WindowRows { keys: Vec::new(), values, times: times.clone(), len: rows.num_rows() };
        let mut pending = Pending::default();
        for (row, slot) in slots.iter().enumerate() {
            let window = Window { start: starts[row], end: ends[row] };
            let number = self.entries.find(*slot, window);
            let number = number.ok_or_else(|| OperatorError::Restore("it has a row of no window".to_owned()))?;
            pending.push(row, number);
        }
        match self.contents.kept() {
            Some(kept) => kept.add(&pending, &all, deltas.as_ref()),
            None => Ok(()),
        }
    }
}

/// The rows of windows, in the order in which they came.
fn kept_tables(
    schema: &SchemaRef,
    keys: &FrozenKeys,
    (numbers, entries): (&[u32], &[Entry]),
    kept: &ChunkedVec<Vec<Arc<Piece>>>,
    key_groups: u32,
) -> Result<Vec<StateTable>, OperatorError> {
    let mut tables = GroupTables::new(schema.clone(), key_groups);
    for (number, entry) in numbers.iter().zip(entries) {
        for piece in &kept[*number as usize] {
            let rows = piece.rows.len;
            let slots = vec![entry.key; rows];
            let int64 = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
            let mut columns = keys.keys(&slots)?;
            columns.push(int64(vec![entry.window.start; rows]));
            columns.push(int64(vec![entry.window.end; rows]));
            columns.push(int64(piece.rows.times.to_vec()));
            columns.extend(piece.deltas.clone());
            columns.extend(piece.rows.values.iter().flatten().cloned());
            let all = RecordBatch::try_new(schema.clone(), columns)?;
            let take = |of: &[u32]| {
                let of = arrow::array::UInt32Array::from(of.to_vec());
                Ok::<_, OperatorError>(arrow::compute::take_record_batch(&all, &of)?)
            };
            tables.add(rows, |range| Ok(keys.hashes(&slots[range])?), take)?;
        }
    }
    let table = |(group, rows)| StateTable { name: KEPT_ROWS.to_owned(), key_group: Some(group), rows };
    Ok(tables.finish()?.into_iter().map(table).collect())
}
