//! Keys of several columns of 32 or 64 bit values that are equal when their bits are, packed into a few words. Never floats, as in
//! [`FixedKeys`](super::fixed_keys::FixedKeys).

use arrow::array::{Array, ArrayData, ArrayRef, make_array};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow::datatypes::{DataType, FieldRef};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use weir_core::key_group::mix;

use super::fixed_keys::{is_long, is_short};
use super::slots::Slots;
use crate::StateError;

/// Words of the values of a key: two columns of 64 bits.
const VALUE_WORDS: usize = 4;

/// The values, one after the other, that of a null as 0; then a bit for each null.
type Packed = [u32; VALUE_WORDS + 1];

/// Keys by slot; and in the table with them, so that a lookup touches one place.
#[derive(Debug)]
pub(super) struct PackedKeys {
    pub(super) values: PackedValues,
    table: HashTable<(Packed, u32)>,
    /// Where the keys of a batch are packed.
    scratch: Vec<Packed>,
}

/// Keys by slot.
#[derive(Debug)]
pub(super) struct PackedValues {
    types: Vec<DataType>,
    pub(super) slots: Slots<Packed>,
}

impl PackedKeys {
    pub(super) fn takes(fields: &[FieldRef]) -> bool {
        let types = || fields.iter().map(|field| field.data_type());
        types().all(|of| is_long(of) || is_short(of)) && types().map(words_of).sum::<usize>() <= VALUE_WORDS
    }

    /// For columns that it [`takes`](PackedKeys::takes).
    pub(super) fn new(fields: &[FieldRef]) -> Self {
        let types = fields.iter().map(|field| field.data_type().clone()).collect();
        Self { values: PackedValues { types, slots: Slots::new() }, table: HashTable::new(), scratch: Vec::new() }
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.values.slots.memory_bytes() + self.table.allocation_size() as u64
    }

    pub(super) fn reserve(&mut self, keys: usize) {
        self.table.reserve(keys, |(key, _)| hash(key));
    }

    pub(super) fn slots(&mut self, columns: &[ArrayRef], rows: usize, out: &mut Vec<u32>) {
        let mut keys = std::mem::take(&mut self.scratch);
        pack(columns, rows, &mut keys);
        out.extend(keys.iter().map(|key| self.slot(key)));
        self.scratch = keys;
    }

    #[inline]
    fn slot(&mut self, key: &Packed) -> u32 {
        match self.table.entry(hash(key), |(k, _)| k == key, |(key, _)| hash(key)) {
            Entry::Occupied(found) => found.get().1,
            Entry::Vacant(place) => {
                let slot = self.values.slots.take(*key);
                place.insert((*key, slot));
                slot
            }
        }
    }

    pub(super) fn slot_from(&mut self, other: &Self, slot: u32) -> u32 {
        self.slot(other.values.slots.get(slot))
    }

    pub(super) fn find_from(&self, other: &Self, slot: u32) -> Option<u32> {
        let key = other.values.slots.get(slot);
        self.table.find(hash(key), |(k, _)| k == key).map(|(_, slot)| *slot)
    }

    pub(super) fn remove(&mut self, slot: u32) {
        let hash = hash(self.values.slots.get(slot));
        if let Ok(entry) = self.table.find_entry(hash, |(_, s)| *s == slot) {
            entry.remove();
            self.values.slots.give_back(slot);
        }
    }

    pub(super) fn clear(&mut self) {
        self.values.slots.clear();
        self.table.clear();
    }
}

impl PackedValues {
    pub(super) fn freeze(&mut self) -> Self {
        Self { types: self.types.clone(), slots: self.slots.freeze() }
    }

    pub(super) fn columns(&self, slots: &[u32]) -> Result<Vec<ArrayRef>, StateError> {
        let mut word = 0;
        let column = |(index, data_type): (usize, &DataType)| {
            let keys = slots.iter().map(|slot| self.slots.get(*slot));
            let buffer = match is_short(data_type) {
                true => Buffer::from_vec(keys.map(|key| key[word]).collect::<Vec<u32>>()),
                false => Buffer::from_vec(
                    keys.map(|key| u64::from(key[word]) | u64::from(key[word + 1]) << 32).collect::<Vec<u64>>(),
                ),
            };
            word += words_of(data_type);
            let is_valid = |row: usize| self.slots.get(slots[row])[VALUE_WORDS] & (1 << index) == 0;
            let nulls = NullBuffer::new(BooleanBuffer::collect_bool(slots.len(), is_valid));
            let nulls = (nulls.null_count() > 0).then_some(nulls);
            let data = ArrayData::builder(data_type.clone()).len(slots.len()).add_buffer(buffer).nulls(nulls);
            Ok(make_array(data.build()?))
        };
        self.types.iter().enumerate().map(column).collect()
    }
}

fn words_of(data_type: &DataType) -> usize {
    if is_short(data_type) { 1 } else { 2 }
}

fn hash([a, b, c, d, nulls]: &Packed) -> u64 {
    let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    mix(pair(*a, *b) ^ mix(pair(*c, *d).wrapping_add(u64::from(*nulls))))
}

/// The keys of rows, into `keys`.
fn pack(columns: &[ArrayRef], rows: usize, keys: &mut Vec<Packed>) {
    keys.clear();
    keys.resize(rows, Packed::default());
    let mut word = 0;
    for (index, column) in columns.iter().enumerate() {
        let (data, words) = (column.to_data(), words_of(column.data_type()));
        if words == 1 {
            keys.iter_mut().zip(data.buffer::<u32>(0)).for_each(|(key, value)| key[word] = *value);
        } else {
            for (key, value) in keys.iter_mut().zip(data.buffer::<u64>(0)) {
                (key[word], key[word + 1]) = (*value as u32, (*value >> 32) as u32);
            }
        }
        if let Some(nulls) = data.nulls().filter(|nulls| nulls.null_count() > 0) {
            for (key, _) in keys.iter_mut().zip(nulls).filter(|(_, valid)| !valid) {
                key[word..word + words].fill(0);
                key[VALUE_WORDS] |= 1 << index;
            }
        }
        word += words;
    }
}
