//! Lists of columns, as selects and sinks have them: columns, fields of structs, and new names for them. It evaluates nothing.

use arrow::datatypes::Schema;
use weir_core::graph::{ListedColumn, LogicalGraph};
use weir_expressions::{Expression, ExpressionError};

use super::expressions::parsed;
use crate::plan::error::{CheckError, CheckErrors, place};

/// A name and what it is of.
pub(super) type Column = (String, Expression);

/// The columns of a list over these columns; `named` reads what a column with a name of its own is.
///
/// # Errors
/// A column that there is not, or two columns of one name.
pub(super) fn listed(
    graph: &LogicalGraph,
    columns: &[ListedColumn],
    input: &Schema,
    named: impl Fn(&str, &Schema) -> Result<Expression, ExpressionError>,
) -> Result<Vec<Column>, CheckErrors> {
    let of = |column: &ListedColumn| match &column.name {
        Some(name) => Ok((name.value.clone(), parsed(graph, &column.of, |text| named(text, input))?)),
        None => parsed(graph, &column.of, |path| Expression::of_path(path, input)),
    };
    let made: Vec<Column> = CheckErrors::all(columns.iter().map(of))?;
    for (at, (name, _)) in made.iter().enumerate() {
        if let Some(first) = made[..at].iter().position(|(other, _)| other == name) {
            return Err(twice(graph, name, &columns[first], &columns[at]).into());
        }
    }
    Ok(made)
}

fn twice(graph: &LogicalGraph, name: &str, first: &ListedColumn, second: &ListedColumn) -> CheckError {
    let place = place(&graph.text, first.name_span());
    let message = match first.of.value == second.of.value {
        true => format!("columns names the column {name:?} twice: here and {place}; remove one"),
        false => format!(
            "two columns would be named {name:?}, here and {place}: write {{ NEW = {:?} }} to give one another name",
            second.of.value
        ),
    };
    CheckError::at(second.name_span(), message)
}
