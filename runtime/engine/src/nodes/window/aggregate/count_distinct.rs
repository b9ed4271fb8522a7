//! `count-distinct`: how many different values there are, exactly. The values of all groups are in one table, each with its group, once; those
//! of a group are chained, so that it can be forgotten alone.

use std::any::Any;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, UInt32Array, new_empty_array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::row::Rows;
use weir_state::{ChunkedVec, FrozenKeys, KeyIndex};

use super::encoded::{Encoder, plain};
use super::{Accumulators, state_field};
use crate::dataflow::operator::OperatorError;

/// Values that are made into a column at once.
const VALUES_MAX: usize = 8_192;

/// The last of a chain; a place that has no value.
const END: u32 = u32::MAX;
const UNUSED: u32 = u32::MAX - 1;

/// `count-distinct` of a column of any type whose values have an order.
pub(super) fn count_distinct(encoder: Encoder) -> Result<Box<dyn Accumulators>, OperatorError> {
    let field = |name: &str, data_type: &DataType| Arc::new(Field::new(name, data_type.clone(), false));
    let values = KeyIndex::new(&[field("group", &DataType::UInt32), field("value", encoder.data_type())])?;
    Ok(Box::new(CountDistinct { encoder, values, frozen: None, next: ChunkedVec::new(), groups: ChunkedVec::new() }))
}

struct CountDistinct {
    encoder: Encoder,
    /// Groups with their values.
    values: KeyIndex,
    /// In their place, if nothing changes any more.
    frozen: Option<FrozenKeys>,
    /// By the slot of a value that of the next of its group.
    next: ChunkedVec<u32>,
    groups: ChunkedVec<Group>,
}

#[derive(Clone, Copy)]
struct Group {
    first: u32,
    len: u32,
}

const EMPTY: Group = Group { first: END, len: 0 };

impl CountDistinct {
    /// Adds values, none of which is null, to groups.
    fn add(&mut self, groups: Vec<u32>, values: &ArrayRef) -> Result<(), OperatorError> {
        let (mut slots, rows) = (Vec::new(), groups.len());
        let groups = UInt32Array::from(groups);
        // If all slots have a value, those that come are greater than them.
        let bound = self.values.slot_bound();
        let known = if self.values.len() == bound { bound as u32 } else { 0 };
        let bound = self.values.slots(&[Arc::new(groups.clone()), plain(values)?], rows, &mut slots)?;
        self.next.grow(bound, &UNUSED);
        for (slot, group) in slots.iter().zip(groups.values()) {
            if *slot >= known && self.next[*slot as usize] == UNUSED {
                let group = &mut self.groups[*group as usize];
                self.next[*slot as usize] = group.first;
                *group = Group { first: *slot, len: group.len + 1 };
            }
        }
        Ok(())
    }

    fn slots_of(&self, group: u32) -> impl Iterator<Item = u32> {
        let mut next = self.groups[group as usize].first;
        std::iter::from_fn(move || {
            let slot = (next != END).then_some(next)?;
            next = self.next[slot as usize];
            Some(slot)
        })
    }

    /// The values in some slots.
    fn column(&self, slots: &[u32]) -> Result<ArrayRef, OperatorError> {
        let mut columns = match &self.frozen {
            None => self.values.keys(slots)?,
            Some(frozen) => frozen.keys(slots)?,
        };
        Ok(columns.pop().unwrap_or_else(|| new_empty_array(self.encoder.data_type())))
    }
}

impl Accumulators for CountDistinct {
    fn fresh(&self) -> Box<dyn Accumulators> {
        let (next, groups) = (ChunkedVec::new(), ChunkedVec::new());
        Box::new(Self { encoder: self.encoder.clone(), values: self.values.fresh(), frozen: None, next, groups })
    }

    fn resize(&mut self, groups: usize) {
        self.groups.grow(groups, &EMPTY);
    }

    fn memory_bytes(&mut self) -> u64 {
        self.values.memory_bytes() + self.next.memory_bytes() + self.groups.memory_bytes()
    }

    fn clear(&mut self) {
        self.values.clear();
        self.next.clear();
        self.groups.clear();
    }

