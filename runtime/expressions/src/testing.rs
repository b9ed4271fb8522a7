//! What tests share: small tables of rows, and expressions that are evaluated over them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use weir_core::column_type::parse_type;

use crate::casts::cast;
use crate::expression::{Evaluated, Expression};
use crate::failures::Failures;

/// Rows of columns such as `a int64, t utf8`, each as CSV; an empty field is null, and `""` the empty text.
pub(crate) fn table(columns: &str, rows: &[&str]) -> RecordBatch {
    let names: Vec<(&str, DataType)> = columns
        .split(", ")
        .map(|column| column.split_once(' ').unwrap())
        .map(|(name, data_type)| (name, parse_type(&data_type.replace(',', ", ")).unwrap()))
        .collect();
    let schema = Schema::new(names.iter().map(|(name, of)| Field::new(*name, of.clone(), true)).collect::<Vec<_>>());
    let field = |row: &str, index: usize| match row.split(',').nth(index).unwrap() {
        "" => None,
        "\"\"" => Some(String::new()),
        text => Some(text.to_owned()),
    };
    let column = |(index, (_, data_type)): (usize, &(&str, DataType))| -> ArrayRef {
        let texts: ArrayRef = Arc::new(rows.iter().map(|row| field(row, index)).collect::<StringArray>());
        let mut failures = Failures::default();
        let column = cast(&texts, data_type, &(0..0), &mut failures).unwrap();
        assert!(failures.is_empty(), "{failures:?}");
        column
    };
    let columns = names.iter().enumerate().map(column).collect();
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

/// Evaluates an expression, which must be a right one.
pub(crate) fn evaluate(text: &str, rows: &RecordBatch) -> Evaluated {
    let expression = Expression::parse(text, &rows.schema()).unwrap_or_else(|error| panic!("{text}: {error}"));
    expression.evaluate(rows.num_rows(), &|column| rows.columns().get(column).cloned()).unwrap()
}

/// The values of an expression as one text, `!` where a row failed, `""` for an empty text.
pub(crate) fn values(text: &str, rows: &RecordBatch) -> String {
    let Evaluated { column, failed } = evaluate(text, rows);
    let options = FormatOptions::default().with_null("null");
    let formatter = ArrayFormatter::try_new(&column, &options).unwrap();
    let value = |row: usize| match failed.iter().any(|failed| failed.row == row) {
        true => "!".to_owned(),
        false if column.is_null(row) => "null".to_owned(),
        false => match formatter.value(row).to_string() {
            empty if empty.is_empty() => "\"\"".to_owned(),
            value => value,
        },
    };
    (0..column.len()).map(value).collect::<Vec<_>>().join(" ")
}

/// Compares the values of expressions with what they should be.
pub(crate) fn check(rows: &RecordBatch, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(values(text, rows), *expected, "{text}");
    }
}

/// What is wrong with an expression, and the part of the text that this is about.
pub(crate) fn error(text: &str, columns: &Schema) -> String {
    let error = Expression::parse(text, columns).expect_err(text);
    format!("{} [{}]", error.message, &text[error.range])
}

/// The reason of the first row that fails.
pub(crate) fn reason(text: &str, rows: &RecordBatch) -> String {
    evaluate(text, rows).failed.into_iter().next().map_or_else(String::new, |failed| failed.reason)
}
