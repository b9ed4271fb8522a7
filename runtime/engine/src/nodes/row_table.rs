//! The table that an updating stream describes: the rows that came and were not taken back, or the newest of each key. It gives out no row
//! by itself.
//!
//! Rows are kept encoded, so that any type of column can be in them. A snapshot has the columns, and how often each row is there, in a table per
//! key group and an empty one.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BinaryArray, BooleanBufferBuilder, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef};
use arrow::row::{RowConverter, SortField};
use weir_core::batch::{RowKind, StreamBatch};
use weir_state::{FrozenState, KeyedState, States};

use super::distinct::DistinctSlots;
use crate::dataflow::operator::{OperatorError, StateTable};
use crate::dataflow::row_text::row_text;

/// Rows that are made into columns at once.
const ROWS_MAX: usize = 8_192;
/// The table of a snapshot, and its column beside those of the rows.
const ROWS: &str = "rows";
const COUNT: &str = "weir.count";

/// Keeps the rows.
pub(super) struct RowTable {
    layout: Arc<Layout>,
    /// By the encoded key the encoded row, or by the encoded row how often it is there: less than never, if it was taken back first.
    state: KeyedState,
    distinct: DistinctSlots,
    /// The slots whose rows are still to be taken out, when no more come.
    to_take: Option<Vec<u32>>,
}

/// How rows are kept.
struct Layout {
    schema: SchemaRef,
    rows: RowConverter,
    /// The columns of the key, where rows are updates by key.
    key: Option<(Vec<usize>, RowConverter)>,
    key_groups: u32,
}

/// The rows at one moment.
pub(super) struct FrozenTable {
    layout: Arc<Layout>,
    state: FrozenState,
}

/// The keys of the rows so far.
struct Keys<'a> {
    columns: &'a [usize],
    converter: RowConverter,
    seen: HashSet<Box<[u8]>>,
}

impl<'a> Keys<'a> {
    fn new(schema: &Schema, columns: &'a [usize]) -> Result<Self, OperatorError> {
        let sort = |column: &usize| SortField::new(schema.field(*column).data_type().clone());
        let converter = RowConverter::new(columns.iter().map(sort).collect())?;
        Ok(Self { columns, converter, seen: HashSet::new() })
    }

    fn check(&mut self, rows: &RecordBatch) -> Result<(), OperatorError> {
        let rows = rows.project(self.columns)?;
        let keys = self.converter.convert_columns(rows.columns())?;
        // Rows of no column are not converted: all have the one key that there is.
        let key = |row| if self.columns.is_empty() { Box::default() } else { keys.row(row).data().into() };
        match (0..rows.num_rows()).find(|row| !self.seen.insert(key(*row))) {
            None => Ok(()),
            Some(row) => Err(OperatorError::Call(format!(
                "several rows of the table have the key {}: name columns as its `key` that tell rows apart, or deduplicate the rows \
                 before the sink",
                row_text(&rows, row)
            ))),
        }
    }
}

impl RowTable {
    /// For rows with these columns; `key`: rows are updates by it.
    pub(super) fn new(schema: &Schema, key: Option<Vec<usize>>, key_groups: u32) -> Result<Self, OperatorError> {
        let sort = |field: &FieldRef| SortField::new(field.data_type().clone());
        let rows = RowConverter::new(schema.fields().iter().map(sort).collect())?;
        let key = match key {
            Some(key) => {
                let fields = key.iter().map(|column| sort(&schema.fields()[*column])).collect();
                Some((key, RowConverter::new(fields)?))
            }
            None => None,
        };
        // Of a row that is deleted by its key only that is known.
        let nullable = |field: &FieldRef| Arc::new(field.as_ref().clone().with_nullable(true));
        let schema = Arc::new(Schema::new(schema.fields().iter().map(nullable).collect::<Vec<_>>()));
        let field = |name: &str, data_type| Arc::new(Field::new(name, data_type, false));
        let value = if key.is_some() { field("row", DataType::Binary) } else { field(COUNT, DataType::Int64) };
        let state = KeyedState::new(&[field("key", DataType::Binary)], &[value])?;
        let layout = Arc::new(Layout { schema, rows, key, key_groups });
        Ok(Self { layout, state, distinct: DistinctSlots::default(), to_take: None })
    }

    /// Takes rows.
    pub(super) fn take(&mut self, batch: &StreamBatch) -> Result<(), OperatorError> {
        let counts: Vec<i64> =
            (0..batch.len()).map(|row| if batch.row_kind(row).takes_back() { -1 } else { 1 }).collect();
        self.add(batch.rows.columns(), &counts, |row| batch.row_kind(row) == RowKind::Delete)
    }