    fn reset(&mut self, group: u32) {
        let mut next = std::mem::replace(&mut self.groups[group as usize], EMPTY).first;
        while next != END {
            self.values.remove(next);
            next = std::mem::replace(&mut self.next[next as usize], UNUSED);
        }
    }

    fn update(&mut self, group_of_row: &[u32], columns: &[ArrayRef], _times: &[i64]) -> Result<(), OperatorError> {
        let [column] = columns else { return Ok(()) };
        match column.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => self.add(group_of_row.to_vec(), column),
            Some(nulls) => {
                let rows: Vec<u32> = nulls.valid_indices().map(|row| row as u32).collect();
                let groups = rows.iter().map(|row| group_of_row[*row as usize]).collect();
                self.add(groups, &take(column, &UInt32Array::from(rows), None)?)
            }
        }
    }

    fn merge(&mut self, group_of_row: &[u32], state: &[ArrayRef]) -> Result<(), OperatorError> {
        let [lists] = state else { return Ok(()) };
        let offsets = lists.as_list::<i32>().offsets();
        let groups: Vec<u32> =
            group_of_row.iter().zip(offsets.lengths()).flat_map(|(g, len)| std::iter::repeat_n(*g, len)).collect();
        let values = lists.as_list::<i32>().values().slice(offsets[0] as usize, groups.len());
        self.add(groups, &values)
    }

    fn merge_from(&mut self, groups: &[u32], other: &dyn Accumulators, others: &[u32]) -> Result<(), OperatorError> {
        let Some(other) = other.as_any().downcast_ref::<Self>() else {
            return self.merge(groups, &other.state(others)?);
        };
        let (mut of_values, mut slots) = (Vec::new(), Vec::new());
        for (group, from) in groups.iter().zip(others) {
            slots.extend(other.slots_of(*from));
            of_values.resize(slots.len(), *group);
        }
        for (groups, slots) in of_values.chunks(VALUES_MAX).zip(slots.chunks(VALUES_MAX)) {
            self.add(groups.to_vec(), &other.column(slots)?)?;
        }
        Ok(())
    }

    fn copy(&mut self, group: u32, from: u32) -> Result<(), OperatorError> {
        let slots: Vec<u32> = self.slots_of(from).collect();
        slots.chunks(VALUES_MAX).try_for_each(|slots| self.add(vec![group; slots.len()], &self.column(slots)?))
    }

    fn absorb(&mut self, group: u32, from: u32) -> Result<(), OperatorError> {
        self.copy(group, from)
    }

    fn state_fields(&self) -> Vec<FieldRef> {
        vec![state_field("values", self.encoder.list_type(), false)]
    }

    fn freeze(&mut self) -> Box<dyn Accumulators> {
        let (next, groups, frozen) = (self.next.freeze(), self.groups.freeze(), Some(self.values.freeze()));
        Box::new(Self { encoder: self.encoder.clone(), values: self.values.fresh(), frozen, next, groups })
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>, OperatorError> {
        let slots: Vec<u32> = groups.iter().flat_map(|group| self.slots_of(*group)).collect();
        let encode = |slots: &[u32]| Ok(self.encoder.encode(&self.column(slots)?)?);
        let encoded: Vec<Rows> = slots.chunks(VALUES_MAX).map(encode).collect::<Result<_, OperatorError>>()?;
        let mut values = encoded.iter().flat_map(|rows| rows.iter().map(|row| row.data()));
        let list = |group: &u32| {
            let mut list: Vec<&[u8]> = values.by_ref().take(self.groups[*group as usize].len as usize).collect();
            list.sort_unstable();
            list
        };
        Ok(vec![self.encoder.decode_lists(groups.iter().map(list))?])
    }

    fn output_field(&self) -> FieldRef {
        state_field("count_distinct", DataType::Int64, false)
    }

    fn finish(&self, groups: &[u32]) -> Result<ArrayRef, OperatorError> {
        let counts = groups.iter().map(|group| i64::from(self.groups[*group as usize].len));
        Ok(Arc::new(Int64Array::from_iter_values(counts)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
