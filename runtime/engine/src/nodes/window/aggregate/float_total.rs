//! Totals of floats.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Float64Array};
use arrow::datatypes::{DataType, FieldRef, Float32Type, Float64Type};

use super::fold::{Groups, for_each_valid};
use super::state_field;
use super::total::{Counted, Total};
use crate::dataflow::operator::OperatorError;

/// Floats, in twice their precision: the rounding of the order of additions is far below the last bit of the result.
#[derive(Clone)]
pub(super) struct FloatTotal {
    pub(super) input: DataType,
}

/// The unevaluated sum of two floats of which the second is less than half a unit in the last place of the first (T. J. Dekker,
/// "A floating-point technique for extending the available precision", 1971).
#[derive(Clone, Copy, Default)]
pub(super) struct DoubleDouble {
    high: f64,
    low: f64,
}

impl DoubleDouble {
    #[inline]
    fn plus(self, other: Self) -> Self {
        let (high, error) = two_sum(self.high, other.high);
        if !high.is_finite() {
            return Self { high, low: 0.0 };
        }
        let (low, low_error) = two_sum(self.low, other.low);
        let (high, error) = quick_two_sum(high, error + low);
        let (high, low) = quick_two_sum(high, error + low_error);
        Self { high, low }
    }
}

/// The rounded sum and its exact error (D. Knuth, The Art of Computer Programming, volume 2).
#[inline]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let of_b = sum - a;
    (sum, (a - (sum - of_b)) + (b - of_b))
}

/// As [`two_sum`], for |a| >= |b|.
#[inline]
fn quick_two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    (sum, b - (sum - a))
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
            group.total = group.total.plus(DoubleDouble { high: values[row].into(), low: 0.0 });
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

    fn add(&self, a: DoubleDouble, b: DoubleDouble) -> Result<DoubleDouble, OperatorError> {
        Ok(a.plus(b))
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

    fn to_f64(&self, total: DoubleDouble) -> f64 {
        total.high
    }

    fn finish(&self, totals: &mut dyn Iterator<Item = Option<DoubleDouble>>) -> Result<ArrayRef, OperatorError> {
        Ok(Arc::new(totals.map(|total| total.map(|t| t.high)).collect::<Float64Array>()))
    }
}
