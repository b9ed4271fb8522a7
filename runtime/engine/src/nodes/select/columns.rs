//! Which columns a select makes, in which order: all names are different, and every name in the file is one that there is.

use arrow::datatypes::Schema;
use weir_core::graph::{LogicalGraph, Node, SelectedColumns, Span, Spanned};
use weir_expressions::Expression;

use crate::nodes::expressions::parsed;
use crate::plan::error::{CheckError, check_distinct, column, place};

/// A name and what it is of.
type Column = (String, Expression);

/// The columns of a select over these columns.
pub(super) fn selected(
    graph: &LogicalGraph,
    node: &Node,
    columns: &SelectedColumns,
    input: &Schema,
) -> Result<Vec<Column>, CheckError> {
    let computed = |(name, text): &(Spanned<String>, Spanned<String>)| {
        let expression = parsed(graph, text, |text| Expression::parse_column(text, input))?;
        Ok((name.value.clone(), expression))
    };
    match columns {
        SelectedColumns::Listed(names) => listed(graph, names, input),
        SelectedColumns::Computed(columns) => columns.iter().map(computed).collect(),
        SelectedColumns::Changed { add, rename, drop } => {
            check_distinct(&graph.text, "drop", drop)?;
            let dropped = drop.iter().map(|name| column(input, name)).collect::<Result<Vec<_>, _>>()?;
            let renamed = rename.iter().map(|(_, old)| renamed(rename, old, input)).collect::<Result<Vec<_>, _>>()?;
            if let Some((at, _)) = renamed.iter().enumerate().find(|(_, column)| dropped.contains(column)) {
                let (_, old) = &rename[at];
                let message = format!("the column {:?} is dropped, and cannot be renamed", old.value);
                return Err(CheckError::at(&old.span, message));
            }
            if let Some((at, _)) = renamed.iter().enumerate().find(|(at, column)| renamed[..*at].contains(column)) {
                let (_, old) = &rename[at];
                let message =
                    format!("the column {:?} gets two names: add = {{ NAME = \"...\" }} makes a copy", old.value);
                return Err(CheckError::at(&old.span, message));
            }
            let mut added = add.iter().map(computed).collect::<Result<Vec<_>, _>>()?;
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
pub(super) fn check_syntax(graph: &LogicalGraph, columns: &SelectedColumns) -> Result<(), CheckError> {
    let computed = match columns {
        SelectedColumns::Listed(_) => return Ok(()),
        SelectedColumns::Computed(columns) => columns,
        SelectedColumns::Changed { add, .. } => add,
    };
    computed.iter().try_for_each(|(_, text)| parsed(graph, text, Expression::check_syntax))
}

/// `columns = ["path", "latency.p95"]`
fn listed(graph: &LogicalGraph, names: &[Spanned<String>], input: &Schema) -> Result<Vec<Column>, CheckError> {
    check_distinct(&graph.text, "columns", names)?;
    let mut made: Vec<Column> = Vec::with_capacity(names.len());
    for name in names {
        let (last, expression) = parsed(graph, name, |text| Expression::of_path(text, input))?;
        if made.iter().any(|(other, _)| *other == last) {
            let message = format!(
                "two columns would be named {last:?}: write columns = {{ NAME = \"EXPRESSION\" }} to give them names of their own"
            );
            return Err(CheckError::at(&name.span, message));
        }
        made.push((last, expression));
    }
    Ok(made)
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
