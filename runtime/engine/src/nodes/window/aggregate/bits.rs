//! `bit-and`, `bit-or` and `bit-xor` of integers, bit by bit.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Int64Type, UInt64Type};

use super::fold::{Fold, Folded, Groups, for_each_valid};
use super::{Accumulators, state_field};
use crate::dataflow::operator::OperatorError;

/// What is done with two values.
pub(super) type Combine = fn(i64, i64) -> i64;

/// The aggregate of an integer type.
pub(super) fn bits(data_type: DataType, combine: Combine) -> Box<dyn Accumulators> {
    Folded::boxed(Bits { data_type, combine })
}

#[derive(Clone)]
struct Bits {
    data_type: DataType,
    combine: Combine,
}

impl Bits {
    /// The values with the bits of 64-bit integers. Those of narrower types are extended, which changes no result once it is cut back.
    fn wide(column: &ArrayRef) -> Result<Int64Array, OperatorError> {
        Ok(match column.data_type() {
            DataType::UInt64 => column.as_primitive::<UInt64Type>().unary(u64::cast_signed),
            _ => cast(column, &DataType::Int64)?.as_primitive::<Int64Type>().clone(),
        })
    }

    fn take(&self, group: &mut Option<i64>, value: i64) {
        *group = Some(group.map_or(value, |bits| (self.combine)(bits, value)));
    }
}

impl Fold for Bits {
    type Accumulator = Option<i64>;

    fn update(
        &self,
        groups: &mut (impl Groups<Option<i64>> + ?Sized),
        group_of_row: &[u32],
        columns: &[ArrayRef],
        _event_times: &[i64],
    ) -> Result<(), OperatorError> {
        let [column] = columns else { return Ok(()) };
        let values = Self::wide(column)?;
        for_each_valid(values.nulls(), group_of_row, |row, group| {
            self.take(&mut groups[group], values.value(row));
            Ok(())
        })
    }

    fn merge(&self, into: &mut Option<i64>, other: &Option<i64>) -> Result<(), OperatorError> {
        if let Some(other) = other {
            self.take(into, *other);
        }
        Ok(())
    }

    fn state_fields(&self) -> Vec<FieldRef> {
        vec![self.output_field()]
    }

    fn state(&self, groups: &[&Option<i64>]) -> Result<Vec<ArrayRef>, OperatorError> {
        Ok(vec![self.finish(groups)?])
    }

    fn load(&self, state: &[ArrayRef], _rows: usize) -> Result<Vec<Option<i64>>, OperatorError> {
        let [column] = state else { return Ok(Vec::new()) };
        Ok(Self::wide(column)?.iter().collect())
    }

    fn output_field(&self) -> FieldRef {
        state_field("bits", self.data_type.clone(), true)
    }

    fn finish(&self, groups: &[&Option<i64>]) -> Result<ArrayRef, OperatorError> {
        let values: Int64Array = groups.iter().copied().copied().collect();
        Ok(match self.data_type {
            DataType::UInt64 => Arc::new(values.unary::<_, UInt64Type>(i64::cast_unsigned)),
            _ => cast(&values, &self.data_type)?,
        })
    }
}
