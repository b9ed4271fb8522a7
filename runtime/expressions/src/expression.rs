//! [`Expression`]: a text that was parsed and checked, and is evaluated over batches of rows.

use std::collections::BTreeSet;
use std::ops::Range;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use weir_core::column_type::type_name;
use weir_core::time::first_outside_calendar;

use crate::check::{check, check_path};
use crate::error::ExpressionError;
use crate::evaluate::Evaluation;
pub use crate::evaluation_error::EvaluationError;
use crate::failures::{Failures, Reason, TOO_FAR, shorten};
use crate::node::{Node, Op};
use crate::parse::parse;

/// An expression over the columns of a schema.
#[derive(Clone, Debug)]
pub struct Expression {
    text: String,
    root: Node,
}

/// What an expression is for the rows of a batch.
#[derive(Debug)]
pub struct Evaluated {
    /// One value per row; of a row that failed any value.
    pub column: ArrayRef,
    /// The rows that it has no value for, each once, in their order.
    pub failed: Vec<FailedRow>,
}

/// A row that an expression could not be evaluated for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedRow {
    /// Its index in the batch.
    pub row: usize,
    /// Why, with the part of the expression that failed.
    pub reason: String,
}

impl Expression {
    /// Parses a text that is one expression, and checks it against the columns that it may read.
    ///
    /// # Errors
    /// What is wrong, with its place in the text.
    pub fn parse(text: &str, columns: &Schema) -> Result<Self, ExpressionError> {
        Ok(Self { root: check(text, &parse(text)?, columns)?, text: text.to_owned() })
    }

    /// As [`Expression::parse`], of an expression whose value is a boolean.
    ///
    /// # Errors
    /// As [`Expression::parse`].
    pub fn parse_condition(text: &str, columns: &Schema) -> Result<Self, ExpressionError> {
        let expression = Self::parse(text, columns)?;
        match expression.root.data_type {
            DataType::Boolean | DataType::Null => Ok(expression),
            _ => {
                let is = type_name(&expression.root.data_type);
                let message = format!("a condition is a bool, but this is {is}: compare it with something");
                Err(ExpressionError::of_types(&expression.root.range, message))
            }
        }
    }

    /// As [`Expression::parse`], of an expression whose values go into a column.
    ///
    /// # Errors
    /// As [`Expression::parse`].
    pub fn parse_column(text: &str, columns: &Schema) -> Result<Self, ExpressionError> {
        let expression = Self::parse(text, columns)?;
        let message = match expression.root.data_type {
            DataType::Null => "null has no type here: write cast(null as TYPE)",
            DataType::Duration(_) => {
                "a column cannot hold an interval: epoch_us(...) gives its microseconds, epoch_s(...) its seconds"
            }
            _ => return Ok(expression),
        };
        Err(ExpressionError::new(&expression.root.range, message))
    }

    /// A column as it is, by its index.
    ///
    /// # Panics
    /// If there is no such column.
    #[must_use]
    pub fn of_column(column: usize, columns: &Schema) -> Self {
        let field = columns.field(column);
        let op = Op::Column { column, fields: Vec::new() };
        let text = field.name().clone();
        Self { root: Node::new(op, field.data_type().clone(), 0..text.len()), text }
    }

    /// A column by its name as it is, whatever characters that has; or a field of a struct, such as `latency.p95`. Beside it the last
    /// name, which a column of it has.
    ///
    /// # Errors
    /// If there is no such column, with its place in the path.
    pub fn of_path(path: &str, columns: &Schema) -> Result<(String, Self), ExpressionError> {
        if let Ok(column) = columns.index_of(path) {
            return Ok((path.to_owned(), Self::of_column(column, columns)));
        }
        let (root, name) = check_path(path, columns)?;
        Ok((name, Self { root, text: path.to_owned() }))
    }

    /// Whether a text is an expression, whatever columns there are.
    ///
    /// # Errors
    /// What cannot be parsed, and where.
    pub fn check_syntax(text: &str) -> Result<(), ExpressionError> {
        parse(text).map(drop)
    }

