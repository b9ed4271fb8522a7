//! What operators and functions of floats share.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array};
use arrow::datatypes::Float64Type;

use crate::arguments::Arguments;
use crate::failures::Failures;

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
