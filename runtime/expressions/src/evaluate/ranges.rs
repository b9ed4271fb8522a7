//! `between` and `in`: several comparisons of one value, which is evaluated once.

use arrow::array::{Array, BooleanArray};
use arrow::compute::{and_kleene, or_kleene};

use super::{Evaluation, Result};
use crate::compare::compare;
use crate::failures::Failures;
use crate::node::{Comparison, Node};
use crate::value::Value;

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
