//! `sum`: of integers an int64, of uint64 a uint64, of floats a float64, of decimals a decimal of the same scale.

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, FieldRef};

use super::Accumulators;
use super::exact_total::{ExactTotal, Overflow};
use super::float_total::FloatTotal;
use super::fold::Folded;
use super::total::Made;
use super::total::OfTotal;

/// The type of the sum of a column, if it has one.
pub(super) fn sum_type(column: &DataType) -> Option<DataType> {
    match column {
        DataType::Decimal128(_, scale) => Some(DataType::Decimal128(DECIMAL128_MAX_PRECISION, *scale)),
        DataType::UInt64 => Some(DataType::UInt64),
        t if t.is_integer() => Some(DataType::Int64),
        DataType::Float32 | DataType::Float64 => Some(DataType::Float64),
        _ => None,
    }
}

/// `sum` of a column, as a type that [`sum_type`] gave.
pub(super) fn sum(column: &FieldRef, output: DataType) -> Box<dyn Accumulators> {
    let input = column.data_type().clone();
    if output.is_floating() {
        return Folded::boxed(OfTotal {
            total: FloatTotal { input, aggregate: "sum", column: column.name().clone() },
            made: Made::Sum(output),
        });
    }
    let range = match &output {
        DataType::Int64 => i64::MIN.into()..=i64::MAX.into(),
        DataType::UInt64 => 0..=u64::MAX.into(),
        _ => {
            1 - 10_i128.pow(u32::from(DECIMAL128_MAX_PRECISION))..=10_i128.pow(u32::from(DECIMAL128_MAX_PRECISION)) - 1
        }
    };
    let overflow = Overflow { aggregate: "sum", column: column.name().clone(), data_type: output.clone(), range };
    Folded::boxed(OfTotal { total: ExactTotal { input, overflow }, made: Made::Sum(output) })
}
