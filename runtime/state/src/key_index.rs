//! [`KeyIndex`]: which slot a key has.

mod byte_arena;
mod byte_keys;
mod fixed_keys;
mod frozen_keys;
mod key_pages;
mod packed_keys;
mod slot_table;
mod slots;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, FieldRef};

use crate::StateError;
use byte_keys::ByteKeys;
use fixed_keys::FixedKeys;
pub use frozen_keys::FrozenKeys;
use packed_keys::PackedKeys;

/// Maps the values of the key columns to slots: small dense numbers that index whatever is kept per key.
///
/// A null is a value like any other. With no key columns there is one key, in slot 0. Slots of removed keys are used again.
/// One integer-like column takes a path without encoding, a few such columns are packed into words, one utf8 column takes a path that stores
/// the bytes as they are; all other keys are encoded by Arrow's row format.
#[derive(Debug)]
pub struct KeyIndex {
    fields: Vec<FieldRef>,
    store: Store,
}

#[derive(Debug)]
enum Store {
    /// No key columns: whether their only key is there.
    Unit(bool),
    Fixed(FixedKeys),
    Packed(PackedKeys),
    Bytes(Box<ByteKeys>),
}

impl KeyIndex {
    /// An index without keys.
    ///
    /// # Errors
    /// [`StateError::KeyType`] if a field cannot be a key.
    pub fn new(fields: &[FieldRef]) -> Result<Self, StateError> {
        let store = match fields {
            [] => Store::Unit(false),
            [one] if FixedKeys::takes(one.data_type()) => Store::Fixed(FixedKeys::new(one.data_type().clone())),
            several if PackedKeys::takes(several) => Store::Packed(PackedKeys::new(several)),
            _ => Store::Bytes(Box::new(ByteKeys::new(fields)?)),
        };
        Ok(Self { fields: fields.to_vec(), store })
    }

    /// Another one over the same columns, without keys.
    #[must_use]
    pub fn fresh(&self) -> Self {
        let store = match &self.store {
            Store::Unit(_) => Store::Unit(false),
            Store::Fixed(keys) => Store::Fixed(keys.fresh()),
            Store::Packed(_) => Store::Packed(PackedKeys::new(&self.fields)),
            Store::Bytes(keys) => Store::Bytes(Box::new(keys.fresh())),
        };
        Self { fields: self.fields.clone(), store }
    }

    /// The key columns.
    #[must_use]
    pub fn fields(&self) -> &[FieldRef] {
        &self.fields
    }

