//! Arithmetic of floats: as IEEE 754 has it, but that a result of finite values is finite, or the row fails.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array};
use arrow::compute::kernels::numeric;
use arrow::datatypes::Float64Type;

use super::Result;
use super::arithmetic::BY_ZERO;
use crate::arguments::Arguments;
use crate::failures::Failures;
use crate::node::Arithmetic;
use crate::value::Value;

/// The reason of a result that no float is.
pub(crate) const TOO_LARGE: &str = "the result is beyond all floats";

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

/// Fails the rows whose result is not finite, if there is a reason.
pub(crate) fn check_finite(
    result: &ArrayRef,
    of: &Arguments<'_>,
    failures: &mut Failures,
    reason: impl Fn(usize) -> Option<&'static str>,
) {
    let Some(floats) = result.as_any().downcast_ref::<Float64Array>() else { return };
    // As a rule there is none, and this is all that is done.
    if floats.values().iter().all(|value| value.is_finite()) {
        return;
    }
    for row in 0..floats.len() {
        if floats.is_valid(row)
            && !floats.value(row).is_finite()
            && let Some(reason) = reason(row)
        {
            failures.add(row, of.range, reason);
        }
    }
}

/// A function of one float that never fails.
pub(crate) fn map(of: &Arguments<'_>, function: impl Fn(f64) -> f64) -> ArrayRef {
    let values = of.numbers::<Float64Type>(0);
    Arc::new((0..of.rows).map(|row| values.get(row).map(&function)).collect::<Float64Array>())
}
