//! Arithmetic of floats: as IEEE 754 has it, but that a result of finite values is finite, or the row fails.

use arrow::array::ArrayRef;
use arrow::compute::kernels::numeric;
use arrow::datatypes::Float64Type;

use super::Result;
use crate::arguments::Arguments;
use crate::failures::{BY_ZERO, Failures, TOO_LARGE};
use crate::floats::check_finite;
use crate::node::Arithmetic;
use crate::value::Value;

pub(super) fn calculate(operation: Arithmetic, of: &Arguments<'_>, failures: &mut Failures) -> Result<ArrayRef> {
    let (mut a, b) = (of.values[0].clone(), of.values[1].clone());
    if let (Value::Same(_), Value::Same(_)) = (&a, &b) {
        a = Value::Column(a.into_column(of.rows)?);
    }
    let (left, right) = (a.datum(), b.datum());
    let result = match operation {
        Arithmetic::Add => numeric::add(&*left, &*right),
        Arithmetic::Subtract => numeric::sub(&*left, &*right),
        Arithmetic::Multiply => numeric::mul(&*left, &*right),
        Arithmetic::Divide => numeric::div(&*left, &*right),
        Arithmetic::Remainder => numeric::rem(&*left, &*right),
    }?;
    check_finite(&result, of, failures, |row| {
        let values = [of.numbers::<Float64Type>(0).get(row)?, of.numbers::<Float64Type>(1).get(row)?];
        let divides = matches!(operation, Arithmetic::Divide | Arithmetic::Remainder);
        match values {
            [_, 0.0] if divides => Some(BY_ZERO),
            [a, b] if a.is_finite() && b.is_finite() => Some(TOO_LARGE),
            _ => None,
        }
    });
    Ok(result)
}
