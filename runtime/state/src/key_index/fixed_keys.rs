//! Keys of one column of 32 or 64 bit values that are equal when their bits are. Never floats: two NaNs differ in bits.

use arrow::array::{Array, ArrayData, ArrayRef, make_array};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow::datatypes::DataType;
use weir_core::key_group::mix;

use super::slot_table::SlotTable;
use super::slots::Slots;
use crate::StateError;

/// Regions of a table: of one that holds ten million keys each fits into a core's own cache.
const REGIONS: usize = 256;

/// Values by slot, and slots by value.
#[derive(Debug)]
pub(super) struct FixedKeys {
    pub(super) values: FixedValues,
    table: SlotTable,
}

/// Values, widened to 64 bits, by slot.
#[derive(Debug)]
pub(super) struct FixedValues {
    data_type: DataType,
    pub(super) slots: Slots<i64>,
}

impl FixedKeys {
    pub(super) fn takes(data_type: &DataType) -> bool {
        is_long(data_type) || is_short(data_type)
    }

    pub(super) fn new(data_type: DataType) -> Self {
        Self { values: FixedValues { data_type, slots: Slots::new() }, table: SlotTable::new() }
    }

    /// Another one of the same type, without keys.
    pub(super) fn fresh(&self) -> Self {
        Self::new(self.values.data_type.clone())
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.values.slots.memory_bytes() + self.table.memory_bytes()
    }

    pub(super) fn reserve(&mut self, keys: usize) {
        self.table.reserve(keys);
    }

    pub(super) fn slots(&mut self, column: &ArrayRef, out: &mut Vec<u32>) {
        let data = column.to_data();
        // A short value is widened the same way every time; that is all that equality needs.
        if is_short(&self.values.data_type) {
            let values = data.buffer::<i32>(0).iter().take(data.len()).map(|v| i64::from(*v));
            self.slots_of(values, data.nulls(), out);
        } else {
            self.slots_of(data.buffer::<i64>(0).iter().take(data.len()).copied(), data.nulls(), out);
        }
    }

    /// As [`FixedKeys::slots`], for so many keys that the table is larger than any cache: they are put in by the region of the table
    /// that they belong to.
    pub(super) fn slots_of_all<'a>(&mut self, columns: impl Iterator<Item = &'a ArrayRef>, out: &mut Vec<u32>) {
        let capacity = self.table.capacity();
        // A wrong guess costs time and nothing else.
        let buckets = (capacity * 8 / 7).next_power_of_two() as u64;
        let shift = buckets.ilog2().saturating_sub(REGIONS.ilog2());
        let room = capacity / REGIONS;
        // Each with a slot of its own, as if it were new, and its row.
        let mut regions: Vec<Vec<(i64, u32, u32)>> = (0..REGIONS).map(|_| Vec::with_capacity(room)).collect();
        for column in columns {
            let data = column.to_data();
            let (short, long): (&[i32], &[i64]) = match is_short(&self.values.data_type) {
                true => (data.buffer(0), &[]),
                false => (&[], data.buffer(0)),
            };
            let values = short.iter().map(|v| i64::from(*v)).chain(long.iter().copied());
            for (row, key) in values.take(data.len()).enumerate() {
                if data.is_null(row) {
                    out.push(self.values.slots.take_null());
                    continue;
                }
                let slot = self.values.slots.take(key);
                let region = (mix(key as u64) & (buckets - 1)) >> shift;
                regions[region as usize].push((key, slot, out.len() as u32));
                out.push(slot);
            }
        }
        for (key, slot, row) in regions.into_iter().flatten() {
            match self.table.get(key) {
                Some(known) => {
                    out[row as usize] = known;
                    self.values.slots.give_back(slot);
                }
                None => self.table.insert(key, slot),
            }
        }
    }

    fn slots_of(&mut self, values: impl Iterator<Item = i64>, nulls: Option<&NullBuffer>, out: &mut Vec<u32>) {
        match nulls.filter(|n| n.null_count() > 0) {
            None => out.extend(values.map(|v| self.slot(v))),
            Some(nulls) => {
                let slot = |(v, valid)| if valid { self.slot(v) } else { self.values.slots.take_null() };
                out.extend(values.zip(nulls).map(slot));
            }
        }
    }

    #[inline]
    fn slot(&mut self, key: i64) -> u32 {
        match self.table.get(key) {
            Some(slot) => slot,
            None => self.insert(key),
        }
    }

    #[cold]
    fn insert(&mut self, key: i64) -> u32 {
        let slot = self.values.slots.take(key);
        self.table.insert(key, slot);
        slot
    }

    pub(super) fn slot_from(&mut self, other: &Self, slot: u32) -> u32 {
        let others = &other.values.slots;
        if others.null() == Some(slot) { self.values.slots.take_null() } else { self.slot(*others.get(slot)) }
    }

    pub(super) fn find_from(&self, other: &Self, slot: u32) -> Option<u32> {
        if other.values.slots.null() == Some(slot) {
            return self.values.slots.null();
        }
        self.table.get(*other.values.slots.get(slot))
    }

    pub(super) fn remove(&mut self, slot: u32) {
        let slots = &mut self.values.slots;
        if slots.null() == Some(slot) || self.table.remove(*slots.get(slot), slot) {
            slots.give_back(slot);
        }
    }

    pub(super) fn clear(&mut self) {
        self.values.slots.clear();
        self.table.clear();
    }
}

impl FixedValues {
    pub(super) fn freeze(&mut self) -> Self {
        Self { data_type: self.data_type.clone(), slots: self.slots.freeze() }
    }

    pub(super) fn column(&self, slots: &[u32]) -> Result<ArrayRef, StateError> {
        let values = slots.iter().map(|s| *self.slots.get(*s));
        let buffer = if is_short(&self.data_type) {
            Buffer::from_vec(values.map(|v| v as i32).collect())
        } else {
            Buffer::from_vec(values.collect::<Vec<i64>>())
        };
        let nulls = self.slots.null_among(slots).map(|null| {
            let valid = BooleanBuffer::collect_bool(slots.len(), |i| slots[i] != null);
            NullBuffer::new(valid)
        });
        let data = ArrayData::builder(self.data_type.clone()).len(slots.len()).add_buffer(buffer).nulls(nulls);
        Ok(make_array(data.build()?))
    }
}

pub(super) fn is_long(data_type: &DataType) -> bool {
    use DataType::{Date64, Duration, Int64, Time64, Timestamp, UInt64};
    matches!(data_type, Int64 | UInt64 | Date64 | Timestamp(..) | Time64(_) | Duration(_))
}

pub(super) fn is_short(data_type: &DataType) -> bool {
    use DataType::{Date32, Int32, Time32, UInt32};
    matches!(data_type, Int32 | UInt32 | Date32 | Time32(_))
}
