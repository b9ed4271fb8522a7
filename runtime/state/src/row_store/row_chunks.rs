//! [`RowChunks`]: the columns of rows, in chunks as they came. Never knows which row is of which slot.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt32Array, new_empty_array};
use arrow::compute::{interleave, take};
use arrow::datatypes::FieldRef;
use weir_core::batch::array_bytes;

use super::{RowId, StoredRow};
use crate::key_index::check_type;
use crate::{ChunkedVec, StateError};

/// Chunks of fewer rows are merged with each other: to read rows of very many chunks costs more than to copy a row a few times.
const SMALL_ROWS: usize = 1_024;
/// Rows that were removed stay where they are until they outnumber the others; below this many they are not worth the copy.
const GARBAGE_ROWS_MIN: usize = 4_096;

/// Where a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowPlace {
    pub(super) chunk: u32,
    pub(super) row: u32,
}

/// Rows of columns, which are appended and read by their places, and forgotten one by one.
#[derive(Clone, Debug)]
pub(super) struct RowChunks {
    fields: Vec<FieldRef>,
    /// By number; `None`: the number is free.
    chunks: Vec<Option<RowChunk>>,
    free: Vec<u32>,
    /// Chunks of few rows, each more than twice as long as the next.
    small: Vec<u32>,
    /// Rows in all chunks, those that were removed included.
    stored: usize,
    live: usize,
    bytes: u64,
}

#[derive(Clone, Debug)]
struct RowChunk {
    columns: Arc<[ArrayRef]>,
    /// Whose each row is.
    ids: Arc<[RowId]>,
    /// How many of them are not removed.
    live: usize,
    bytes: u64,
}

impl RowChunks {
    pub(super) fn new(fields: &[FieldRef]) -> Self {
        let (chunks, free, small) = (Vec::new(), Vec::new(), Vec::new());
        Self { fields: fields.to_vec(), chunks, free, small, stored: 0, live: 0, bytes: 0 }
    }

    pub(super) fn fields(&self) -> &[FieldRef] {
        &self.fields
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.bytes
    }

    /// Refuses columns that are not those of the rows.
    pub(super) fn check(&self, columns: &[ArrayRef], rows: usize) -> Result<(), StateError> {
        if columns.len() != self.fields.len() {
            let (found, expected) = (columns.len(), self.fields.len());
            return Err(StateError::Count { what: "columns of rows", found, expected });
        }
        for (index, (column, field)) in columns.iter().zip(&self.fields).enumerate() {
            check_type("row column", index, column.data_type(), field.data_type())?;
            if column.len() != rows {
                return Err(StateError::Count { what: "rows of a column", found: column.len(), expected: rows });
            }
        }
        Ok(())
    }

    /// Adds rows, the first of which is row 0 of the chunk whose number is returned.
    pub(super) fn append(&mut self, columns: Vec<ArrayRef>, ids: Vec<RowId>) -> u32 {
        let live = ids.len();
        self.live += live;
        self.insert(columns, ids, live)
    }

    fn insert(&mut self, columns: Vec<ArrayRef>, ids: Vec<RowId>, live: usize) -> u32 {
        let bytes = columns.iter().map(|column| array_bytes(column)).sum::<u64>() + size_of_val(ids.as_slice()) as u64;
        self.stored += ids.len();
        self.bytes += bytes;
        let is_small = ids.len() < SMALL_ROWS;
        let chunk = Some(RowChunk { columns: columns.into(), ids: ids.into(), live, bytes });
        let number = match self.free.pop() {
            Some(number) => {
                self.chunks[number as usize] = chunk;
                number
            }
            None => {
                self.chunks.push(chunk);
                (self.chunks.len() - 1) as u32
            }
        };
        if is_small {
            self.small.push(number);
        }
        number
    }

    /// Forgets a row.
    pub(super) fn remove(&mut self, place: RowPlace) {
        self.live -= 1;
        let Some(Some(chunk)) = self.chunks.get_mut(place.chunk as usize) else { return };
        chunk.live -= 1;
        if chunk.live == 0 {
            self.drop_chunk(place.chunk);
            self.small.retain(|number| *number != place.chunk);
        }
    }