    /// Rows, and how often each comes; `deletes`: it deletes the one with its key.
    fn add(
        &mut self,
        columns: &[ArrayRef],
        counts: &[i64],
        deletes: impl Fn(usize) -> bool,
    ) -> Result<(), OperatorError> {
        let rows = self.layout.rows.convert_columns(columns)?.try_into_binary()?;
        let keys: ArrayRef = match &self.layout.key {
            None => Arc::new(rows.clone()),
            Some((key, _)) if key.is_empty() => Arc::new(BinaryArray::from_iter_values(counts.iter().map(|_| b""))),
            Some((key, converter)) => {
                let key: Vec<ArrayRef> = key.iter().map(|column| columns[*column].clone()).collect();
                Arc::new(converter.convert_columns(&key)?.try_into_binary()?)
            }
        };
        let mut slots = Vec::new();
        let bound = self.state.slots(&[keys], counts.len(), &mut slots)?;
        let (slots, key_of_row) = self.distinct.of(&slots, bound);
        let mut present = BooleanBufferBuilder::new(slots.len());
        let value: ArrayRef = if self.layout.key.is_some() {
            let mut last = vec![None; slots.len()];
            for (row, key) in key_of_row.iter().enumerate() {
                last[*key as usize] = (!deletes(row)).then_some(row as u32);
            }
            last.iter().for_each(|row| present.append(row.is_some()));
            take(&rows, &UInt32Array::from(last), None)?
        } else {
            let before = self.state.gather(&slots)?;
            let times = before.columns[0].as_primitive::<Int64Type>();
            let mut now: Vec<i64> =
                (0..slots.len()).map(|key| if before.present.value(key) { times.value(key) } else { 0 }).collect();
            key_of_row.iter().zip(counts).for_each(|(key, count)| now[*key as usize] += count);
            now.iter().for_each(|count| present.append(*count != 0));
            Arc::new(Int64Array::from(now))
        };
        self.state.put(&slots, States { present: present.finish(), columns: vec![value] })?;
        self.state.release(&slots, |_| false);
        Ok(())
    }

    /// Bytes that it takes.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.state.memory_bytes()
    }

    /// All rows as they are now.
    pub(super) fn freeze(&mut self) -> FrozenTable {
        FrozenTable { layout: Arc::clone(&self.layout), state: self.state.freeze() }
    }

    /// Takes some of its rows out of it; `None`: it has none.
    pub(super) fn pop(&mut self) -> Result<Option<RecordBatch>, OperatorError> {
        let to_take = self.to_take.get_or_insert_with(|| self.state.with_state());
        let slots = to_take.split_off(to_take.len().saturating_sub(ROWS_MAX));
        if slots.is_empty() {
            return Ok(None);
        }
        let keys = self.state.keys().keys(&slots)?.swap_remove(0);
        let value = self.state.gather(&slots)?.columns.swap_remove(0);
        slots.iter().for_each(|slot| self.state.remove(*slot));
        self.state.release(&slots, |_| false);
        let rows = self.layout.encoded(&keys, &value);
        Ok(Some(self.layout.decoded(&rows)?))
    }

    /// Gives what has come since it was empty, in batches: first the rows that were taken back, then those that are there, each as often as it is
    /// so. It is empty then. Only for rows that are not updates by key.
    pub(super) fn drain_changes(
        &mut self,
        mut each: impl FnMut(RecordBatch, RowKind) -> Result<(), OperatorError>,
    ) -> Result<(), OperatorError> {
        let slots = self.state.with_state();
        let counts = self.state.gather(&slots)?.columns.swap_remove(0);
        let counts = counts.as_primitive::<Int64Type>().values();
        let changes = || slots.iter().copied().zip(counts.iter().copied());
        let (back, there): (Vec<_>, Vec<_>) = changes().partition(|(_, count)| *count < 0);
        for (kind, changes) in [(RowKind::Delete, back), (RowKind::Insert, there)] {
            for changes in changes.chunks(ROWS_MAX) {
                let (slots, counts): (Vec<u32>, Vec<i64>) = changes.iter().copied().unzip();
                let keys = self.state.keys().keys(&slots)?.swap_remove(0);
                let counts: ArrayRef = Arc::new(Int64Array::from_iter_values(counts.iter().map(|count| count.abs())));
                let encoded = self.layout.encoded(&keys, &counts);
                for rows in encoded.chunks(ROWS_MAX) {
                    each(self.layout.decoded(rows)?, kind)?;
                }
            }
        }
        slots.iter().for_each(|slot| self.state.remove(*slot));
        self.state.release(&slots, |_| false);
        Ok(())
    }

    /// Takes the tables of a snapshot.
    ///
    /// # Errors
    /// If there are none, as a table that has no rows has one too: then rows would be taken back that never came.
    pub(super) fn restore(&mut self, tables: Vec<StateTable>) -> Result<(), OperatorError> {
        if tables.is_empty() {
            let message = "it keeps a table, and the checkpoint does not have its rows, as the sink is new or did not keep them: begin the \
                           job anew, without its checkpoints";
            return Err(OperatorError::Restore(message.to_owned()));
        }
        for StateTable { name, rows, .. } in tables {
            let fields = self.layout.schema.fields();
            let is_same = rows.num_columns() == fields.len() + 1
                && fields
                    .iter()
                    .zip(rows.schema().fields())
                    .all(|(a, b)| a.name() == b.name() && a.data_type() == b.data_type());
            let counts = rows.columns().last().and_then(|counts| counts.as_primitive_opt::<Int64Type>());
            let (true, true, Some(counts)) = (name == ROWS, is_same, counts) else {
                let message = "it keeps the rows of its table, and they have other columns than in the checkpoint";
                return Err(OperatorError::Restore(message.to_owned()));
            };
            self.add(&rows.columns()[..fields.len()], counts.values(), |_| false)?;
        }
        Ok(())
    }
}

