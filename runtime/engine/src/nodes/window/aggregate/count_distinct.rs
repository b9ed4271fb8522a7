//! `count-distinct`: how many different values there are, exactly. Each value of a column has a number, whichever groups have it; a group is
//! a set of such numbers. A value that no group has any more is forgotten.

use std::any::Any;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, UInt32Array, new_empty_array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::row::Rows;
use weir_state::{ChunkedVec, FrozenKeys, KeyIndex};

use super::encoded::{Encoder, plain};
use super::id_set::IdSet;
use super::{Accumulators, state_field};
use crate::dataflow::operator::OperatorError;

/// Values that are made into a column at once.
const VALUES_MAX: usize = 8_192;

/// `count-distinct` of a column of any type whose values have an order.
pub(super) fn count_distinct(encoder: Encoder) -> Result<Box<dyn Accumulators>, OperatorError> {
    let values = KeyIndex::new(&[Arc::new(Field::new("value", encoder.data_type().clone(), false))])?;
    Ok(Box::new(CountDistinct::new(encoder, values)))
}

struct CountDistinct {
    encoder: Encoder,
    /// Values with their numbers.
    values: KeyIndex,
    /// In their place, if nothing changes any more.
    frozen: Option<FrozenKeys>,
    /// By the number of a value, how many groups have it.
    uses: ChunkedVec<u32>,
    groups: ChunkedVec<IdSet>,
    /// Bytes of the groups' sets beside the sets themselves.
    set_bytes: u64,
}

impl CountDistinct {
    fn new(encoder: Encoder, values: KeyIndex) -> Self {
        Self { encoder, values, frozen: None, uses: ChunkedVec::new(), groups: ChunkedVec::new(), set_bytes: 0 }
    }

    /// Adds values, none of which is null, to groups.
    fn add(&mut self, groups: impl Iterator<Item = u32>, values: &ArrayRef) -> Result<(), OperatorError> {
        let mut ids = Vec::new();
        let bound = self.values.slots(&[plain(values)?], values.len(), &mut ids)?;
        self.uses.grow(bound, &0);
        // Most values are known: they are looked for all together, as memory answers many questions as fast as one.
        let pairs: Vec<(u32, u32)> = groups.zip(ids).collect();
        let known: Vec<bool> =
            pairs.iter().map(|(group, id)| self.groups[*group as usize].contains_first(*id)).collect();
        for ((group, id), _) in pairs.into_iter().zip(known).filter(|(_, is_known)| !is_known) {
            self.insert(group, id);
        }
        Ok(())
    }

    #[inline]
    fn insert(&mut self, group: u32, id: u32) {
        // A write copies what a checkpoint shares.
        if self.groups[group as usize].contains(id) {
            return;
        }
        let set = &mut self.groups[group as usize];
        let before = set.memory_bytes();
        set.insert(id);
        self.set_bytes = (self.set_bytes + set.memory_bytes()).saturating_sub(before);
        self.uses[id as usize] += 1;
    }

    /// The values that have some numbers.
    fn column(&self, ids: &[u32]) -> Result<ArrayRef, OperatorError> {
        let mut columns = match &self.frozen {
            None => self.values.keys(ids)?,
            Some(frozen) => frozen.keys(ids)?,
        };
        Ok(columns.pop().unwrap_or_else(|| new_empty_array(self.encoder.data_type())))
    }
}

impl Accumulators for CountDistinct {
    fn fresh(&self) -> Box<dyn Accumulators> {
        Box::new(Self::new(self.encoder.clone(), self.values.fresh()))
    }

    fn resize(&mut self, groups: usize) {
        self.groups.grow(groups, &IdSet::EMPTY);
    }

    fn memory_bytes(&mut self) -> u64 {
        self.values.memory_bytes() + self.uses.memory_bytes() + self.groups.memory_bytes() + self.set_bytes
    }

    fn clear(&mut self) {
        self.values.clear();
        self.uses.clear();
        self.groups.clear();
        self.set_bytes = 0;
    }

