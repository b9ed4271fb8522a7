//! Every function has an example, which is what the table says; and the guide has the table.

use arrow::array::{Int64Array, RecordBatch};
use std::sync::Arc;

use crate::functions::all;
use crate::testing::{evaluate, values};
use crate::{Expression, functions::Function};

fn one_row() -> RecordBatch {
    RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![1])) as _)]).unwrap()
}

#[test]
fn examples_are_what_the_table_says() {
    for Function { name, example, result, .. } in all() {
        assert!(example.contains(&format!("{name}(")), "{example} is no example of {name}");
        assert_eq!(values(example, &one_row()), *result, "{example}");
    }
}

#[test]
fn columns_have_the_type_that_was_told() {
    for function in all() {
        let rows = one_row();
        let expression = Expression::parse(function.example, &rows.schema()).unwrap();
        let (column, told) = (evaluate(function.example, &rows).column, expression.field("x", &rows.schema()));
        assert_eq!(column.data_type(), told.data_type(), "{}", function.example);
    }
}

#[test]
fn names_are_different() {
    let mut names: Vec<&str> = all().map(|function| function.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn guide_has_the_table_of_functions() {
    let guide = include_str!("../../../../docs/guide/expressions.md");
    let row = |f: &Function| {
        // A stroke ends a cell.
        let cell = |text: &str| text.replace('|', "\\|");
        format!("| `{}` | {} | `{}` | `{}` |", f.form(), cell(f.meaning), cell(f.example), cell(f.result))
    };
    let expected: Vec<String> = all().map(row).collect();
    let there: Vec<&str> =
        guide.lines().skip_while(|line| *line != "| function | what it is | example | result |").collect();
    let there: Vec<&str> = there.into_iter().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert_eq!(
        there,
        expected,
        "the table of functions in docs/guide/expressions.md should be:\n{}",
        expected.join("\n")
    );
}
