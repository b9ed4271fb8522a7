//! What the keys of an updating stream have come to since the last checkpoint: of each key that has changed its newest row, or that it is
//! deleted. It knows no broker.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use weir_core::batch::StreamBatch;
use weir_core::changelog::UpsertKey;

/// Bytes that a key takes beside its own and those of its row, about.
const KEY_BYTES: usize = 128;
/// Rows that are made into columns at once.
const ROWS_MAX: usize = 8192;

/// Keeps the rows that have changed.
pub(super) struct Newest {
    key: UpsertKey,
    /// The columns of the rows; null where a key is deleted.
    schema: SchemaRef,
    keys: RowConverter,
    rows: RowConverter,
    places: HashMap<Arc<[u8]>, usize>,
    changed: Vec<Changed>,
    /// Those that have changed since they were last asked for, in the order in which they did.
    untold: Vec<usize>,
    bytes: usize,
}

/// One key.
struct Changed {
    key: Arc<[u8]>,
    /// Rows, and how much more often each came than it was taken back, or less often; not those that did as often. At a checkpoint one may
    /// be there and one be gone; in between there can be more, as the new row of one subtask may come before another takes back the old one.
    rows: Vec<(Box<[u8]>, i64)>,
    is_untold: bool,
    /// Whether something was told since the last checkpoint; then what came last, if it was not taken back.
    was_told: bool,
    last: Option<Box<[u8]>>,
}

impl Changed {
    /// Its row; `None`: it has none.
    fn newest(&self) -> Option<&[u8]> {
        let there = self.rows.iter().rfind(|(_, count)| *count > 0).map(|(row, _)| &**row);
        there.or_else(|| self.last.as_deref().filter(|_| self.rows.is_empty()))
    }
}

/// One row per key.
pub(super) struct NewestRows {
    pub(super) rows: RecordBatch,
    /// Null: the key is deleted, and the row has its key alone. `None`: none is.
    pub(super) present: Option<NullBuffer>,
}

impl Newest {
    /// For rows with these columns.
    pub(super) fn new(key: UpsertKey, schema: &Schema) -> Result<Self, ArrowError> {
        let sort = |field: &FieldRef| SortField::new(field.data_type().clone());
        let keys = RowConverter::new(key.columns.iter().map(|column| sort(&schema.fields()[*column])).collect())?;
        let rows = RowConverter::new(schema.fields().iter().map(sort).collect())?;
        let nullable = |field: &FieldRef| Arc::new(field.as_ref().clone().with_nullable(true));
        let schema = Arc::new(Schema::new(schema.fields().iter().map(nullable).collect::<Vec<_>>()));
        Ok(Self { key, schema, keys, rows, places: HashMap::new(), changed: Vec::new(), untold: Vec::new(), bytes: 0 })
    }

    /// Takes rows.
    pub(super) fn take(&mut self, batch: &StreamBatch) -> Result<(), ArrowError> {
        let columns = batch.rows.columns();
        let key: Vec<ArrayRef> = self.key.columns.iter().map(|column| columns[*column].clone()).collect();
        // Without key columns there is one row.
        let keys = if key.is_empty() { None } else { Some(self.keys.convert_columns(&key)?) };
        let rows = self.rows.convert_columns(columns)?;
        for row in 0..batch.len() {
            let place = self.place(keys.as_ref().map_or(&[], |keys| keys.row(row).data()));
            let (changed, takes_back) = (&mut self.changed[place], batch.row_kind(row).takes_back());
            if !std::mem::replace(&mut changed.is_untold, true) {
                self.untold.push(place);
            }
            let row = rows.row(row).data();
            if changed.was_told {
                changed.last = (!takes_back).then(|| row.into());
            }
            if self.key.by_key {
                self.bytes -= changed.rows.drain(..).map(|(row, _)| row.len()).sum::<usize>();
                if takes_back {
                    continue;
                }
            }
            let step = if takes_back { -1 } else { 1 };
            match changed.rows.iter().rposition(|(other, _)| **other == *row) {
                Some(same) if changed.rows[same].1 == -step => self.bytes -= changed.rows.remove(same).0.len(),
                Some(same) => changed.rows[same].1 += step,
                None => {
                    self.bytes += row.len();
                    changed.rows.push((row.into(), step));
                }
            }
        }
        Ok(())
    }

    fn place(&mut self, key: &[u8]) -> usize {
        if let Some(place) = self.places.get(key) {
            return *place;
        }
        let (key, place): (Arc<[u8]>, _) = (key.into(), self.changed.len());
        self.bytes += key.len() + KEY_BYTES;
        self.places.insert(Arc::clone(&key), place);
        self.changed.push(Changed { key, rows: Vec::new(), is_untold: false, was_told: false, last: None });
        place
    }

    /// Bytes that it takes, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many rows [`Self::rows`] would give.
    pub(super) fn len(&self) -> usize {
        self.untold.iter().filter(|place| self.is_news(**place)).count()
    }

    /// What is as it was at the last checkpoint need not be said, unless something else was.
    fn is_news(&self, place: usize) -> bool {
        let changed = &self.changed[place];
        self.key.by_key || changed.was_told || !changed.rows.is_empty()
    }

    /// A checkpoint: what came is from before it now.
    pub(super) fn forget(&mut self) {
        (self.places, self.changed, self.bytes) = (HashMap::new(), Vec::new(), 0);
    }

    /// This, with all that it knows; what is left knows nothing.
    pub(super) fn split_off(&mut self) -> Result<Self, ArrowError> {
        let empty = Self::new(self.key.clone(), &self.schema)?;
        Ok(std::mem::replace(self, empty))
    }

    /// Of the keys that have changed since this was asked last, what they have come to.
    pub(super) fn rows(&mut self) -> Result<Vec<NewestRows>, ArrowError> {
        let mut untold = std::mem::take(&mut self.untold);
        untold.iter().for_each(|place| self.changed[*place].is_untold = false);
        untold.retain(|place| self.is_news(*place));
        let made = untold.chunks(ROWS_MAX).map(|places| self.rows_at(places)).collect::<Result<Vec<_>, _>>()?;
        untold.iter().for_each(|place| self.changed[*place].was_told = true);
        // What a key was is asked for only where rows are taken back.
        if self.key.by_key {
            self.forget();
        }
        Ok(made)
    }

    fn rows_at(&self, places: &[usize]) -> Result<NewestRows, ArrowError> {
        let changed = || places.iter().map(|place| &self.changed[*place]);
        let (key_parser, parser) = (self.keys.parser(), self.rows.parser());
        let newest = changed().filter_map(Changed::newest);
        let mut columns = self.rows.convert_rows(newest.map(|row| parser.parse(row)))?;
        let is_present: Vec<bool> = changed().map(|changed| changed.newest().is_some()).collect();
        let present = is_present.contains(&false).then(|| NullBuffer::from(is_present));
        if let Some(present) = &present {
            let mut next = 0..;
            let rows: UInt32Array = present.iter().map(|is_there| is_there.then(|| next.next()).flatten()).collect();
            columns = columns.iter().map(|column| take(column, &rows, None)).collect::<Result<_, _>>()?;
            if !self.key.columns.is_empty() {
                let keys = self.keys.convert_rows(changed().map(|changed| key_parser.parse(&changed.key)))?;
                self.key.columns.iter().zip(keys).for_each(|(column, key)| columns[*column] = key);
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(places.len()));
        Ok(NewestRows {
            rows: RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?,
            present,
        })
    }
}

#[cfg(test)]
mod tests;
