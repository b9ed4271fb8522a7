//! Comparisons of values that have one type, and what is true of their answers. NaN is equal to NaN and above all other floats, as in PostgreSQL; the two zeros are equal.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::kernels::cmp;
use arrow::datatypes::{DataType, Float32Type, Float64Type};

use crate::evaluation_error::EvaluationError;
use crate::node::Comparison;
use crate::value::Value;

/// Whether a comparison holds, per row; one answer if both values are the same for all rows.
pub(crate) fn compare(comparison: Comparison, a: &Value, b: &Value) -> Result<BooleanArray, EvaluationError> {
    let (a, b) = (comparable(a), comparable(b));
    let (a, b) = (&*a.datum(), &*b.datum());
    Ok(match comparison {
        Comparison::Equal => cmp::eq(a, b),
        Comparison::NotEqual => cmp::neq(a, b),
        Comparison::Less => cmp::lt(a, b),
        Comparison::LessOrEqual => cmp::lt_eq(a, b),
        Comparison::Greater => cmp::gt(a, b),
        Comparison::GreaterOrEqual => cmp::gt_eq(a, b),
        Comparison::Distinct => cmp::distinct(a, b),
        Comparison::NotDistinct => cmp::not_distinct(a, b),
    }?)
}

/// Arrow's order of floats tells zeros and NaNs of different bits apart.
fn comparable(value: &Value) -> Value {
    let array: ArrayRef = match value.array().data_type() {
        DataType::Float64 => {
            let floats = value.array().as_primitive::<Float64Type>();
            Arc::new(floats.unary::<_, Float64Type>(|x| if x.is_nan() { f64::NAN } else { x + 0.0 })) as _
        }
        DataType::Float32 => {
            let floats = value.array().as_primitive::<Float32Type>();
            Arc::new(floats.unary::<_, Float32Type>(|x| if x.is_nan() { f32::NAN } else { x + 0.0 })) as _
        }
        _ => return value.clone(),
    };
    match value {
        Value::Column(_) => Value::Column(array),
        Value::Same(_) => Value::Same(array),
    }
}

/// True where the value is true, false where it is false or null.
pub(crate) fn is_true(of: &BooleanArray) -> BooleanArray {
    match of.nulls() {
        None => of.clone(),
        Some(nulls) => BooleanArray::new(of.values() & nulls.inner(), None),
    }
}

/// True where the value is false.
pub(crate) fn is_false(of: &BooleanArray) -> BooleanArray {
    let is_not = !of.values();
    BooleanArray::new(of.nulls().map_or(is_not.clone(), |nulls| &is_not & nulls.inner()), None)
}
