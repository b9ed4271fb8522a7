//! Columns of decimals, times and intervals from their numbers, and back.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Decimal128Array, Int64Array, make_array};
use arrow::datatypes::{DataType, TimeUnit};

use crate::arguments::Arguments;
use crate::evaluation_error::EvaluationError;
use crate::value::Value;

type Result<T> = std::result::Result<T, EvaluationError>;

/// A column of decimals of so many digits, and so many behind the point.
pub(crate) fn decimals(values: Vec<Option<i128>>, (precision, scale): (u8, i8)) -> Result<ArrayRef> {
    let array: Decimal128Array = values.into_iter().collect();
    Ok(Arc::new(array.with_precision_and_scale(precision, scale)?))
}

/// How many of a unit are a second.
pub(crate) fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// A column of times or intervals of their numbers.
pub(crate) fn typed(values: Vec<Option<i64>>, data_type: &DataType) -> Result<ArrayRef> {
    let array = Int64Array::from(values);
    Ok(make_array(array.to_data().into_builder().data_type(data_type.clone()).build()?))
}

/// The numbers of an argument of 64 bits.
pub(crate) struct Plain<'a> {
    array: Int64Array,
    value: &'a Value,
}

impl Plain<'_> {
    pub(crate) fn get(&self, row: usize) -> Option<i64> {
        let at = self.value.at(row);
        self.array.is_valid(at).then(|| self.array.value(at))
    }
}

/// The numbers of times, intervals or integers of 64 bits.
pub(crate) fn plain<'a>(of: &'a Arguments<'_>, index: usize) -> Result<Plain<'a>> {
    let data = of.array(index).to_data().into_builder().data_type(DataType::Int64).build()?;
    Ok(Plain { array: Int64Array::from(data), value: &of.values[index] })
}

/// An interval of so many microseconds, as one value.
pub(crate) fn interval_us(us: i64) -> ArrayRef {
    Arc::new(arrow::array::DurationMicrosecondArray::from(vec![us]))
}
