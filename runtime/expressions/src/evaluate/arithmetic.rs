//! Arithmetic. Integers are added, subtracted and multiplied exactly, or the row fails; `/` of integers cuts the fraction off, towards
//! zero. Nothing wraps around, and nothing that is finite becomes infinite.

use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow::compute::kernels::numeric;
use arrow::datatypes::{DataType, Date32Type, Int64Type, UInt64Type};

use super::{Result, decimals, floats, times};
use crate::arguments::{Arguments, integer};
use crate::failures::{BY_ZERO, Failures};
use crate::node::Arithmetic;
use crate::value::Value;

/// The result of an operation, of this type.
pub(super) fn calculate(
    operation: Arithmetic,
    makes: &DataType,
    of: &Arguments<'_>,
    failures: &mut Failures,
) -> Result<ArrayRef> {
    let (a, b) = (of.array(0).data_type(), of.array(1).data_type());
    match (a, b, makes) {
        (DataType::Int64, DataType::Int64, DataType::Int64) => match quickly(operation, of) {
            Some(result) => Ok(result),
            None => whole::<Int64Type>(operation, of, failures),
        },
        (DataType::Float64, DataType::Float64, _) => floats::calculate(operation, of, failures),
        (_, _, DataType::Decimal128(precision, scale)) => {
            decimals::calculate(operation, (*precision, *scale), of, failures)
        }
        (DataType::Timestamp(..) | DataType::Duration(_), _, _)
        | (_, DataType::Timestamp(..) | DataType::Duration(_), _) => times::calculate(operation, makes, of, failures),
        (_, _, DataType::UInt64) => whole::<UInt64Type>(operation, of, failures),
        (_, _, DataType::Date32) => whole::<Date32Type>(operation, of, failures),
        _ => whole::<Int64Type>(operation, of, failures),
    }
}

/// The value with the other sign.
pub(super) fn negate(makes: &DataType, of: &Arguments<'_>, failures: &mut Failures) -> Result<ArrayRef> {
    match makes {
        DataType::Float64 => Ok(crate::floats::map(of, |x| -x)),
        DataType::Decimal128(precision, scale) => decimals::negate((*precision, *scale), of),
        DataType::Duration(_) => times::negate(makes, of, failures),
        _ => whole_of::<Int64Type>(of, failures, |row| Some(Ok(-integer(of, 0, row)?))),
    }
}

/// Arrow's kernel for whole columns; `None`: a row fails, or both values are the same for all rows.
fn quickly(operation: Arithmetic, of: &Arguments<'_>) -> Option<ArrayRef> {
    if let [Value::Same(_), Value::Same(_)] = of.values {
        return None;
    }
    let (a, b) = (of.values[0].datum(), of.values[1].datum());
    let result = match operation {
        Arithmetic::Add => numeric::add(&*a, &*b),
        Arithmetic::Subtract => numeric::sub(&*a, &*b),
        Arithmetic::Multiply => numeric::mul(&*a, &*b),
        Arithmetic::Divide => numeric::div(&*a, &*b),
        Arithmetic::Remainder => numeric::rem(&*a, &*b),
    };
    result.ok()
}

/// Integers of any types, row by row; what comes out of them may be too large for the result's type.
fn whole<T: ArrowPrimitiveType>(operation: Arithmetic, of: &Arguments<'_>, failures: &mut Failures) -> Result<ArrayRef>
where
    T::Native: TryFrom<i128>,
{
    whole_of::<T>(of, failures, |row| {
        let (a, b) = (integer(of, 0, row)?, integer(of, 1, row)?);
        // No product of two integers of 64 bits is too large for 128.
        Some(match operation {
            Arithmetic::Add => Ok(a + b),
            Arithmetic::Subtract => Ok(a - b),
            Arithmetic::Multiply => Ok(a * b),
            Arithmetic::Divide => a.checked_div(b).ok_or(BY_ZERO),
            Arithmetic::Remainder => a.checked_rem(b).ok_or(BY_ZERO),
        })
    })
}

fn whole_of<T: ArrowPrimitiveType>(
    of: &Arguments<'_>,
    failures: &mut Failures,
    result: impl Fn(usize) -> Option<std::result::Result<i128, &'static str>>,
) -> Result<ArrayRef>
where
    T::Native: TryFrom<i128>,
{
    let mut values: Vec<Option<T::Native>> = Vec::with_capacity(of.rows);
    for row in 0..of.rows {
        let fits = |value: i128| T::Native::try_from(value).map_err(|_| value);
        values.push(match result(row) {
            None => None,
            Some(Ok(value)) => match fits(value) {
                Ok(value) => Some(value),
                Err(value) => {
                    failures.add(row, of.range, format!("{value} does not fit {}", name::<T>()));
                    None
                }
            },
            Some(Err(reason)) => {
                failures.add(row, of.range, reason);
                None
            }
        });
    }
    Ok(Arc::new(PrimitiveArray::<T>::from_iter(values)))
}

fn name<T: ArrowPrimitiveType>() -> String {
    weir_core::column_type::type_name(&T::DATA_TYPE)
}
