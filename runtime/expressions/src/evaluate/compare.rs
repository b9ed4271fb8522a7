//! Comparisons of values that have one type. NaN is equal to NaN and above all other floats, as in PostgreSQL; the two zeros are equal.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::kernels::cmp;
use arrow::compute::{and_kleene, or_kleene};
use arrow::datatypes::{DataType, Float32Type, Float64Type};

use super::{Evaluation, Result};
use crate::failures::Failures;
use crate::node::{Comparison, Node};
use crate::value::Value;

/// Whether a comparison holds, per row; one answer if both values are the same for all rows.
pub(crate) fn compare(comparison: Comparison, a: &Value, b: &Value) -> Result<BooleanArray> {
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

impl Evaluation<'_> {
    pub(super) fn between(&self, of: &Node, low: &Node, high: &Node, failures: &mut Failures) -> Result<Value> {
        let of = self.value(of, failures)?;
        let low = self.value(low, failures)?;
        let above = self.per_row(compare(Comparison::GreaterOrEqual, &of, &low)?);
        let mut failed = Failures::default();
        let high = self.value(high, &mut failed)?;
        failures.merge(failed, |row| above.is_null(row) || above.value(row));
        let below = self.per_row(compare(Comparison::LessOrEqual, &of, &high)?);
        Ok(Value::of_booleans(and_kleene(&above, &below)?))
    }

    /// Whether a value is equal to one of some: null, if it is equal to none and one of them is null.
    pub(super) fn is_in(&self, of: &Node, list: &[Node], failures: &mut Failures) -> Result<Value> {
        let of = self.value(of, failures)?;
        let mut is_in: Option<BooleanArray> = None;
        for other in list {
            let mut failed = Failures::default();
            let other = self.value(other, &mut failed)?;
            let equal = self.per_row(compare(Comparison::Equal, &of, &other)?);
            is_in = Some(match &is_in {
                None => {
                    failures.merge(failed, |_| true);
                    equal
                }
                Some(before) => {
                    failures.merge(failed, |row| before.is_null(row) || !before.value(row));
                    or_kleene(before, &equal)?
                }
            });
        }
        Ok(Value::of_booleans(is_in.unwrap_or_else(|| BooleanArray::new_null(self.rows))))
    }
}
