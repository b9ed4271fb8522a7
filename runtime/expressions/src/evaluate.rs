//! A checked expression and a batch into a value per row. Each operation runs over whole columns; where one would fail, it is looked
//! which rows it fails for, and the others have their values.
//!
//! What a row's value does not depend on cannot fail the row: `b <> 0 and a / b > 1` is false where `b` is 0, and of `case` only the
//! branch that is taken counts.

mod arithmetic;
mod choose;
mod decimals;
mod floats;
mod logic;
mod ranges;
mod times;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Scalar, StructArray, make_array};
use arrow::buffer::NullBuffer;
use arrow::compute::{ilike, like, not, nullif};
use arrow::datatypes::DataType;

use crate::arguments::Arguments;
use crate::casts::cast;
use crate::compare::{compare, is_false, is_true};
use crate::evaluation_error::EvaluationError;
use crate::failures::Failures;
use crate::limits::BATCH_BYTES_MAX;
use crate::node::{Comparison, Node, Op, Test};
use crate::text_builder::joined;
use crate::value::Value;

type Result<T> = std::result::Result<T, EvaluationError>;

/// The rows of one batch.
pub(crate) struct Evaluation<'a> {
    pub(crate) rows: usize,
    pub(crate) column: &'a dyn Fn(usize) -> Option<ArrayRef>,
}

impl Evaluation<'_> {
    /// The value of a part; the rows that it fails for are added to `failures`, and have any value.
    pub(crate) fn value(&self, node: &Node, failures: &mut Failures) -> Result<Value> {
        match &node.op {
            Op::Column { column, fields } => self.column(*column, fields).map(Value::Column),
            Op::Constant(value) => {
                // Where it goes into a column, that is at most so large.
                let bytes = value.get_array_memory_size().saturating_mul(self.rows);
                if bytes > BATCH_BYTES_MAX && self.rows > 1 && *value.data_type() == DataType::Utf8 {
                    return Err(EvaluationError::TooLarge);
                }
                Ok(Value::Same(Arc::clone(value)))
            }
            Op::Not(of) => Ok(Value::of_booleans(not(&self.booleans(of, failures)?)?)),
            Op::And(parts) => self.all(parts, failures),
            Op::Or(parts) => self.any(parts, failures),
            Op::Is(test, of) => self.is(*test, of, failures),
            Op::Compare(comparison, a, b) => {
                let (a, b) = (self.value(a, failures)?, self.value(b, failures)?);
                Ok(Value::of_booleans(self.per_row(compare(*comparison, &a, &b)?)))
            }
            Op::Between(of, low, high) => self.between(of, low, high, failures),
            Op::In(of, list) => self.is_in(of, list, failures),
            Op::Arithmetic(operation, a, b) => {
                let (a, b) = (self.value(a, failures)?, self.value(b, failures)?);
                let arguments = Arguments { values: &[a, b], rows: self.rows, range: &node.range };
                arithmetic::calculate(*operation, &node.data_type, &arguments, failures).map(Value::Column)
            }
            Op::Negate(of) => {
                let values = [self.value(of, failures)?];
                let arguments = Arguments { values: &values, rows: self.rows, range: &node.range };
                arithmetic::negate(&node.data_type, &arguments, failures).map(Value::Column)
            }
            Op::Like { text, pattern, ignores_case } => {
                let text = self.value(text, failures)?;
                let pattern = Scalar::new(Arc::clone(pattern));
                let matches =
                    if *ignores_case { ilike(&*text.datum(), &pattern) } else { like(&*text.datum(), &pattern) };
                Ok(Value::of_booleans(self.per_row(matches?)))
            }
            Op::Concat(parts) => {
                let values = parts.iter().map(|of| self.value(of, failures)).collect::<Result<Vec<_>>>()?;
                let arguments = Arguments { values: &values, rows: self.rows, range: &node.range };
                joined(&arguments, failures, false).map(Value::Column)
            }
            Op::Case(case) => self.case(case, &node.data_type, failures),
            Op::Coalesce(parts) => self.coalesce(parts, failures),
            Op::NullIf { of, other, compared_as } => {
                let of = self.value(of, failures)?.into_column(self.rows)?;
                let other = self.value(other, failures)?;
                let compared = Value::Column(cast(&of, compared_as, &node.range, failures)?);
                let is_equal = self.per_row(compare(Comparison::Equal, &compared, &other)?);
                Ok(Value::Column(nullif(&of, &is_equal)?))
            }
            Op::Cast { of, or_null } => {
                let column = self.value(of, failures)?.into_column(self.rows)?;
                let mut failed = Failures::default();
                let into = if *or_null { &mut failed } else { failures };
                Ok(Value::Column(cast(&column, &node.data_type, &node.range, into)?))
            }
            Op::Call(kernel, arguments) => {
                let values = arguments.iter().map(|of| self.value(of, failures)).collect::<Result<Vec<_>>>()?;
                let arguments = Arguments { values: &values, rows: self.rows, range: &node.range };
                kernel.run(&arguments, failures).map(Value::Column)
            }
        }
    }

    /// The value of a part that is a boolean, one per row.
    fn booleans(&self, node: &Node, failures: &mut Failures) -> Result<BooleanArray> {
        let column = self.value(node, failures)?.into_column(self.rows)?;
        Ok(match column.data_type() {
            // `null` as written.
            DataType::Null => BooleanArray::new_null(self.rows),
            _ => column.as_boolean().clone(),
        })
    }

    /// A comparison of two values that are the same for all rows gives one value.
    fn per_row(&self, array: BooleanArray) -> BooleanArray {
        if array.len() == self.rows {
            return array;
        }
        let value = (!array.is_empty() && array.is_valid(0)).then(|| array.value(0));
        (0..self.rows).map(|_| value).collect()
    }

    fn column(&self, column: usize, fields: &[usize]) -> Result<ArrayRef> {
        let mut array = (self.column)(column).ok_or(EvaluationError::Column)?;
        for field in fields {
            let parent: &StructArray = array.as_struct_opt().ok_or(EvaluationError::Column)?;
            let nulls = NullBuffer::union(parent.nulls(), parent.column(*field).nulls());
            let data = parent.column(*field).to_data().into_builder().nulls(nulls).build()?;
            array = make_array(data);
        }
        Ok(array)
    }

    fn is(&self, test: Test, of: &Node, failures: &mut Failures) -> Result<Value> {
        if matches!(test, Test::Null | Test::NotNull) {
            let column = self.value(of, failures)?.into_column(self.rows)?;
            // Whatever the null type keeps its nulls in.
            let column: &dyn Array = &column;
            let nulls = column.logical_nulls();
            let answer = match (&nulls, test) {
                (None, _) => BooleanArray::new(arrow::buffer::BooleanBuffer::new_unset(self.rows), None),
                (Some(nulls), _) => not(&BooleanArray::new(nulls.inner().clone(), None))?,
            };
            return Ok(Value::of_booleans(if test == Test::Null { answer } else { not(&answer)? }));
        }
        let of = self.booleans(of, failures)?;
        let is = match test {
            Test::True | Test::NotTrue => is_true(&of),
            _ => is_false(&of),
        };
        Ok(Value::of_booleans(if matches!(test, Test::NotTrue | Test::NotFalse) { not(&is)? } else { is }))
    }
}
