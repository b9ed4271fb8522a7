//! `and` and `or` of three values: true, false and null. A row that is decided by an earlier part does not depend on later ones.

use arrow::array::{Array, BooleanArray};
use arrow::compute::{and_kleene, or_kleene};

use super::{Evaluation, Result};
use crate::failures::Failures;
use crate::node::Node;
use crate::value::Value;

impl Evaluation<'_> {
    /// Conjunction: false if one is false, else null if one is null.
    pub(super) fn all(&self, parts: &[Node], failures: &mut Failures) -> Result<Value> {
        self.fold(parts, failures, and_kleene, |so_far, row| so_far.is_null(row) || so_far.value(row))
    }

    /// Disjunction: true if one is true, else null if one is null.
    pub(super) fn any(&self, parts: &[Node], failures: &mut Failures) -> Result<Value> {
        self.fold(parts, failures, or_kleene, |so_far, row| so_far.is_null(row) || !so_far.value(row))
    }

    fn fold(
        &self,
        parts: &[Node],
        failures: &mut Failures,
        combine: fn(&BooleanArray, &BooleanArray) -> std::result::Result<BooleanArray, arrow::error::ArrowError>,
        is_open: fn(&BooleanArray, usize) -> bool,
    ) -> Result<Value> {
        let mut so_far: Option<BooleanArray> = None;
        for part in parts {
            let mut failed = Failures::default();
            let value = self.booleans(part, &mut failed)?;
            match &so_far {
                None => {
                    failures.merge(failed, |_| true);
                    so_far = Some(value);
                }
                Some(before) => {
                    failures.merge(failed, |row| is_open(before, row));
                    so_far = Some(combine(before, &value)?);
                }
            }
        }
        Ok(Value::of_booleans(so_far.unwrap_or_else(|| BooleanArray::new_null(self.rows))))
    }
}
