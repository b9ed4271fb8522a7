//! Keys of one column of 32 or 64 bit values that are equal when their bits are. Never floats: two NaNs differ in bits.

use arrow::array::{Array, ArrayData, ArrayRef, make_array};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow::datatypes::DataType;
use hashbrown::HashTable;
use weir_core::key_group::mix;

use crate::StateError;

/// Values, widened to 64 bits, by slot; and in the table with them, so that a lookup touches one place.
#[derive(Debug)]
pub(super) struct FixedKeys {
    data_type: DataType,
    by_slot: Vec<i64>,
    table: HashTable<(i64, u32)>,
    null: Option<u32>,
    free: Vec<u32>,
}

impl FixedKeys {
    pub(super) fn takes(data_type: &DataType) -> bool {
        is_long(data_type) || is_short(data_type)
    }

    pub(super) fn new(data_type: DataType) -> Self {
        Self { data_type, by_slot: Vec::new(), table: HashTable::new(), null: None, free: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len() + usize::from(self.null.is_some())
    }

    pub(super) fn slot_bound(&self) -> usize {
        self.by_slot.len()
    }

    pub(super) fn slots(&mut self, column: &ArrayRef, out: &mut Vec<u32>) {
        let data = column.to_data();
        // A short value is widened the same way every time; that is all that equality needs.
        if is_short(&self.data_type) {
            let values = data.buffer::<i32>(0).iter().take(data.len()).map(|v| i64::from(*v));
            self.slots_of(values, data.nulls(), out);
        } else {
            self.slots_of(data.buffer::<i64>(0).iter().take(data.len()).copied(), data.nulls(), out);
        }
    }

    fn slots_of(&mut self, values: impl Iterator<Item = i64>, nulls: Option<&NullBuffer>, out: &mut Vec<u32>) {
        match nulls.filter(|n| n.null_count() > 0) {
            None => out.extend(values.map(|v| self.slot(v))),
            Some(nulls) => {
                out.extend(values.zip(nulls).map(|(v, valid)| if valid { self.slot(v) } else { self.null_slot() }));
            }
        }
    }

    #[inline]
    fn slot(&mut self, key: i64) -> u32 {
        let hash = mix(key as u64);
        match self.table.find(hash, |(k, _)| *k == key) {
            Some((_, slot)) => *slot,
            None => self.insert(hash, key),
        }
    }

    #[cold]
    fn insert(&mut self, hash: u64, key: i64) -> u32 {
        let slot = self.take_slot(key);
        self.table.insert_unique(hash, (key, slot), |(k, _)| mix(*k as u64));
        slot
    }

    fn null_slot(&mut self) -> u32 {
        match self.null {
            Some(slot) => slot,
            None => *self.null.insert(take_slot(&mut self.free, &mut self.by_slot, 0)),
        }
    }

    fn take_slot(&mut self, key: i64) -> u32 {
        take_slot(&mut self.free, &mut self.by_slot, key)
    }

    pub(super) fn slot_from(&mut self, other: &Self, slot: u32) -> u32 {
        if other.null == Some(slot) { self.null_slot() } else { self.slot(other.by_slot[slot as usize]) }
    }

    pub(super) fn find_from(&self, other: &Self, slot: u32) -> Option<u32> {
        if other.null == Some(slot) {
            return self.null;
        }
        let key = other.by_slot[slot as usize];
        self.table.find(mix(key as u64), |(k, _)| *k == key).map(|(_, slot)| *slot)
    }

    pub(super) fn live_slots(&self) -> Vec<u32> {
        self.table.iter().map(|(_, slot)| *slot).chain(self.null).collect()
    }

    pub(super) fn column(&self, slots: &[u32]) -> Result<ArrayRef, StateError> {
        let values = slots.iter().map(|s| self.by_slot[*s as usize]);
        let buffer = if is_short(&self.data_type) {
            Buffer::from_vec(values.map(|v| v as i32).collect())
        } else {
            Buffer::from_vec(values.collect::<Vec<i64>>())
        };
        let nulls = self.null.filter(|null| slots.contains(null)).map(|null| {
            let valid = BooleanBuffer::collect_bool(slots.len(), |i| slots[i] != null);
            NullBuffer::new(valid)
        });
        let data = ArrayData::builder(self.data_type.clone()).len(slots.len()).add_buffer(buffer).nulls(nulls);
        Ok(make_array(data.build()?))
    }

    pub(super) fn remove(&mut self, slot: u32) {
        if self.null == Some(slot) {
            self.null = None;
            self.free.push(slot);
            return;
        }
        let hash = mix(self.by_slot[slot as usize] as u64);
        if let Ok(entry) = self.table.find_entry(hash, |(_, s)| *s == slot) {
            entry.remove();
            self.free.push(slot);
        }
    }

    pub(super) fn clear(&mut self) {
        self.by_slot.clear();
        self.table.clear();
        self.null = None;
        self.free.clear();
    }
}

fn take_slot(free: &mut Vec<u32>, by_slot: &mut Vec<i64>, key: i64) -> u32 {
    match free.pop() {
        Some(slot) => {
            by_slot[slot as usize] = key;
            slot
        }
        None => {
            by_slot.push(key);
            (by_slot.len() - 1) as u32
        }
    }
}

fn is_long(data_type: &DataType) -> bool {
    use DataType::{Date64, Duration, Int64, Time64, Timestamp, UInt64};
    matches!(data_type, Int64 | UInt64 | Date64 | Timestamp(..) | Time64(_) | Duration(_))
}

fn is_short(data_type: &DataType) -> bool {
    use DataType::{Date32, Int32, Time32, UInt32};
    matches!(data_type, Int32 | UInt32 | Date32 | Time32(_))
}
