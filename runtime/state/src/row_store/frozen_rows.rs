//! [`FrozenRows`]: the rows of a [`RowStore`] at one moment, whatever became of them since; as tables by key group, and back.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, UInt32Array};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef, UInt32Type};

use super::row_chunks::RowChunks;
use super::{Chain, NONE, NewRows, RowStore, StoredRow};
use crate::key_groups::GroupTables;
use crate::key_index::check_type;
use crate::keyed_state::batch_of;
use crate::{ChunkedVec, FrozenKeys, StateError};

/// The columns of a snapshot beside those of rows.
const TIME: &str = "weir.time";
const MARK: &str = "weir.mark";
const KEY: &str = "weir.key";

/// All rows at one moment.
#[derive(Debug)]
pub struct FrozenRows {
    rows: ChunkedVec<StoredRow>,
    chains: ChunkedVec<Chain>,
    columns: RowChunks,
}

/// Some rows of a moment.
#[derive(Debug)]
pub struct KeptRows {
    /// The slot of each.
    pub slots: Vec<u32>,
    /// The time of each.
    pub times: Int64Array,
    /// The mark of each.
    pub marks: UInt32Array,
    /// Their columns.
    pub columns: Vec<ArrayRef>,
}

/// The columns of the tables of a snapshot: the key columns, some numbers that are the same for all rows of a store (such as the window
/// that they are in), the time and the mark of a row, and its columns.
#[must_use]
pub fn rows_schema(keys: &[FieldRef], constants: &[&str], fields: &[FieldRef]) -> SchemaRef {
    let nullable = |f: &FieldRef| Arc::new(Field::clone(f).with_nullable(true));
    let keys =
        keys.iter().map(|key| Arc::new(Field::new(format!("{KEY}.{}", key.name()), key.data_type().clone(), true)));
    let number = |name: &str| Arc::new(Field::new(name, DataType::Int64, false));
    let own = [number(TIME), Arc::new(Field::new(MARK, DataType::UInt32, false))];
    let fields = fields.iter().map(nullable);
    Arc::new(Schema::new(
        keys.chain(constants.iter().map(|name| number(name))).chain(own).chain(fields).collect::<Vec<_>>(),
    ))
}

impl FrozenRows {
    pub(super) fn new(rows: ChunkedVec<StoredRow>, chains: ChunkedVec<Chain>, columns: RowChunks) -> Self {
        Self { rows, chains, columns }
    }

    /// Adds all rows to the tables of a snapshot, whose columns are those of [`rows_schema`]; rows of a slot in the order in which they
    /// came. `keys` are of the same moment.
    ///
    /// # Errors
    /// If Arrow cannot put the rows together.
    pub fn add_to(
        &self,
        tables: &mut GroupTables,
        schema: &SchemaRef,
        keys: &FrozenKeys,
        constants: &[i64],
    ) -> Result<(), StateError> {
        self.add_with(tables, keys, |rows| {
            let count = rows.slots.len();
            let mut columns = keys.keys(&rows.slots)?;
            columns.extend(
                constants.iter().map(|constant| Arc::new(Int64Array::from(vec![*constant; count])) as ArrayRef),
            );
            columns.extend([Arc::new(rows.times) as ArrayRef, Arc::new(rows.marks)]);
            columns.extend(rows.columns);
            batch_of(schema, columns, count)
        })
    }

    /// As [`FrozenRows::add_to`], with columns that the caller makes of the rows.
    ///
    /// # Errors
    /// If Arrow cannot put the rows together, and those of `batch`.
    pub fn add_with(
        &self,
        tables: &mut GroupTables,
        keys: &FrozenKeys,
        batch: impl Fn(KeptRows) -> Result<RecordBatch, StateError>,
    ) -> Result<(), StateError> {
        let mut ids = Vec::with_capacity(self.rows.len());
        for chain in self.chains.iter() {
            let mut next = chain.first;
            while next != NONE {
                ids.push(next);
                next = self.rows[next as usize].after;
            }
        }
        let row = |id: &u32| &self.rows[*id as usize];
        let all: Vec<usize> = (0..self.columns.fields().len()).collect();
        let hashes = |range: std::ops::Range<usize>| {
            let slots: Vec<u32> = ids[range].iter().map(|id| row(id).slot).collect();
            keys.hashes(&slots)
        };
        let columns = |places: &[u32]| {
            let rows = || places.iter().map(|place| row(&ids[*place as usize]));
            batch(KeptRows {
                slots: rows().map(|row| row.slot).collect(),
                times: Int64Array::from_iter_values(rows().map(|row| row.time)),
                marks: UInt32Array::from_iter_values(rows().map(|row| row.mark)),
                columns: self.columns.take(&rows().map(|row| row.place).collect::<Vec<_>>(), &all)?,
            })
        };
        tables.add(ids.len(), hashes, columns)
    }
}

impl RowStore {
    /// Adds the rows of a table of a snapshot, whose keys have these slots. `before`: how many columns come before the time.
    ///
    /// # Errors
    /// If the columns are not those of [`rows_schema`].
    pub fn restore(&mut self, rows: &RecordBatch, before: usize, slots: &[u32]) -> Result<(), StateError> {
        let (found, expected) = (rows.num_columns(), before + 2 + self.fields().len());
        if found != expected {
            return Err(StateError::Count { what: "columns of a snapshot of rows", found, expected });
        }
        let (times, marks) = (rows.column(before), rows.column(before + 1));
        check_type("time column", before, times.data_type(), &DataType::Int64)?;
        check_type("mark column", before + 1, marks.data_type(), &DataType::UInt32)?;
        self.append(NewRows {
            slots,
            times: times.as_primitive::<Int64Type>().values(),
            marks: Some(marks.as_primitive::<UInt32Type>().values()),
            columns: rows.columns()[before + 2..].to_vec(),
        })?;
        Ok(())
    }
}
