//! `avg`: a total divided by the number of its values.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use arrow::datatypes::{DataType, FieldRef};

use super::exact_total::{ExactTotal, Overflow};
use super::float_total::FloatTotal;
use super::fold::{Fold, Folded, Groups};
use super::total::{self, Counted, Total};
use super::{Accumulators, state_field};
use crate::operator::OperatorError;

/// `avg` of a column of numbers.
pub(super) fn average(column: &FieldRef) -> Box<dyn Accumulators> {
    let input = column.data_type().clone();
    if input.is_floating() {
        return Folded::boxed(Average { total: FloatTotal { input } });
    }
    let data_type = DataType::Decimal128(38, 0);
    let overflow = Overflow { aggregate: "avg", column: column.name().clone(), data_type };
    Folded::boxed(Average { total: ExactTotal { input, overflow } })
}

/// `avg` over a kind of total.
#[derive(Clone)]
struct Average<T> {
    total: T,
}

impl<T: Total> Fold for Average<T> {
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
        state_field("avg", DataType::Float64, true)
    }

    fn finish(&self, groups: &[&Self::Accumulator]) -> Result<ArrayRef, OperatorError> {
        let mean = |g: &&Self::Accumulator| (g.count > 0).then(|| self.total.to_f64(g.total) / g.count as f64);
        Ok(Arc::new(groups.iter().map(mean).collect::<Float64Array>()))
    }
}
