//! `first` and `last`: the value with the least or the greatest event time. Of several with the same time the least or the
//! greatest value, so that it does not matter in which order rows of different subtasks meet.

use std::cmp::Ordering;
use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, FieldRef, Int64Type};

use super::element::{Element, is_element, with_element};
use super::fold::{Fold, Folded, Groups, for_each_valid};
use super::{Accumulators, state_field};
use crate::dataflow::operator::OperatorError;

/// Whether values of a type can be told apart by order, as ties need.
pub(super) fn takes_by_time(data_type: &DataType) -> bool {
    is_element(data_type)
}

/// `last` if `LAST`, else `first`, of a column that [`takes_by_time`].
pub(super) fn first_or_last<const LAST: bool>(data_type: DataType) -> Box<dyn Accumulators> {
    with_element!(data_type, E => Folded::boxed(ByTime::<E, LAST> { data_type, element: PhantomData }))
}

#[derive(Clone)]
struct ByTime<E, const LAST: bool> {
    data_type: DataType,
    element: PhantomData<E>,
}

impl<E: Element, const LAST: bool> ByTime<E, LAST> {
    #[inline]
    fn take(kept: &mut Option<(i64, E::Owned)>, time: i64, value: E::Value<'_>) {
        let wins = if LAST { Ordering::Greater } else { Ordering::Less };
        let order =
            |(kept_time, kept): &(i64, E::Owned)| time.cmp(kept_time).then_with(|| E::compare(value, E::borrow(kept)));
        if kept.as_ref().is_none_or(|kept| order(kept) == wins) {
            *kept = Some((time, E::own(value)));
        }
    }
}

impl<E: Element, const LAST: bool> Fold for ByTime<E, LAST> {
    type Accumulator = Option<(i64, E::Owned)>;

    const HAS_HEAP: bool = E::HAS_HEAP;

    fn heap_bytes(group: &Self::Accumulator) -> usize {
        group.as_ref().map_or(0, |(_, value)| E::heap_bytes(value))
    }

    fn update(
        &self,
        groups: &mut (impl Groups<Self::Accumulator> + ?Sized),
        group_of_row: &[u32],
        columns: &[ArrayRef],
        event_times: &[i64],
    ) -> Result<(), OperatorError> {
        let [column] = columns else { return Ok(()) };
        let array = E::array(column);
        for_each_valid(array.nulls(), group_of_row, |row, group| {
            Self::take(&mut groups[group], event_times[row], E::value(array, row));
            Ok(())
        })
    }

    fn merge(&self, into: &mut Self::Accumulator, other: &Self::Accumulator) -> Result<(), OperatorError> {
        if let Some((time, value)) = other {
            Self::take(into, *time, E::borrow(value));
        }
        Ok(())
    }

    fn state_fields(&self) -> Vec<FieldRef> {
        vec![self.output_field(), state_field("time", DataType::Int64, true)]
    }

    fn state(&self, groups: &[&Self::Accumulator]) -> Result<Vec<ArrayRef>, OperatorError> {
        let times: Int64Array = groups.iter().map(|kept| kept.as_ref().map(|(time, _)| *time)).collect();
        Ok(vec![self.finish(groups)?, Arc::new(times)])
    }

    fn load(&self, state: &[ArrayRef], rows: usize) -> Result<Vec<Self::Accumulator>, OperatorError> {
        let [column, times] = state else { return Ok(Vec::new()) };
        let (array, times) = (E::array(column), times.as_primitive::<Int64Type>());
        let row = |row| times.is_valid(row).then(|| (times.value(row), E::own(E::value(array, row))));
        Ok((0..rows).map(row).collect())
    }

    fn output_field(&self) -> FieldRef {
        state_field(if LAST { "last" } else { "first" }, self.data_type.clone(), true)
    }

    fn finish(&self, groups: &[&Self::Accumulator]) -> Result<ArrayRef, OperatorError> {
        Ok(E::column(&self.data_type, &mut groups.iter().map(|kept| kept.as_ref().map(|(_, value)| value))))
    }
}
