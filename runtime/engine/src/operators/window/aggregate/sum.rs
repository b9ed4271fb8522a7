//! `sum`: of integers an int64, of floats a float64, of decimals a decimal of the same scale.

use arrow::array::ArrayRef;
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, FieldRef};

use super::exact_total::{ExactTotal, Overflow};
use super::float_total::FloatTotal;
use super::fold::{Fold, Folded, Groups};
use super::total::{self, Counted, Total};
use super::{Accumulators, state_field};
use crate::operator::OperatorError;

/// The type of the sum of a column, if it has one.
pub(super) fn sum_type(column: &DataType) -> Option<DataType> {
    match column {
        DataType::Decimal128(_, scale) => Some(DataType::Decimal128(DECIMAL128_MAX_PRECISION, *scale)),
        t if t.is_integer() => Some(DataType::Int64),
        DataType::Float32 | DataType::Float64 => Some(DataType::Float64),
        _ => None,
    }
}

/// `sum` of a column, as a type that [`sum_type`] gave.
pub(super) fn sum(column: &FieldRef, output: DataType) -> Box<dyn Accumulators> {
    let overflow = Overflow { aggregate: "sum", column: column.name().clone(), data_type: output.clone() };
    let input = column.data_type().clone();
    match output {
        DataType::Float64 => Folded::boxed(Sum { total: FloatTotal { input }, output }),
        _ => Folded::boxed(Sum { total: ExactTotal { input, overflow }, output }),
    }
}

/// `sum` over a kind of total.
#[derive(Clone)]
struct Sum<T> {
    total: T,
    output: DataType,
}

impl<T: Total> Fold for Sum<T> {
    type Accumulator = Counted<T::Value>;

    fn update(
        &self,
        groups: &mut (impl Groups<Self::Accumulator> + ?Sized),
        group_of_row: &[u32],
        columns: &[ArrayRef],
        _event_times: &[i64],
    ) -> Result<(), OperatorError> {
        columns.first().map_or(Ok(()), |column| self.total.update(groups, group_of_row, column))
    }

    fn merge(&self, into: &mut Self::Accumulator, other: &Self::Accumulator) -> Result<(), OperatorError> {
        total::merge(&self.total, into, other)
    }

    fn state_fields(&self) -> Vec<FieldRef> {
        total::state_fields(&self.total)
    }

    fn state(&self, groups: &[&Self::Accumulator]) -> Result<Vec<ArrayRef>, OperatorError> {
        Ok(total::state(&self.total, groups))
    }

    fn load(&self, state: &[ArrayRef], rows: usize) -> Vec<Self::Accumulator> {
        total::load(&self.total, state, rows)
    }

    fn output_field(&self) -> FieldRef {
        state_field("sum", self.output.clone(), true)
    }

    fn finish(&self, groups: &[&Self::Accumulator]) -> Result<ArrayRef, OperatorError> {
        self.total.finish(&mut groups.iter().map(|g| (g.count > 0).then_some(g.total)))
    }
}
