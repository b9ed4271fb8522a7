//! Which columns a select makes, in which order: all names are different, and every name in the file is one that there is.

use arrow::datatypes::Schema;
use weir_core::graph::{LogicalGraph, Node, SelectedColumns, Span, Spanned};
use weir_expressions::Expression;

use crate::nodes::expressions::parsed;
use crate::nodes::listed_columns::{Column, listed};
use crate::plan::error::{CheckError, CheckErrors, check_distinct, column, place};

/// The columns of a select over these columns.
pub(super) fn selected(
    graph: &LogicalGraph,
    node: &Node,
    columns: &SelectedColumns,
    input: &Schema,
) -> Result<Vec<Column>, CheckErrors> {
    let computed = |(name, text): &(Spanned<String>, Spanned<String>)| {
        let expression = parsed(graph, text, |text| Expression::parse_column(text, input));
        expression.map(|expression| (name.value.clone(), expression))
    };
    match columns {
        SelectedColumns::Listed(columns) => listed(graph, columns, input, Expression::parse_column),
        SelectedColumns::Changed { add, rename, drop } => {
            check_distinct(&graph.text, "drop", drop)?;
            let dropped = CheckErrors::all(drop.iter().map(|name| column(input, name)));
            let renamed = CheckErrors::all(rename.iter().map(|(_, old)| renamed(rename, old, input)));
            let added = CheckErrors::all(add.iter().map(computed));
            let ((dropped, renamed), mut added) = CheckErrors::both(CheckErrors::both(dropped, renamed), added)?;
            if let Some((at, _)) = renamed.iter().enumerate().find(|(_, column)| dropped.contains(column)) {
                let (_, old) = &rename[at];
                let message = format!("the column {:?} is dropped, and cannot be renamed", old.value);
                return Err(CheckError::at(&old.span, message).into());
            }
            if let Some((at, _)) = renamed.iter().enumerate().find(|(at, column)| renamed[..*at].contains(column)) {
                let (_, old) = &rename[at];
                let message =
                    format!("the column {:?} gets two names: add = {{ NAME = \"...\" }} makes a copy", old.value);
                return Err(CheckError::at(&old.span, message).into());
            }
            let mut made: Vec<Column> = Vec::new();
            for (index, field) in input.fields().iter().enumerate().filter(|(index, _)| !dropped.contains(index)) {
                let of_input = (field.name().clone(), Expression::of_column(index, input));
                let new_name = renamed.iter().position(|column| *column == index).map(|at| &rename[at].0.value);
                let replacing = added.iter().position(|(name, _)| name == field.name());
                made.push(match (new_name, replacing) {
                    (Some(name), _) => (name.clone(), of_input.1),
                    // In its place.
                    (None, Some(at)) => added.remove(at),
                    (None, None) => of_input,
                });
            }
            made.extend(added);
            check_made(graph, node, &made, add.iter().chain(rename).map(|(name, _)| name))?;
            Ok(made)
        }
    }
}

/// What can be wrong with expressions whatever the columns are.
pub(super) fn check_syntax(graph: &LogicalGraph, columns: &SelectedColumns) -> Result<(), CheckErrors> {
    let check = |text: &Spanned<String>| parsed(graph, text, Expression::check_syntax);
    match columns {
        SelectedColumns::Listed(columns) => {
            let named = columns.iter().filter(|column| column.name.is_some());
            CheckErrors::all(named.map(|column| check(&column.of))).map(drop)
        }
        SelectedColumns::Changed { add, .. } => CheckErrors::all(add.iter().map(|(_, text)| check(text))).map(drop),
    }
}

/// The column that gets a new name.
fn renamed(
    rename: &[(Spanned<String>, Spanned<String>)],
    old: &Spanned<String>,
    input: &Schema,
) -> Result<usize, CheckError> {
    column(input, old).map_err(|error| {
        let new = rename.iter().find(|(_, other)| other.span == old.span).map(|(new, _)| &new.value);
        match new.filter(|new| input.index_of(new).is_ok()) {
            Some(new) => {
                let message =
                    format!("{}. The new name stands first: rename = {{ {:?} = {new:?} }}", error.message, old.value);
                CheckError { message, ..error }
            }
            None => error,
        }
    })
}

/// Refuses two columns of one name.
fn check_made<'a>(
    graph: &LogicalGraph,
    node: &Node,
    made: &[Column],
    mut named: impl Iterator<Item = &'a Spanned<String>>,
) -> Result<(), CheckError> {
    let twice = made.iter().enumerate().find(|(at, (name, _))| made[..*at].iter().any(|(other, _)| other == name));
    let Some((_, (name, _))) = twice else { return Ok(()) };
    let span: Option<Span> = named.find(|known| known.value == *name).and_then(|known| known.span.clone());
    let message = format!(
        "{:?} ({}) would make two columns named {name:?}: drop one, or give it another name",
        node.name,
        place(&graph.text, &node.span)
    );
    Err(CheckError::at(&span, message))
}
