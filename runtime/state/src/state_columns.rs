//! [`StateColumns`]: one row of columns a slot, of any Arrow type. Never knows what a slot stands for.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt32Array, new_empty_array, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{concat, interleave, take};
use arrow::datatypes::FieldRef;
use weir_core::batch::array_bytes;

use crate::key_index::check_type;
use crate::{ChunkedVec, StateError};

/// Chunks of fewer rows are merged with each other: to read rows of very many chunks costs more than to copy a row a few times.
const SMALL_ROWS: usize = 4_096;

/// Rows that are put into one chunk when others are let go.
const MERGED_ROWS: usize = 65_536;

/// Rows that no slot points to any more are left lying about until they outnumber the others; below this many they are not
/// worth the copy.
const GARBAGE_ROWS_MIN: usize = 4096;

/// The state rows of some slots, in the order in which the slots were named.
#[derive(Clone, Debug)]
pub struct States {
    /// A bit a row: whether the slot has a state. Where it has none, its columns are null.
    pub present: BooleanBuffer,
    /// The state columns, a row per slot.
    pub columns: Vec<ArrayRef>,
}

/// Which rows are converted when states get other columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayoutRows {
    /// All, as they lie, also those that no slot points to any more: for what never fails, whatever a row holds. Nothing but what is
    /// made is written.
    AsTheyLie,
    /// Those of states that there are, some thousand at a time: a call into a guest is spread over them, and they stay in the
    /// processor's cache.
    InUse,
}

/// States that are converted at once at most, unless it is [as they lie](RelayoutRows::AsTheyLie).
pub const RELAYOUT_ROWS_MAX: usize = 8_192;

/// Rows are never changed in place: writing appends a chunk and points the slots at it, reading interleaves rows of chunks.
/// So nested columns cost no more to write than flat ones, and a snapshot shares the chunks with the running operator.
///
/// Small chunks are merged as in a log-structured merge tree: each is more than twice as long as the next. Rows of the others are copied
/// only when as many are no longer in use.
#[derive(Debug)]
pub struct StateColumns {
    fields: Vec<FieldRef>,
    /// A column of one null a field: what a slot without a state reads.
    absent: Vec<ArrayRef>,
    chunks: Vec<Chunk>,
    by_slot: ChunkedVec<Option<Location>>,
    /// Of all chunks together: rows, those of them that are in use, and bytes.
    stored: usize,
    live: usize,
    bytes: u64,
}

#[derive(Clone, Debug)]
struct Chunk {
    columns: Arc<[ArrayRef]>,
    /// The slot that each row was written for.
    slots: Arc<[u32]>,
    /// How many of them still point here.
    live: usize,
    /// Bytes of the columns and slots.
    bytes: u64,
}

