//! `case` and `coalesce`: of every row the first branch that is meant for it. What other branches would fail at does not count.

use arrow::array::{BooleanArray, new_null_array};
use arrow::compute::kernels::boolean::is_not_null;
use arrow::compute::kernels::zip::zip;
use arrow::compute::or;
use arrow::datatypes::DataType;

use super::{Evaluation, Result};
use crate::compare::{compare, is_true};
use crate::failures::Failures;
use crate::node::{Case, Comparison, Node};
use crate::value::Value;

impl Evaluation<'_> {
    pub(super) fn case(&self, case: &Case, data_type: &DataType, failures: &mut Failures) -> Result<Value> {
        let operand = case.operand.as_ref().map(|operand| self.value(operand, failures)).transpose()?;
        let mut taken = BooleanArray::from(vec![false; self.rows]);
        let mut chosen = Vec::with_capacity(case.branches.len());
        for (condition, result) in &case.branches {
            let mut failed = Failures::default();
            let holds = match &operand {
                None => self.booleans(condition, &mut failed)?,
                Some(operand) => {
                    let value = self.value(condition, &mut failed)?;
                    self.per_row(compare(Comparison::Equal, operand, &value)?)
                }
            };
            failures.merge(failed, |row| !taken.value(row));
            let here = BooleanArray::new(is_true(&holds).values() & &!taken.values(), None);
            let mut failed = Failures::default();
            let value = self.value(result, &mut failed)?;
            failures.merge(failed, |row| here.value(row));
            taken = or(&taken, &here)?;
            chosen.push((here, value));
        }
        let mut result = match &case.otherwise {
            None => Value::Same(new_null_array(data_type, 1)),
            Some(otherwise) => {
                let mut failed = Failures::default();
                let value = self.value(otherwise, &mut failed)?;
                failures.merge(failed, |row| !taken.value(row));
                value
            }
        };
        for (here, value) in chosen.into_iter().rev() {
            result = Value::Column(zip(&here, &*value.datum(), &*result.datum())?);
        }
        Ok(result)
    }

    pub(super) fn coalesce(&self, parts: &[Node], failures: &mut Failures) -> Result<Value> {
        let mut result: Option<Value> = None;
        for part in parts {
            let mut failed = Failures::default();
            let value = self.value(part, &mut failed)?;
            result = Some(match result {
                None => {
                    failures.merge(failed, |_| true);
                    value
                }
                Some(before) => {
                    failures.merge(failed, |row| before.is_null(row));
                    let before = before.into_column(self.rows)?;
                    Value::Column(zip(&is_not_null(&before)?, &before, &*value.datum())?)
                }
            });
        }
        let null = || Value::Same(new_null_array(&DataType::Null, 1));
        Ok(result.unwrap_or_else(null))
    }
}