    fn reset(&mut self, group: u32) {
        let set = std::mem::replace(&mut self.groups[group as usize], IdSet::EMPTY);
        self.set_bytes = self.set_bytes.saturating_sub(set.memory_bytes());
        for id in set.iter() {
            let uses = &mut self.uses[id as usize];
            *uses -= 1;
            if *uses == 0 {
                self.values.remove(id);
            }
        }
    }

    fn update(&mut self, group_of_row: &[u32], columns: &[ArrayRef], _times: &[i64]) -> Result<(), OperatorError> {
        let [column] = columns else { return Ok(()) };
        match column.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => self.add(group_of_row.iter().copied(), column),
            Some(nulls) => {
                let rows: Vec<u32> = nulls.valid_indices().map(|row| row as u32).collect();
                let rows = UInt32Array::from(rows);
                let groups = rows.values().iter().map(|row| group_of_row[*row as usize]);
                self.add(groups, &take(column, &rows, None)?)
            }
        }
    }

    fn merge(&mut self, group_of_row: &[u32], state: &[ArrayRef]) -> Result<(), OperatorError> {
        let [lists] = state else { return Ok(()) };
        let offsets = lists.as_list::<i32>().offsets();
        let groups = group_of_row.iter().zip(offsets.lengths()).flat_map(|(g, len)| std::iter::repeat_n(*g, len));
        let (first, end) = (offsets[0] as usize, offsets[offsets.len() - 1] as usize);
        self.add(groups, &lists.as_list::<i32>().values().slice(first, end - first))
    }

    fn merge_from(&mut self, groups: &[u32], other: &dyn Accumulators, others: &[u32]) -> Result<(), OperatorError> {
        let Some(other) = other.as_any().downcast_ref::<Self>() else {
            return self.merge(groups, &other.state(others)?);
        };
        let (mut of_other, mut own) = (Vec::new(), Vec::new());
        for (group, from) in groups.iter().zip(others) {
            of_other.clear();
            of_other.extend(other.groups[*from as usize].iter());
            self.values.slots_from(&other.values, &of_other, &mut own);
            self.uses.grow(self.values.slot_bound(), &0);
            own.iter().for_each(|id| self.insert(*group, *id));
        }
        Ok(())
    }

    fn copy(&mut self, group: u32, from: u32) -> Result<(), OperatorError> {
        self.absorb(group, from)
    }

    fn absorb(&mut self, group: u32, from: u32) -> Result<(), OperatorError> {
        let from = self.groups[from as usize].clone();
        from.iter().for_each(|id| self.insert(group, id));
        Ok(())
    }

    fn state_fields(&self) -> Vec<FieldRef> {
        vec![state_field("values", self.encoder.list_type(), false)]
    }

    fn freeze(&mut self) -> Box<dyn Accumulators> {
        let frozen = Some(self.values.freeze());
        Box::new(Self { frozen, groups: self.groups.freeze(), ..Self::new(self.encoder.clone(), self.values.fresh()) })
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>, OperatorError> {
        let ids: Vec<u32> = groups.iter().flat_map(|group| self.groups[*group as usize].iter()).collect();
        let encode = |ids: &[u32]| Ok(self.encoder.encode(&self.column(ids)?)?);
        let encoded: Vec<Rows> = ids.chunks(VALUES_MAX).map(encode).collect::<Result<_, OperatorError>>()?;
        let mut values = encoded.iter().flat_map(|rows| rows.iter().map(|row| row.data()));
        let list = |group: &u32| {
            let mut list: Vec<&[u8]> = values.by_ref().take(self.groups[*group as usize].len() as usize).collect();
            list.sort_unstable();
            list
        };
        Ok(vec![self.encoder.decode_lists(groups.iter().map(list))?])
    }

    fn output_field(&self) -> FieldRef {
        state_field("count_distinct", DataType::Int64, false)
    }

    fn finish(&self, groups: &[u32]) -> Result<ArrayRef, OperatorError> {
        let counts = groups.iter().map(|group| i64::from(self.groups[*group as usize].len()));
        Ok(Arc::new(Int64Array::from_iter_values(counts)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
