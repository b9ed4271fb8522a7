//! `min` and `max`.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, FieldRef};

use super::element::{Element, is_element, with_element};
use super::fold::{Fold, Folded, Groups, for_each_valid};
use super::{Accumulators, state_field};
use crate::dataflow::operator::OperatorError;

/// Whether a type has a least and a greatest value.
pub(super) fn takes_extreme(data_type: &DataType) -> bool {
    is_element(data_type)
}

/// `max` if `GREATEST`, else `min`, of a column that [`takes_extreme`].
pub(super) fn min_or_max<const GREATEST: bool>(data_type: DataType) -> Box<dyn Accumulators> {
    with_element!(data_type, E => Folded::boxed(Extreme::<E, GREATEST> { data_type, element: std::marker::PhantomData }))
}

#[derive(Clone)]
struct Extreme<E, const GREATEST: bool> {
    data_type: DataType,
    element: std::marker::PhantomData<E>,
}

impl<E: Element, const GREATEST: bool> Extreme<E, GREATEST> {
    #[inline]
    fn take(kept: &mut Option<E::Owned>, value: E::Value<'_>) {
        let wins = if GREATEST { Ordering::Greater } else { Ordering::Less };
        if kept.as_ref().is_none_or(|kept| E::compare(value, E::borrow(kept)) == wins) {
            *kept = Some(E::own(value));
        }
    }
}

impl<E: Element, const GREATEST: bool> Fold for Extreme<E, GREATEST> {
    type Accumulator = Option<E::Owned>;

    const HAS_HEAP: bool = E::HAS_HEAP;

    fn heap_bytes(group: &Self::Accumulator) -> usize {
        group.as_ref().map_or(0, E::heap_bytes)
    }

    fn update(
        &self,
        groups: &mut (impl Groups<Self::Accumulator> + ?Sized),
        group_of_row: &[u32],
        columns: &[ArrayRef],
        _event_times: &[i64],
    ) -> Result<(), OperatorError> {
        let [column] = columns else { return Ok(()) };
        let array = E::array(column);
        for_each_valid(array.nulls(), group_of_row, |row, group| {
            Self::take(&mut groups[group], E::value(array, row));
            Ok(())
        })
    }

    fn merge(&self, into: &mut Self::Accumulator, other: &Self::Accumulator) -> Result<(), OperatorError> {
        if let Some(other) = other {
            Self::take(into, E::borrow(other));
        }
        Ok(())
    }

    fn state_fields(&self) -> Vec<FieldRef> {
        vec![self.output_field()]
    }

    fn state(&self, groups: &[&Self::Accumulator]) -> Result<Vec<ArrayRef>, OperatorError> {
        Ok(vec![self.finish(groups)?])
    }

    fn load(&self, state: &[ArrayRef], rows: usize) -> Result<Vec<Self::Accumulator>, OperatorError> {
        let [column] = state else { return Ok(Vec::new()) };
        let array = E::array(column);
        Ok((0..rows).map(|row| array.is_valid(row).then(|| E::own(E::value(array, row)))).collect())
    }

    fn output_field(&self) -> FieldRef {
        state_field(if GREATEST { "max" } else { "min" }, self.data_type.clone(), true)
    }

    fn finish(&self, groups: &[&Self::Accumulator]) -> Result<ArrayRef, OperatorError> {
        Ok(E::column(&self.data_type, &mut groups.iter().map(|kept| kept.as_ref())))
    }
}