impl Chunk {
    fn new(columns: Vec<ArrayRef>, slots: Arc<[u32]>, live: usize) -> Self {
        let bytes = columns.iter().map(|column| array_bytes(column)).sum::<u64>() + size_of_val(&*slots) as u64;
        Self { columns: columns.into(), slots, live, bytes }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Location {
    chunk: u32,
    row: u32,
}

impl StateColumns {
    /// No slot has a state.
    #[must_use]
    pub fn new(fields: &[FieldRef]) -> Self {
        let absent = fields.iter().map(|f| new_null_array(f.data_type(), 1)).collect();
        let (chunks, by_slot) = (Vec::new(), ChunkedVec::new());
        Self { fields: fields.to_vec(), absent, chunks, by_slot, stored: 0, live: 0, bytes: 0 }
    }

    /// A copy of what it holds now; it shares the rows.
    #[must_use]
    pub fn freeze(&mut self) -> Self {
        let Self { stored, live, bytes, .. } = *self;
        let (fields, absent, chunks) = (self.fields.clone(), self.absent.clone(), self.chunks.clone());
        Self { fields, absent, chunks, by_slot: self.by_slot.freeze(), stored, live, bytes }
    }

    /// Bytes that the states take, those that no slot points to any more included.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.bytes + self.by_slot.memory_bytes()
    }

    /// The slots that have a state, ascending.
    #[must_use]
    pub fn slots(&self) -> Vec<u32> {
        (0u32..).zip(self.by_slot.iter()).filter_map(|(slot, at)| at.is_some().then_some(slot)).collect()
    }

    /// The columns of a state.
    #[must_use]
    pub fn fields(&self) -> &[FieldRef] {
        &self.fields
    }

    /// Whether a slot has a state.
    #[must_use]
    pub fn contains(&self, slot: u32) -> bool {
        self.location(slot).is_some()
    }

    /// How many slots have a state.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether no slot has a state.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The states of some slots; a slot may be named more than once.
    ///
    /// # Errors
    /// If Arrow cannot put the rows together.
    pub fn gather(&self, slots: &[u32]) -> Result<States, StateError> {
        let present = BooleanBuffer::collect_bool(slots.len(), |i| self.contains(slots[i]));
        let rows: Vec<Option<Location>> = slots.iter().map(|slot| self.location(*slot)).collect();
        Ok(States { present, columns: self.take(&rows)? })
    }

    /// Writes the states of distinct slots: row `i` of `columns` is that of `slots[i]`, and one that is not `present` is
    /// removed.
    ///
    /// # Errors
    /// If the columns are not those of the state, or not as long as `slots`.
    pub fn put(&mut self, slots: &[u32], states: States) -> Result<(), StateError> {
        let States { present, columns } = states;
        self.check(slots.len(), present.len(), &columns)?;
        let chunk = self.chunks.len() as u32;
        for (row, slot) in (0u32..).zip(slots) {
            self.point(*slot, present.value(row as usize).then_some(Location { chunk, row }));
        }
        self.push(Chunk::new(columns, slots.into(), present.count_set_bits()));
        self.merge_chunks()
    }

    /// Removes the state of a slot, if it has one.
    pub fn remove(&mut self, slot: u32) {
        if self.contains(slot) {
            self.point(slot, None);
        }
    }

    /// Gives all states other columns; `convert` makes so many rows of them of so many rows of the old ones. Rows stay in their chunks. If
    /// it fails, nothing has changed.
    ///
    /// # Errors
    /// Those of `convert`, or if what it made has other types than `fields`.
    pub fn relayout<E: From<StateError>>(
        &mut self,
        fields: &[FieldRef],
        rows: RelayoutRows,
        mut convert: impl FnMut(usize, Vec<ArrayRef>) -> Result<Vec<ArrayRef>, E>,
    ) -> Result<(), E> {
        let mut made = Self::new(fields);
        let rows_max = if rows == RelayoutRows::AsTheyLie { usize::MAX } else { RELAYOUT_ROWS_MAX };
        for (index, chunk) in self.chunks.iter().enumerate() {
            let is_whole = rows == RelayoutRows::AsTheyLie || chunk.live == chunk.slots.len();
            let chunk = if is_whole { chunk.clone() } else { self.merged(index..index + 1)? };
            let mut parts = Vec::new();
            for start in (0..chunk.slots.len()).step_by(rows_max) {
                let rows = rows_max.min(chunk.slots.len() - start);
                let columns = convert(rows, chunk.columns.iter().map(|column| column.slice(start, rows)).collect())?;
                made.check(rows, rows, &columns)?;
                parts.push(columns);
            }
            made.push(Chunk::new(made.concat(&parts)?, chunk.slots, chunk.live));
        }
        for (index, (chunk, old)) in (0u32..).zip(made.chunks.iter().zip(&self.chunks)) {
            // Rows have moved up.
            if chunk.slots.len() < old.slots.len() {
                for (row, slot) in (0u32..).zip(chunk.slots.iter()) {
                    self.by_slot[*slot as usize] = Some(Location { chunk: index, row });
                }
            }
        }
        let by_slot = std::mem::take(&mut self.by_slot);
        *self = Self { by_slot, ..made };
        Ok(())
    }

    /// Lets go the rows that no slot points to any more; `false`: there are none.
    ///
    /// # Errors
    /// If Arrow cannot put the other rows together.
    pub fn compact(&mut self) -> Result<bool, StateError> {
        if self.stored == self.live {
            return Ok(false);
        }
        self.merge_from(0)?;
        Ok(true)
    }

    /// Removes all states.
    pub fn clear(&mut self) {
        self.by_slot.clear();
        self.truncate(0);
    }

    fn location(&self, slot: u32) -> Option<Location> {
        let slot = slot as usize;
        if slot < self.by_slot.len() { self.by_slot[slot] } else { None }
    }

    fn point(&mut self, slot: u32, to: Option<Location>) {
        let slot = slot as usize;
        self.by_slot.grow(slot + 1, &None);
        if let Some(from) = std::mem::replace(&mut self.by_slot[slot], to)
            && let Some(chunk) = self.chunks.get_mut(from.chunk as usize)
        {
            chunk.live -= 1;
            self.live -= 1;
        }
    }

    fn push(&mut self, chunk: Chunk) {
        self.stored += chunk.slots.len();
        self.live += chunk.live;
        self.bytes += chunk.bytes;
        self.chunks.push(chunk);
    }

    /// Forgets the chunks from `first` on.
    fn truncate(&mut self, first: usize) {
        for chunk in self.chunks.drain(first..) {
            self.stored -= chunk.slots.len();
            self.live -= chunk.live;
            self.bytes -= chunk.bytes;
        }
    }

    /// The columns of some rows; `None`: nulls.
    fn take(&self, rows: &[Option<Location>]) -> Result<Vec<ArrayRef>, StateError> {
        // Only the chunks that are read are handed to Arrow, which looks at each of them; the last place is that of the row of nulls.
        let mut sources: Vec<&[ArrayRef]> = Vec::new();
        let mut source_of = vec![usize::MAX; self.chunks.len() + 1];
        let mut place = |row: &Option<Location>| {
            let (chunk, row) = row.map_or((self.chunks.len(), 0), |at| (at.chunk as usize, at.row as usize));
            if source_of[chunk] == usize::MAX {
                source_of[chunk] = sources.len();
                sources.push(self.chunks.get(chunk).map_or(&self.absent, |chunk| &chunk.columns));
            }
            (source_of[chunk], row)
        };
        let places: Vec<(usize, usize)> = rows.iter().map(&mut place).collect();
        if let [only] = sources.as_slice() {
            let rows = UInt32Array::from_iter_values(places.iter().map(|(_, row)| *row as u32));
            return only.iter().map(|column| Ok(take(column, &rows, None)?)).collect();
        }
        let column = |(index, field): (usize, &FieldRef)| {
            if sources.is_empty() {
                return Ok(new_empty_array(field.data_type()));
            }
            let arrays: Vec<&dyn Array> = sources.iter().map(|columns| columns[index].as_ref()).collect();
            Ok(interleave(&arrays, &places)?)
        };
        self.fields.iter().enumerate().map(column).collect()
    }

    /// The columns of some chunks, as those of one.
    fn concat(&self, parts: &[Vec<ArrayRef>]) -> Result<Vec<ArrayRef>, StateError> {
        let column = |(index, field): (usize, &FieldRef)| match parts {
            [] => Ok(new_empty_array(field.data_type())),
            [only] => Ok(Arc::clone(&only[index])),
            _ => Ok(concat(&parts.iter().map(|part| part[index].as_ref()).collect::<Vec<_>>())?),
        };
        self.fields.iter().enumerate().map(column).collect()
    }

    fn check(&self, rows: usize, present: usize, columns: &[ArrayRef]) -> Result<(), StateError> {
        let count = |what, found, expected| {
            if found == expected { Ok(()) } else { Err(StateError::Count { what, found, expected }) }
        };
        count("state columns", columns.len(), self.fields.len())?;
        count("bits of present states", present, rows)?;
        for (index, (column, field)) in columns.iter().zip(&self.fields).enumerate() {
            check_type("state column", index, column.data_type(), field.data_type())?;
            count("rows of a state column", column.len(), rows)?;
        }
        Ok(())
    }

    fn merge_chunks(&mut self) -> Result<(), StateError> {
        if self.stored > 2 * self.live + GARBAGE_ROWS_MIN {
            return self.merge_from(0);
        }
        let mut first = self.chunks.len() - 1;
        let mut live = self.chunks[first].live;
        while first > 0 && self.chunks[first - 1].live <= 2 * live && self.chunks[first - 1].live < SMALL_ROWS {
            first -= 1;
            live += self.chunks[first].live;
        }
        if first + 1 < self.chunks.len() { self.merge_from(first) } else { Ok(()) }
    }

    /// Replaces the chunks from `first` on by ones that hold the rows that are in use, and are long.
    fn merge_from(&mut self, first: usize) -> Result<(), StateError> {
        let mut merged: Vec<Chunk> = Vec::new();
        let mut start = first;
        while start < self.chunks.len() {
            let (mut end, mut live) = (start, 0);
            while end < self.chunks.len() && live < MERGED_ROWS {
                live += self.chunks[end].live;
                end += 1;
            }
            match &self.chunks[start..end] {
                _ if live == 0 => {}
                [whole] if whole.live == whole.slots.len() => merged.push(whole.clone()),
                _ => merged.push(self.merged(start..end)?),
            }
            start = end;
        }
        self.truncate(first);
        for chunk in merged {
            let index = self.chunks.len() as u32;
            for (row, slot) in (0u32..).zip(chunk.slots.iter()) {
                self.by_slot[*slot as usize] = Some(Location { chunk: index, row });
            }
            self.push(chunk);
        }
        Ok(())
    }

    /// The rows of some chunks that are in use, as one chunk.
    fn merged(&self, chunks: Range<usize>) -> Result<Chunk, StateError> {
        let (mut slots, mut rows) = (Vec::new(), Vec::new());
        for chunk in chunks {
            for (row, slot) in (0u32..).zip(self.chunks[chunk].slots.iter()) {
                let at = Some(Location { chunk: chunk as u32, row });
                if self.location(*slot) == at {
                    slots.push(*slot);
                    rows.push(at);
                }
            }
        }
        let live = slots.len();
        Ok(Chunk::new(self.take(&rows)?, slots.into(), live))
    }
}

impl States {
    /// States of which every one is present.
    #[must_use]
    pub fn all(rows: usize, columns: Vec<ArrayRef>) -> Self {
        Self { present: BooleanBuffer::new_set(rows), columns }
    }

    /// How many slots they are of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.present.len()
    }

    /// Whether they are of no slot.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.present.is_empty()
    }

    /// `len` of them from `offset` on, sharing the columns.
    #[must_use]
    pub fn slice(&self, offset: usize, len: usize) -> Self {
        let columns = self.columns.iter().map(|c| Arc::clone(c).slice(offset, len)).collect();
        Self { present: self.present.slice(offset, len), columns }
    }
}
