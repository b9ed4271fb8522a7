//! Keys that are bytes: one utf8 column as it is, anything else in Arrow's row encoding.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, FieldRef};
use arrow::row::{RowConverter, Rows, SortField};
use hashbrown::HashTable;
use weir_core::key_group::hash_keys;
use xxhash_rust::xxh3::xxh3_64;

use super::byte_arena::{ByteArena, Place};
use super::slots::Slots;
use crate::StateError;

/// Bytes of removed keys that are left lying about before the rest is moved together; below this it is not worth the copy.
const GARBAGE_BYTES_MIN: usize = 64 << 10;

/// Bytes by slot, and which slot has which.
#[derive(Debug)]
pub(super) struct ByteKeys {
    pub(super) values: ByteValues,
    /// Hash and slot: the hash is compared first and makes growing cheap.
    table: HashTable<(u64, u32)>,
    /// Where the rows of a batch are encoded; `None`: the keys are text, as it is.
    scratch: Option<Rows>,
    garbage: usize,
}

/// The bytes of all keys, and where each slot's are.
#[derive(Debug)]
pub(super) struct ByteValues {
    codec: Codec,
    arena: ByteArena,
    /// Only text has a null: the row encoding has nulls of its own.
    pub(super) slots: Slots<Place>,
}

#[derive(Clone, Debug)]
enum Codec {
    Utf8,
    Rows(Arc<RowConverter>),
}

impl ByteKeys {
    pub(super) fn new(fields: &[FieldRef]) -> Result<Self, StateError> {
        let codec = match fields {
            [one] if one.data_type() == &DataType::Utf8 => Codec::Utf8,
            _ => Codec::Rows(Arc::new(converter(fields)?)),
        };
        Ok(Self::of(codec))
    }

    fn of(codec: Codec) -> Self {
        let scratch = match &codec {
            Codec::Utf8 => None,
            Codec::Rows(converter) => Some(converter.empty_rows(0, 0)),
        };
        let values = ByteValues { codec, arena: ByteArena::default(), slots: Slots::new() };
        Self { values, table: HashTable::new(), scratch, garbage: 0 }
    }

    /// Another one of the same columns, without keys.
    pub(super) fn fresh(&self) -> Self {
        Self::of(self.values.codec.clone())
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        let values = self.values.arena.memory_bytes() + self.values.slots.memory_bytes();
        values + self.table.allocation_size() as u64
    }

    pub(super) fn reserve(&mut self, keys: usize) {
        self.table.reserve(keys, |(hash, _)| *hash);
    }

    /// `hashes` are those of the rows, if they are known.
    pub(super) fn slots(
        &mut self,
        columns: &[ArrayRef],
        hashes: Option<&[u64]>,
        out: &mut Vec<u32>,
    ) -> Result<(), StateError> {
        let hash_of = |row: usize, key: &[u8]| hashes.map_or_else(|| xxh3_64(key), |hashes| hashes[row]);
        match &self.values.codec {
            Codec::Utf8 => {
                let [column] = columns else { return Ok(()) };
                let strings = column.as_string::<i32>();
                out.extend(strings.iter().enumerate().map(|(row, s)| match s {
                    Some(s) => self.slot(hash_of(row, s.as_bytes()), s.as_bytes()),
                    None => self.values.slots.take_null(),
                }));
            }
            Codec::Rows(converter) => {
                // Taken out and put back, so that the rows can be read while keys are added.
                let mut rows = self.scratch.take().unwrap_or_else(|| converter.empty_rows(0, 0));
                rows.clear();
                converter.append(&mut rows, columns)?;
                let keys = rows.iter().enumerate();
                out.extend(keys.map(|(row, key)| self.slot(hash_of(row, key.data()), key.data())));
                self.scratch = Some(rows);
            }
        }
        Ok(())
    }

    #[inline]
    fn slot(&mut self, hash: u64, key: &[u8]) -> u32 {
        debug_assert_eq!(hash, xxh3_64(key), "the hash is of another key");
        match self.find(hash, key) {
            Some(slot) => slot,
            None => self.insert(hash, key),
        }
    }

    #[inline]
    fn find(&self, hash: u64, key: &[u8]) -> Option<u32> {
        let found = self.table.find(hash, |(h, slot)| *h == hash && self.values.bytes(*slot) == key);
        found.map(|(_, slot)| *slot)
    }

