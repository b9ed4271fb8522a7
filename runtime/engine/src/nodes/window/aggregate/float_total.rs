//! Totals of floats.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Float64Array};
use arrow::datatypes::{DataType, FieldRef, Float32Type, Float64Type};
use weir_core::column_type::type_name;

use super::double_double::DoubleDouble;
use super::fold::{Groups, for_each_valid};
use super::state_field;
use super::total::{Counted, Total};
use crate::dataflow::operator::OperatorError;

/// Floats, in twice their precision: the rounding of the order of additions is far below the last bit of the result.
#[derive(Clone)]
pub(super) struct FloatTotal {
    pub(super) input: DataType,
    /// What an error names.
    pub(super) aggregate: &'static str,
    pub(super) column: String,
}

impl FloatTotal {
    fn update_of<T: ArrowPrimitiveType>(
        &self,
        groups: &mut (impl Groups<Counted<DoubleDouble>> + ?Sized),
        group_of_row: &[u32],
        column: &ArrayRef,
    ) -> Result<(), OperatorError>
    where
        T::Native: Into<f64>,
    {
        let array = column.as_primitive::<T>();
        let values = array.values();
        for_each_valid(array.nulls(), group_of_row, |row, group| {
            let group = &mut groups[group];
            group.total = group.total.plus(DoubleDouble::from(values[row].into()));
            group.count += 1;
            Ok(())
        })
    }
}

impl Total for FloatTotal {
    type Value = DoubleDouble;

    fn update(
        &self,
        groups: &mut (impl Groups<Counted<DoubleDouble>> + ?Sized),
        group_of_row: &[u32],
        column: &ArrayRef,
    ) -> Result<(), OperatorError> {
        match self.input {
            DataType::Float32 => self.update_of::<Float32Type>(groups, group_of_row, column),
            _ => self.update_of::<Float64Type>(groups, group_of_row, column),
        }
    }

    fn add(&self, a: DoubleDouble, b: DoubleDouble) -> DoubleDouble {
        a.plus(b)
    }

    fn state_fields(&self) -> Vec<FieldRef> {
        ["total", "total_low"].map(|name| state_field(name, DataType::Float64, false)).to_vec()
    }

    fn state(&self, totals: &mut dyn Iterator<Item = DoubleDouble>) -> Vec<ArrayRef> {
        let (high, low): (Vec<f64>, Vec<f64>) = totals.map(|total| (total.high, total.low)).unzip();
        vec![Arc::new(Float64Array::from(high)), Arc::new(Float64Array::from(low))]
    }

    fn load(&self, state: &[ArrayRef], row: usize) -> DoubleDouble {
        let value = |column: usize| state[column].as_primitive::<Float64Type>().value(row);
        DoubleDouble { high: value(0), low: value(1) }
    }

    fn overflow(&self, total: DoubleDouble) -> Option<String> {
        let Self { aggregate, column, .. } = self;
        let says = || format!("the total of column {column:?} is beyond all floats, so {aggregate} of it has no value");
        total.has_overflowed().then(says)
    }

    fn to_f64(&self, total: DoubleDouble) -> f64 {
        total.high
    }

    fn finish(&self, totals: &mut dyn Iterator<Item = Option<DoubleDouble>>) -> Result<ArrayRef, OperatorError> {
        let sum = |total: DoubleDouble| match total.has_overflowed() {
            false => Ok(total.high),
            true => Err(OperatorError::Overflow {
                aggregate: self.aggregate,
                column: self.column.clone(),
                data_type: type_name(&DataType::Float64),
            }),
        };
        Ok(Arc::new(totals.map(|total| total.map(sum).transpose()).collect::<Result<Float64Array, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(values: &[f64]) -> DoubleDouble {
        values.iter().fold(DoubleDouble::default(), |total, value| total.plus(DoubleDouble::from(*value)))
    }

    #[test]
    fn finite_values_never_add_up_to_infinity_and_infinities_do_in_any_order() {
        let (max, inf) = (f64::MAX, f64::INFINITY);
        let of = FloatTotal { input: DataType::Float64, aggregate: "sum", column: "x".to_owned() };
        for values in [vec![max, max], vec![-max, -max, 1.0], vec![max, max, -max], vec![max, max, -max, -max, -max]] {
            let total = total(&values);
            assert!(of.overflow(total).is_some_and(|says| says.contains("\"x\" is beyond all floats")), "{values:?}");
            assert!(of.finish(&mut std::iter::once(Some(total))).is_err(), "{values:?}");
        }
        for (values, expected) in [
            (vec![inf, 1.0], inf),
            (vec![-inf, max, max], -inf),
            (vec![max, max, -inf], -inf),
            (vec![inf, max, max, -inf], f64::NAN),
            (vec![f64::NAN, 1.0], f64::NAN),
            (vec![max, -max, 0.5], 0.5),
        ] {
            let total = total(&values);
            assert!(of.overflow(total).is_none(), "{values:?}");
            assert!(total.high == expected || (total.high.is_nan() && expected.is_nan()), "{values:?}");
        }
        let halves = total(&[max, 1.0]).plus(total(&[max]));
        assert!(of.overflow(halves).is_some() && of.overflow(total(&[-inf]).plus(halves)).is_none());
    }
}