impl Layout {
    /// The encoded rows of states, each as often as it is there.
    fn encoded<'a>(&self, keys: &'a ArrayRef, value: &'a ArrayRef) -> Vec<&'a [u8]> {
        match value.as_primitive_opt::<Int64Type>() {
            Some(counts) => {
                let times = |count: &i64| usize::try_from(*count).unwrap_or(0);
                let keys = keys.as_binary::<i32>();
                let rows = counts.values().iter().enumerate();
                rows.flat_map(|(row, count)| std::iter::repeat_n(keys.value(row), times(count))).collect()
            }
            None => value.as_binary::<i32>().iter().flatten().collect(),
        }
    }

    fn decoded(&self, rows: &[&[u8]]) -> Result<RecordBatch, OperatorError> {
        let parser = self.rows.parser();
        let columns = self.rows.convert_rows(rows.iter().map(|row| parser.parse(row)))?;
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

impl FrozenTable {
    /// Gives all rows, in their order, to `each`, in batches. It is an error if two of them have the same values in the columns `unique`.
    pub(super) fn rows(
        &self,
        unique: Option<&[usize]>,
        mut each: impl FnMut(RecordBatch) -> Result<(), OperatorError>,
    ) -> Result<(), OperatorError> {
        let tables = self.state.tables(self.layout.key_groups)?;
        let mut rows: Vec<&[u8]> =
            tables.iter().flat_map(|(_, rows)| self.layout.encoded(rows.column(0), rows.column(1))).collect();
        rows.sort_unstable();
        let mut keys = unique.map(|columns| Keys::new(&self.layout.schema, columns)).transpose()?;
        for rows in rows.chunks(ROWS_MAX) {
            let rows = self.layout.decoded(rows)?;
            keys.iter_mut().try_for_each(|keys| keys.check(&rows))?;
            each(rows)?;
        }
        Ok(())
    }

    /// The tables of a snapshot.
    pub(super) fn tables(&self) -> Result<Vec<StateTable>, OperatorError> {
        let fields = self.layout.schema.fields().iter().cloned();
        let count = Arc::new(Field::new(COUNT, DataType::Int64, false));
        let schema = Arc::new(Schema::new(fields.chain([count]).collect::<Vec<_>>()));
        let table = |(group, states): (u32, RecordBatch)| {
            let (keys, value) = (states.column(0), states.column(1));
            let (encoded, counts) = match value.as_primitive_opt::<Int64Type>() {
                Some(counts) => (keys, counts.clone()),
                None => (value, Int64Array::from_value(1, states.num_rows())),
            };
            let encoded: Vec<&[u8]> = encoded.as_binary::<i32>().iter().flatten().collect();
            let mut columns = self.layout.decoded(&encoded)?.columns().to_vec();
            columns.push(Arc::new(counts));
            let rows = RecordBatch::try_new(Arc::clone(&schema), columns)?;
            Ok(StateTable { name: ROWS.to_owned(), key_group: Some(group), rows })
        };
        let empty =
            StateTable { name: ROWS.to_owned(), key_group: None, rows: RecordBatch::new_empty(Arc::clone(&schema)) };
        let states = self.state.tables(self.layout.key_groups)?;
        std::iter::once(Ok(empty)).chain(states.into_iter().map(table)).collect()
    }
}

#[cfg(test)]
mod tests;