    #[cold]
    fn insert(&mut self, hash: u64, key: &[u8]) -> u32 {
        let place = self.values.arena.push(key);
        let slot = self.values.slots.take(place);
        self.table.insert_unique(hash, (hash, slot), |(hash, _)| *hash);
        slot
    }

    pub(super) fn slot_from(&mut self, other: &Self, slot: u32) -> u32 {
        let of_null = other.values.slots.null() == Some(slot);
        if of_null {
            return self.values.slots.take_null();
        }
        let key = other.values.bytes(slot);
        self.slot(xxh3_64(key), key)
    }

    pub(super) fn find_from(&self, other: &Self, slot: u32) -> Option<u32> {
        if other.values.slots.null() == Some(slot) {
            return self.values.slots.null();
        }
        let key = other.values.bytes(slot);
        self.find(xxh3_64(key), key)
    }

    pub(super) fn remove(&mut self, slot: u32) {
        if self.values.slots.null() != Some(slot) {
            let hash = xxh3_64(self.values.bytes(slot));
            let Ok(entry) = self.table.find_entry(hash, |(_, s)| *s == slot) else { return };
            entry.remove();
            self.garbage += self.values.slots.get(slot).len;
            // A second removal finds nothing, and not bytes that have moved.
            self.values.slots.set(slot, Place::default());
        }
        self.values.slots.give_back(slot);
        if self.garbage > GARBAGE_BYTES_MIN.max(self.values.arena.len() / 2) {
            self.compact();
        }
    }

    /// Moves the bytes that are in use together.
    fn compact(&mut self) {
        let mut arena = ByteArena::default();
        for (_, slot) in &self.table {
            let place = arena.push(self.values.bytes(*slot));
            self.values.slots.set(*slot, place);
        }
        self.values.arena = arena;
        self.garbage = 0;
    }

    pub(super) fn clear(&mut self) {
        self.values.arena.clear();
        self.values.slots.clear();
        self.table.clear();
        self.garbage = 0;
    }
}

impl ByteValues {
    pub(super) fn freeze(&mut self) -> Self {
        Self { codec: self.codec.clone(), arena: self.arena.freeze(), slots: self.slots.freeze() }
    }

    #[inline]
    fn bytes(&self, slot: u32) -> &[u8] {
        self.arena.get(*self.slots.get(slot))
    }

    pub(super) fn columns(&self, slots: &[u32]) -> Result<Vec<ArrayRef>, StateError> {
        match &self.codec {
            Codec::Utf8 => {
                let null = self.slots.null_among(slots);
                let bytes_of = |slot: &u32| if null == Some(*slot) { &[] } else { self.bytes(*slot) };
                let offsets = OffsetBuffer::<i32>::from_lengths(slots.iter().map(|slot| bytes_of(slot).len()));
                let mut bytes = Vec::with_capacity(offsets.last() as usize);
                slots.iter().for_each(|slot| bytes.extend_from_slice(bytes_of(slot)));
                let valid = |null: u32| BooleanBuffer::collect_bool(slots.len(), |row| slots[row] != null);
                let nulls = null.map(|null| NullBuffer::new(valid(null)));
                Ok(vec![Arc::new(StringArray::try_new(offsets, Buffer::from_vec(bytes), nulls)?)])
            }
            Codec::Rows(converter) => {
                let parser = converter.parser();
                Ok(converter.convert_rows(slots.iter().map(|s| parser.parse(self.bytes(*s))))?)
            }
        }
    }

    /// What [`hash_keys`] gives for the columns of these slots, which hashes the same bytes.
    pub(super) fn hashes(&self, slots: &[u32], out: &mut Vec<u64>) -> Result<(), StateError> {
        out.clear();
        out.extend(slots.iter().map(|slot| xxh3_64(self.bytes(*slot))));
        if let Some(null) = self.slots.null_among(slots) {
            let mut of_null = Vec::new();
            hash_keys(&self.columns(&[null])?, 1, &mut of_null)?;
            for (hash, _) in out.iter_mut().zip(slots).filter(|(_, slot)| **slot == null) {
                *hash = of_null[0];
            }
        }
        Ok(())
    }
}

fn converter(fields: &[FieldRef]) -> Result<RowConverter, StateError> {
    let of = |f: &FieldRef| SortField::new(f.data_type().clone());
    for field in fields {
        if !RowConverter::supports_fields(&[of(field)]) {
            let (column, data_type) = (field.name().clone(), field.data_type().clone());
            return Err(StateError::KeyType { column, data_type });
        }
    }
    Ok(RowConverter::new(fields.iter().map(of).collect())?)
}