    /// Puts rows of several chunks into one, where that is worth it.
    pub(super) fn compact(&mut self, rows_by_id: &mut ChunkedVec<StoredRow>) -> Result<(), StateError> {
        if self.stored > 2 * self.live + GARBAGE_ROWS_MIN {
            let is_sparse = |chunk: &Option<RowChunk>| chunk.as_ref().is_some_and(|c| 2 * c.live < c.ids.len());
            let sparse = (0u32..).zip(&self.chunks).filter(|(_, chunk)| is_sparse(chunk)).map(|(number, _)| number);
            let sparse: Vec<u32> = sparse.collect();
            // As many at a time as one chunk has rows: a chunk of very many could not be forgotten piece by piece.
            let mut rest = sparse.as_slice();
            while !rest.is_empty() {
                let mut rows = 0;
                let fits = |number: &&u32| {
                    rows += self.live_of(**number);
                    rows <= GARBAGE_ROWS_MIN
                };
                let count = rest.iter().take_while(fits).count().max(1);
                let (merged, after) = rest.split_at(count);
                rest = after;
                self.merge(merged, rows_by_id)?;
            }
        }
        while let [.., before, last] = self.small.as_slice() {
            let (before, last) = (*before, *last);
            if self.live_of(before) > 2 * self.live_of(last) {
                break;
            }
            self.merge(&[before, last], rows_by_id)?;
        }
        Ok(())
    }

    /// The columns of the chunk in which a row is, and its index there.
    pub(super) fn row(&self, place: RowPlace) -> (&[ArrayRef], usize) {
        let columns = self.chunks[place.chunk as usize].as_ref().map_or(&[][..], |chunk| &chunk.columns);
        (columns, place.row as usize)
    }

    /// The columns with these indices of some rows, in their order.
    pub(super) fn take(&self, places: &[RowPlace], columns: &[usize]) -> Result<Vec<ArrayRef>, StateError> {
        // Only the chunks that are read are handed to Arrow, which looks at each of them.
        let mut sources: Vec<&RowChunk> = Vec::new();
        let mut source_of = vec![u32::MAX; self.chunks.len()];
        let mut rows = Vec::with_capacity(places.len());
        for place in places {
            let Some(Some(chunk)) = self.chunks.get(place.chunk as usize) else {
                return Err(StateError::Count { what: "rows that were removed and are read", found: 1, expected: 0 });
            };
            let source = &mut source_of[place.chunk as usize];
            if *source == u32::MAX {
                *source = sources.len() as u32;
                sources.push(chunk);
            }
            rows.push((*source as usize, place.row as usize));
        }
        if let [only] = sources.as_slice() {
            let rows = UInt32Array::from_iter_values(places.iter().map(|place| place.row));
            return columns.iter().map(|column| Ok(take(&only.columns[*column], &rows, None)?)).collect();
        }
        let column = |column: &usize| {
            if sources.is_empty() {
                return Ok(new_empty_array(self.fields[*column].data_type()));
            }
            let arrays: Vec<&dyn Array> = sources.iter().map(|chunk| chunk.columns[*column].as_ref()).collect();
            Ok(interleave(&arrays, &rows)?)
        };
        columns.iter().map(column).collect()
    }

    fn live_of(&self, number: u32) -> usize {
        self.chunks.get(number as usize).and_then(Option::as_ref).map_or(0, |chunk| chunk.live)
    }

    fn drop_chunk(&mut self, number: u32) {
        if let Some(chunk) = self.chunks.get_mut(number as usize).and_then(Option::take) {
            self.stored -= chunk.ids.len();
            self.bytes -= chunk.bytes;
            self.free.push(number);
        }
    }

    fn merge(&mut self, merged: &[u32], rows_by_id: &mut ChunkedVec<StoredRow>) -> Result<(), StateError> {
        let (mut ids, mut places) = (Vec::new(), Vec::new());
        for number in merged {
            let Some(Some(chunk)) = self.chunks.get(*number as usize) else { continue };
            for (row, id) in (0u32..).zip(chunk.ids.iter()) {
                let place = RowPlace { chunk: *number, row };
                if rows_by_id[*id as usize].place == place {
                    ids.push(*id);
                    places.push(place);
                }
            }
        }
        let all: Vec<usize> = (0..self.fields.len()).collect();
        let columns = self.take(&places, &all)?;
        self.small.retain(|number| !merged.contains(number));
        merged.iter().for_each(|number| self.drop_chunk(*number));
        let live = ids.len();
        let chunk = self.insert(columns, ids.clone(), live);
        for (row, id) in (0u32..).zip(ids) {
            rows_by_id[id as usize].place = RowPlace { chunk, row };
        }
        Ok(())
    }
}