    /// How many keys it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.store {
            Store::Unit(present) => usize::from(*present),
            Store::Fixed(keys) => keys.values.slots.len(),
            Store::Packed(keys) => keys.values.slots.len(),
            Store::Bytes(keys) => keys.values.slots.len(),
        }
    }

    /// Whether it holds no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that the keys take, and finding them.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        match &self.store {
            Store::Unit(_) => 0,
            Store::Fixed(keys) => keys.memory_bytes(),
            Store::Packed(keys) => keys.memory_bytes(),
            Store::Bytes(keys) => keys.memory_bytes(),
        }
    }

    /// One more than the greatest slot ever given out since the last [`KeyIndex::clear`]: what arrays by slot must hold.
    #[must_use]
    pub fn slot_bound(&self) -> usize {
        match &self.store {
            Store::Unit(present) => usize::from(*present),
            Store::Fixed(keys) => keys.values.slots.bound(),
            Store::Packed(keys) => keys.values.slots.bound(),
            Store::Bytes(keys) => keys.values.slots.bound(),
        }
    }

    /// The slot of every row's key, into `out` (cleared first); new keys get one. Returns [`KeyIndex::slot_bound`].
    ///
    /// # Errors
    /// If the columns are not of the index's types, or not `rows` long.
    pub fn slots(&mut self, columns: &[ArrayRef], rows: usize, out: &mut Vec<u32>) -> Result<usize, StateError> {
        self.slots_hashed(columns, rows, None, out)
    }

    /// As [`KeyIndex::slots`], for somebody who may have what [`hash_keys`](weir_core::key_group::hash_keys) gives for the columns.
    ///
    /// # Errors
    /// As [`KeyIndex::slots`], or if there is not one hash per row.
    pub fn slots_hashed(
        &mut self,
        columns: &[ArrayRef],
        rows: usize,
        hashes: Option<&[u64]>,
        out: &mut Vec<u32>,
    ) -> Result<usize, StateError> {
        self.check(columns, rows)?;
        if let Some(hashes) = hashes.filter(|hashes| hashes.len() != rows) {
            return Err(StateError::Count { what: "hashes of keys", found: hashes.len(), expected: rows });
        }
        out.clear();
        match (&mut self.store, columns) {
            // Such keys are hashed as fast as their hashes are read.
            (Store::Fixed(keys), [column]) => keys.slots(column, out),
            (Store::Packed(keys), columns) => keys.slots(columns, rows, out),
            (Store::Bytes(keys), columns) => keys.slots(columns, hashes, out)?,
            (Store::Unit(present), _) => {
                *present |= rows > 0;
                out.resize(rows, 0);
            }
            (Store::Fixed(_), _) => {}
        }
        Ok(self.slot_bound())
    }

    /// As [`KeyIndex::slots`] of the rows of several batches, one batch after the other: those of a snapshot, whose keys are mostly
    /// new and more than any cache holds. A batch is its key columns and how many rows they have.
    ///
    /// # Errors
    /// As [`KeyIndex::slots`].
    pub fn slots_of_all(&mut self, batches: &[(&[ArrayRef], usize)]) -> Result<Vec<u32>, StateError> {
        batches.iter().try_for_each(|(columns, rows)| self.check(columns, *rows))?;
        let rows = batches.iter().map(|(_, rows)| rows).sum();
        self.reserve(rows);
        let mut all = Vec::with_capacity(rows);
        if let Store::Fixed(keys) = &mut self.store {
            keys.slots_of_all(batches.iter().flat_map(|(columns, _)| *columns), &mut all);
            return Ok(all);
        }
        let mut slots = Vec::new();
        for (columns, rows) in batches {
            self.slots(columns, *rows, &mut slots)?;
            all.extend_from_slice(&slots);
        }
        Ok(all)
    }

    /// As [`KeyIndex::slots`] for keys in the given slots of another index over the same fields, without decoding them.
    pub fn slots_from(&mut self, other: &Self, others: &[u32], out: &mut Vec<u32>) {
        out.clear();
        match (&mut self.store, &other.store) {
            (Store::Fixed(keys), Store::Fixed(other)) => out.extend(others.iter().map(|&s| keys.slot_from(other, s))),
            (Store::Packed(keys), Store::Packed(other)) => out.extend(others.iter().map(|&s| keys.slot_from(other, s))),
            (Store::Bytes(keys), Store::Bytes(other)) => out.extend(others.iter().map(|&s| keys.slot_from(other, s))),
            (Store::Unit(present), _) => {
                *present |= !others.is_empty();
                out.resize(others.len(), 0);
            }
            (Store::Fixed(_) | Store::Packed(_) | Store::Bytes(_), _) => {
                debug_assert!(false, "indexes over the same fields have the same store");
            }
        }
    }

    /// The slot of the key that another index over the same fields has in `slot`, if this one holds it.
    #[must_use]
    pub fn find_from(&self, other: &Self, slot: u32) -> Option<u32> {
        match (&self.store, &other.store) {
            (Store::Unit(present), _) => present.then_some(0),
            (Store::Fixed(keys), Store::Fixed(other)) => keys.find_from(other, slot),
            (Store::Packed(keys), Store::Packed(other)) => keys.find_from(other, slot),
            (Store::Bytes(keys), Store::Bytes(other)) => keys.find_from(other, slot),
            (Store::Fixed(_) | Store::Packed(_) | Store::Bytes(_), _) => None,
        }
    }

    /// The slots in use, ascending.
    #[must_use]
    pub fn live_slots(&self) -> Vec<u32> {
        match &self.store {
            Store::Unit(present) => present.then_some(0).into_iter().collect(),
            Store::Fixed(keys) => keys.values.slots.live(),
            Store::Packed(keys) => keys.values.slots.live(),
            Store::Bytes(keys) => keys.values.slots.live(),
        }
    }

    /// The key columns of the given slots, a row per slot.
    ///
    /// # Errors
    /// If Arrow cannot decode what it encoded.
    pub fn keys(&self, slots: &[u32]) -> Result<Vec<ArrayRef>, StateError> {
        match &self.store {
            Store::Unit(_) => Ok(Vec::new()),
            Store::Fixed(keys) => Ok(vec![keys.values.column(slots)?]),
            Store::Packed(keys) => keys.values.columns(slots),
            Store::Bytes(keys) => keys.values.columns(slots),
        }
    }

    /// The keys as they are now, by slot.
    #[must_use]
    pub fn freeze(&mut self) -> FrozenKeys {
        match &mut self.store {
            Store::Unit(present) => FrozenKeys::unit(*present),
            Store::Fixed(keys) => FrozenKeys::fixed(keys.values.freeze()),
            Store::Packed(keys) => FrozenKeys::packed(keys.values.freeze()),
            Store::Bytes(keys) => FrozenKeys::bytes(keys.values.freeze()),
        }
    }

    /// Makes room for this many keys more.
    fn reserve(&mut self, keys: usize) {
        match &mut self.store {
            Store::Unit(_) => {}
            Store::Fixed(fixed) => fixed.reserve(keys),
            Store::Packed(packed) => packed.reserve(keys),
            Store::Bytes(bytes) => bytes.reserve(keys),
        }
    }

    /// Forgets the key in a slot that is in use; the slot will be given to another key.
    pub fn remove(&mut self, slot: u32) {
        match &mut self.store {
            Store::Unit(present) => *present = false,
            Store::Fixed(keys) => keys.remove(slot),
            Store::Packed(keys) => keys.remove(slot),
            Store::Bytes(keys) => keys.remove(slot),
        }
    }

    /// Forgets all keys; the memory is kept.
    pub fn clear(&mut self) {
        match &mut self.store {
            Store::Unit(present) => *present = false,
            Store::Fixed(keys) => keys.clear(),
            Store::Packed(keys) => keys.clear(),
            Store::Bytes(keys) => keys.clear(),
        }
    }

    fn check(&self, columns: &[ArrayRef], rows: usize) -> Result<(), StateError> {
        if columns.len() != self.fields.len() {
            let (found, expected) = (columns.len(), self.fields.len());
            return Err(StateError::Count { what: "key columns", found, expected });
        }
        for (index, (column, field)) in columns.iter().zip(&self.fields).enumerate() {
            check_type("key column", index, column.data_type(), field.data_type())?;
            if column.len() != rows {
                return Err(StateError::Count { what: "rows of a key column", found: column.len(), expected: rows });
            }
        }
        Ok(())
    }
}

/// Refuses a column of another type than the state's.
pub(crate) fn check_type(
    what: &'static str,
    index: usize,
    found: &DataType,
    expected: &DataType,
) -> Result<(), StateError> {
    if found == expected {
        return Ok(());
    }
    Err(StateError::ColumnType { what, index, found: found.clone(), expected: expected.clone() })
}
