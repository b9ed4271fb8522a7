//! Keys that are bytes: one utf8 column as it is, anything else in Arrow's row encoding.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, FieldRef};
use arrow::row::{RowConverter, Rows, SortField};
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use crate::StateError;

/// Bytes of removed keys that are left lying about before the rest is moved together; below this it is not worth the copy.
const GARBAGE_BYTES_MIN: usize = 64 << 10;

/// The bytes of all keys in one arena, and where each slot's are.
#[derive(Debug)]
pub(super) struct ByteKeys {
    codec: Codec,
    arena: Vec<u8>,
    by_slot: Vec<Span>,
    /// Hash and slot: the hash is compared first and makes growing cheap.
    table: HashTable<(u64, u32)>,
    /// The slot of the null of a utf8 column; the row encoding has nulls of its own.
    null: Option<u32>,
    free: Vec<u32>,
    garbage: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: usize,
    len: usize,
}

#[derive(Debug)]
enum Codec {
    Utf8,
    Rows { converter: RowConverter, scratch: Rows },
}

impl ByteKeys {
    pub(super) fn new(fields: &[FieldRef]) -> Result<Self, StateError> {
        let codec = match fields {
            [one] if one.data_type() == &DataType::Utf8 => Codec::Utf8,
            _ => {
                let of = |f: &FieldRef| SortField::new(f.data_type().clone());
                for field in fields {
                    if !RowConverter::supports_fields(&[of(field)]) {
                        let (column, data_type) = (field.name().clone(), field.data_type().clone());
                        return Err(StateError::KeyType { column, data_type });
                    }
                }
                let converter = RowConverter::new(fields.iter().map(of).collect())?;
                let scratch = converter.empty_rows(0, 0);
                Codec::Rows { converter, scratch }
            }
        };
        let (arena, by_slot, free) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { codec, arena, by_slot, table: HashTable::new(), null: None, free, garbage: 0 })
    }

    pub(super) fn len(&self) -> usize {
        self.table.len() + usize::from(self.null.is_some())
    }

    pub(super) fn slot_bound(&self) -> usize {
        self.by_slot.len()
    }

    pub(super) fn slots(&mut self, columns: &[ArrayRef], out: &mut Vec<u32>) -> Result<(), StateError> {
        match &mut self.codec {
            Codec::Utf8 => {
                let [column] = columns else { return Ok(()) };
                let strings = column.as_string::<i32>();
                out.extend(strings.iter().map(|s| match s {
                    Some(s) => self.slot(s.as_bytes()),
                    None => self.null_slot(),
                }));
            }
            Codec::Rows { converter, scratch } => {
                scratch.clear();
                converter.append(scratch, columns)?;
                // Taken out and put back, so that the rows can be read while keys are added.
                let rows = std::mem::replace(scratch, converter.empty_rows(0, 0));
                out.extend(rows.iter().map(|row| self.slot(row.data())));
                if let Codec::Rows { scratch, .. } = &mut self.codec {
                    *scratch = rows;
                }
            }
        }
        Ok(())
    }

    #[inline]
    fn slot(&mut self, key: &[u8]) -> u32 {
        let hash = xxh3_64(key);
        match self.find(hash, key) {
            Some(slot) => slot,
            None => self.insert(hash, key),
        }
    }

    #[inline]
    fn find(&self, hash: u64, key: &[u8]) -> Option<u32> {
        let found = self.table.find(hash, |(h, slot)| *h == hash && self.bytes(*slot) == key);
        found.map(|(_, slot)| *slot)
    }

    #[cold]
    fn insert(&mut self, hash: u64, key: &[u8]) -> u32 {
        let span = Span { start: self.arena.len(), len: key.len() };
        self.arena.extend_from_slice(key);
        let slot = self.take_slot(span);
        self.table.insert_unique(hash, (hash, slot), |(hash, _)| *hash);
        slot
    }

    fn null_slot(&mut self) -> u32 {
        match self.null {
            Some(slot) => slot,
            None => {
                let slot = self.take_slot(Span::default());
                self.null = Some(slot);
                slot
            }
        }
    }

    fn take_slot(&mut self, span: Span) -> u32 {
        match self.free.pop() {
            Some(slot) => {
                self.by_slot[slot as usize] = span;
                slot
            }
            None => {
                self.by_slot.push(span);
                (self.by_slot.len() - 1) as u32
            }
        }
    }

    fn bytes(&self, slot: u32) -> &[u8] {
        let Span { start, len } = self.by_slot[slot as usize];
        &self.arena[start..start + len]
    }

    pub(super) fn slot_from(&mut self, other: &Self, slot: u32) -> u32 {
        if other.null == Some(slot) { self.null_slot() } else { self.slot(other.bytes(slot)) }
    }

    pub(super) fn find_from(&self, other: &Self, slot: u32) -> Option<u32> {
        if other.null == Some(slot) {
            return self.null;
        }
        let key = other.bytes(slot);
        self.find(xxh3_64(key), key)
    }

    pub(super) fn live_slots(&self) -> Vec<u32> {
        self.table.iter().map(|(_, slot)| *slot).chain(self.null).collect()
    }

    pub(super) fn columns(&self, slots: &[u32]) -> Result<Vec<ArrayRef>, StateError> {
        match &self.codec {
            Codec::Utf8 => {
                let offsets = OffsetBuffer::<i32>::from_lengths(slots.iter().map(|s| self.by_slot[*s as usize].len));
                let mut bytes = Vec::new();
                for slot in slots {
                    bytes.extend_from_slice(self.bytes(*slot));
                }
                let null = self.null.filter(|null| slots.contains(null));
                let nulls = null.map(|null| slots.iter().map(|s| *s != null).collect::<NullBuffer>());
                Ok(vec![Arc::new(StringArray::try_new(offsets, Buffer::from_vec(bytes), nulls)?)])
            }
            Codec::Rows { converter, .. } => {
                let parser = converter.parser();
                Ok(converter.convert_rows(slots.iter().map(|s| parser.parse(self.bytes(*s))))?)
            }
        }
    }

    pub(super) fn remove(&mut self, slot: u32) {
        if self.null == Some(slot) {
            self.null = None;
            self.free.push(slot);
            return;
        }
        let hash = xxh3_64(self.bytes(slot));
        if let Ok(entry) = self.table.find_entry(hash, |(_, s)| *s == slot) {
            entry.remove();
            self.garbage += std::mem::take(&mut self.by_slot[slot as usize]).len;
            self.free.push(slot);
            if self.garbage > GARBAGE_BYTES_MIN.max(self.arena.len() / 2) {
                self.compact();
            }
        }
    }

    /// Moves the bytes that are in use together.
    fn compact(&mut self) {
        let mut arena = Vec::with_capacity(self.arena.len() - self.garbage);
        for (_, slot) in &self.table {
            let span = &mut self.by_slot[*slot as usize];
            let start = arena.len();
            arena.extend_from_slice(&self.arena[span.start..span.start + span.len]);
            span.start = start;
        }
        self.arena = arena;
        self.garbage = 0;
    }

    pub(super) fn clear(&mut self) {
        self.arena.clear();
        self.by_slot.clear();
        self.table.clear();
        self.null = None;
        self.free.clear();
        self.garbage = 0;
    }
}