    /// The text that it was parsed from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The column that its values make, under a name. It may be null, unless it is a column that may not.
    #[must_use]
    pub fn field(&self, name: &str, columns: &Schema) -> Field {
        let never_null = self.column().is_some_and(|column| !columns.field(column).is_nullable());
        Field::new(name, self.root.data_type.clone(), !never_null)
    }

    /// The column that it is, if it is one and no more.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        match &self.root.op {
            Op::Column { column, fields } if fields.is_empty() => Some(*column),
            _ => None,
        }
    }

    /// The columns that it reads, as indices into the schema that it was checked against.
    #[must_use]
    pub fn reads(&self) -> BTreeSet<usize> {
        let mut reads = BTreeSet::new();
        let mut parts = vec![&self.root];
        while let Some(part) = parts.pop() {
            if let Op::Column { column, .. } = part.op {
                reads.insert(column);
            }
            parts.extend(part.children());
        }
        reads
    }

    /// Evaluates it for the rows of a batch; `column` gives the columns that it reads, by their indices in the schema that it was
    /// checked against.
    ///
    /// # Errors
    /// [`EvaluationError::TooLarge`] if fewer rows must be evaluated at once; never for a single row.
    pub fn evaluate(
        &self,
        rows: usize,
        column: &dyn Fn(usize) -> Option<ArrayRef>,
    ) -> Result<Evaluated, EvaluationError> {
        let mut failures = Failures::default();
        let value = Evaluation { rows, column }.value(&self.root, &mut failures)?;
        let column = value.into_column(rows).map_err(|error: ArrowError| EvaluationError::from(error))?;
        if self.column().is_none() {
            self.check_calendar(&column, &mut failures);
        }
        let failed = failures.into_rows().into_iter();
        let failed = failed.map(|(row, reason)| FailedRow { row, reason: self.told(&reason) }).collect();
        Ok(Evaluated { column, failed })
    }

    /// Fails the rows whose date or time has no text, so that no sink gets one.
    fn check_calendar(&self, column: &ArrayRef, failures: &mut Failures) {
        let Some(first) = first_outside_calendar(column) else { return };
        for row in (first..column.len()).filter(|row| first_outside_calendar(&column.slice(*row, 1)).is_some()) {
            failures.add(row, &self.root.range, TOO_FAR);
        }
    }

    fn told(&self, reason: &Reason) -> String {
        let part = self.text.get(closed(&self.text, &reason.range)).unwrap_or(&self.text).trim();
        let shown: String = part.split_whitespace().collect::<Vec<_>>().join(" ");
        format!("{}: {}", shorten(&shown), reason.message)
    }
}

/// A range with the brackets that close those in it: the parser gives no place of the last bracket of a cast or a part in brackets.
fn closed(text: &str, range: &Range<usize>) -> Range<usize> {
    let mut open = 0_i32;
    for (at, byte) in text.bytes().enumerate().skip(range.start) {
        match byte {
            b'(' => open += 1,
            b')' => open -= 1,
            _ => {}
        }
        if at + 1 >= range.end && open <= 0 {
            return range.start..at + usize::from(open == 0);
        }
    }
    range.clone()
}

#[cfg(test)]
mod tests {
    use super::closed;

    #[test]
    fn a_part_of_an_expression_has_its_last_bracket() {
        for (part, text) in [
            ("a / (b - 1", "a / (b - 1) > 2"),
            ("sqrt(cast(-a as float64", "sqrt(cast(-a as float64))"),
            ("a / b", "(a / b) + 1"),
            ("f('(', a", "f('(', a"),
        ] {
            let start = text.find(part).unwrap();
            let shown = &text[closed(text, &(start..start + part.len()))];
            let expected = match part {
                "a / (b - 1" => "a / (b - 1)",
                "sqrt(cast(-a as float64" => "sqrt(cast(-a as float64))",
                part => part,
            };
            assert_eq!(shown, expected);
        }
    }
}
