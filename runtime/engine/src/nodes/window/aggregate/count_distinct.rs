//! `count-distinct`: how many different values there are, exactly. It keeps each value once.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, FieldRef};

use super::encoded::{Encoder, plain};
use super::fold::{Fold, Folded, Groups, for_each_valid};
use super::{Accumulators, state_field};
use crate::dataflow::operator::OperatorError;

/// `count-distinct` of a column of any type whose values have an order.
pub(super) fn count_distinct(encoder: Encoder) -> Box<dyn Accumulators> {
    Folded::boxed(CountDistinct { encoder })
}

#[derive(Clone)]
struct CountDistinct {
    encoder: Encoder,
}

/// Encoded values. Shared with a checkpoint until values are added to this group.
type Values = Arc<HashSet<Box<[u8]>>>;

/// Bytes of an entry beside the value's own.
const ENTRY_BYTES: usize = 2 * size_of::<Box<[u8]>>() + 16;

fn sorted(values: &Values) -> Vec<&[u8]> {
    let mut values: Vec<&[u8]> = values.iter().map(AsRef::as_ref).collect();
    values.sort_unstable();
    values
}

impl Fold for CountDistinct {
    type Accumulator = Values;

    const HEAP_BYTES_PER_VALUE: usize = ENTRY_BYTES;

    fn heap_bytes(group: &Values) -> usize {
        group.iter().map(|value| value.len() + ENTRY_BYTES).sum()
    }

    fn update(
        &self,
        groups: &mut (impl Groups<Values> + ?Sized),
        group_of_row: &[u32],
        columns: &[ArrayRef],
        _event_times: &[i64],
    ) -> Result<(), OperatorError> {
        let [column] = columns else { return Ok(()) };
        let values = self.encoder.encode(&plain(column)?)?;
        for_each_valid(column.nulls(), group_of_row, |row, group| {
            let value = values.row(row);
            let group = &mut groups[group];
            if !group.contains(value.as_ref()) {
                Arc::make_mut(group).insert(value.as_ref().into());
            }
            Ok(())
        })
    }

    fn merge(&self, into: &mut Values, other: &Values) -> Result<(), OperatorError> {
        Arc::make_mut(into).extend(other.iter().cloned());
        Ok(())
    }

    fn state_fields(&self) -> Vec<FieldRef> {
        vec![state_field("values", self.encoder.list_type(), false)]
    }

    fn state(&self, groups: &[&Values]) -> Result<Vec<ArrayRef>, OperatorError> {
        Ok(vec![self.encoder.decode_lists(groups.iter().copied().map(sorted))?])
    }

    fn load(&self, state: &[ArrayRef], rows: usize) -> Result<Vec<Values>, OperatorError> {
        let [lists] = state else { return Ok(Vec::new()) };
        let lists = lists.as_list::<i32>();
        let of = |row| {
            let values = self.encoder.encode(&lists.value(row))?;
            Ok(Arc::new(values.iter().map(|value| value.as_ref().into()).collect()))
        };
        (0..rows).map(of).collect()
    }

    fn output_field(&self) -> FieldRef {
        state_field("count_distinct", DataType::Int64, false)
    }

    fn finish(&self, groups: &[&Values]) -> Result<ArrayRef, OperatorError> {
        Ok(Arc::new(groups.iter().map(|group| Some(group.len() as i64)).collect::<Int64Array>()))
    }
}
