//! The output columns of a join: which there are, what they are called, and of which side each is.

use arrow::datatypes::{DataType, Field, FieldRef};
use weir_core::column_type::type_name;
use weir_core::graph::{JoinBounds, JoinNode, LogicalGraph, Node, Span, Spanned};
use weir_core::names::did_you_mean;

use crate::nodes::window::{WINDOW_END, WINDOW_START, fields_before_results};
use crate::plan::error::{CheckError, CheckErrors, key_column, place};
use crate::plan::node::PortInput;

/// An output column, by its place in the full schema of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    Of { side: usize, column: usize },
    WindowStart,
    WindowEnd,
}

/// The columns that must be equal, by side.
pub(super) fn keys(node: &JoinNode, inputs: [&PortInput; 2]) -> Result<[Vec<usize>; 2], CheckErrors> {
    let pair = |(left_name, right_name): &(Spanned<String>, Spanned<String>)| {
        let of = |side: usize, name: &Spanned<String>| {
            let input = inputs[side];
            let of_input =
                |error: CheckError| CheckError { message: format!("{:?}: {}", input.name, error.message), ..error };
            key_column(&input.schema, name).map_err(of_input)
        };
        let (left, right) =
            CheckErrors::both(of(0, left_name).map_err(Into::into), of(1, right_name).map_err(Into::into))?;
        let name_span = left_name.span.clone();
        let types = [inputs[0].schema.field(left).data_type(), inputs[1].schema.field(right).data_type()];
        if types[0] != types[1] {
            return Err(CheckErrors::from(other_types(node, inputs, [left, right], types, &name_span)));
        }
        Ok((left, right))
    };
    Ok(CheckErrors::all(node.on.iter().map(pair))?.into_iter().unzip()).map(|(left, right)| [left, right])
}

fn other_types(
    node: &JoinNode,
    inputs: [&PortInput; 2],
    columns: [usize; 2],
    types: [&DataType; 2],
    span: &Option<Span>,
) -> CheckError {
    let name = |side: usize| format!("{}.{}", node.ports[side].value, inputs[side].schema.field(columns[side]).name());
    let (left, right) = (type_name(types[0]), type_name(types[1]));
    let column = inputs[1].schema.field(columns[1]).name();
    let message = format!(
        "{} is {left} and {} is {right}: values of different types are never equal; a select before the join converts one, such as \
         add = {{ {column} = \"cast({column} as {left})\" }}",
        name(0),
        name(1)
    );
    CheckError::at(span, message).of_types()
}

/// The output columns, with their names and types.
pub(super) fn made(
    graph: &LogicalGraph,
    node: &Node,
    join: &JoinNode,
    inputs: [&PortInput; 2],
) -> Result<Vec<(Made, FieldRef)>, CheckErrors> {
    match &join.columns {
        None => all(graph, node, join, inputs).map_err(Into::into),
        Some(columns) => {
            let listed = CheckErrors::all(columns.iter().map(|column| {
                let (made, field) = listed(join, inputs, &column.of)?;
                let name = column.name.as_ref().map_or_else(|| field.name().clone(), |name| name.value.clone());
                Ok::<_, CheckError>((made, FieldRef::new(Field::clone(&field).with_name(name))))
            }))?;
            for (at, (_, field)) in listed.iter().enumerate() {
                if let Some(first) = listed[..at].iter().position(|(_, other)| other.name() == field.name()) {
                    let (first, second) = (&columns[first], &columns[at]);
                    let message = format!(
                        "two columns would be named {:?}, here and {}: write {{ NEW = {:?} }} to give one another name",
                        field.name(),
                        place(&graph.text, first.name_span()),
                        second.of.value
                    );
                    return Err(CheckError::at(second.name_span(), message).into());
                }
            }
            Ok(listed)
        }
    }
}

/// All columns of both inputs, then those of the window.
fn all(
    graph: &LogicalGraph,
    node: &Node,
    join: &JoinNode,
    inputs: [&PortInput; 2],
) -> Result<Vec<(Made, FieldRef)>, CheckError> {
    let mut all: Vec<(Made, FieldRef)> = Vec::new();
    let sides = if join.join_type.value.is_left_alone() { 0..1 } else { 0..2 };
    for side in sides {
        for column in 0..inputs[side].schema.fields().len() {
            let field = field(join, inputs, side, column);
            if let Some((Made::Of { .. }, _)) = all.iter().find(|(_, other)| other.name() == field.name()) {
                let [left, right] = join.ports.each_ref().map(|port| &port.value);
                let name = field.name();
                let message = format!(
                    "both inputs of {:?} ({}) have a column {name:?}: list the columns that go out, such as columns = [{:?}, {{ \
                     {right}_{name} = {:?} }}]",
                    node.name,
                    place(&graph.text, &node.span),
                    format!("{left}.{name}"),
                    format!("{right}.{name}")
                );
                return Err(CheckError::at(&node.span, message));
            }
            all.push((Made::Of { side, column }, field));
        }
    }
    for (made, field) in windows(join) {
        if all.iter().any(|(_, other)| other.name() == field.name()) {
            let message = format!(
                "an input of {:?} has a column {:?}, and the join makes one of its own: list the columns that go out, such as columns = \
                 [\"{}.COLUMN\", {:?}]",
                node.name,
                field.name(),
                join.ports[0].value,
                field.name()
            );
            return Err(CheckError::at(&node.span, message));
        }
        all.push((made, field));
    }
    Ok(all)
}

/// The columns that a join over windows makes itself.
fn windows(join: &JoinNode) -> Vec<(Made, FieldRef)> {
    match join.bounds {
        JoinBounds::Window(_) => {
            [Made::WindowStart, Made::WindowEnd].into_iter().zip(fields_before_results(Vec::new(), true)).collect()
        }
        JoinBounds::Interval { .. }
        | JoinBounds::Regular { .. }
        | JoinBounds::AsOfNow
        | JoinBounds::AsOfEventTime { .. } => Vec::new(),
    }
}

/// A column of an input, nullable where there may be no such row.
fn field(join: &JoinNode, inputs: [&PortInput; 2], side: usize, column: usize) -> FieldRef {
    let field = &inputs[side].schema.fields()[column];
    let may_be_missing = !join.join_type.value.is_left_alone() && join.join_type.value.keeps_unmatched(1 - side);
    FieldRef::new(Field::clone(field).with_nullable(field.is_nullable() || may_be_missing))
}

/// The column that `INPUT.COLUMN` names, or a bound of the window.
fn listed(join: &JoinNode, inputs: [&PortInput; 2], of: &Spanned<String>) -> Result<(Made, FieldRef), CheckError> {
    let refuse = |message: String| CheckError::at(&of.span, message);
    let windows = windows(join);
    let Some((name, column)) = of.value.split_once('.') else {
        if let Some(window) = windows.into_iter().find(|(_, field)| *field.name() == of.value) {
            return Ok(window);
        }
        let text = &of.value;
        if [WINDOW_START, WINDOW_END].contains(&text.as_str()) {
            return Err(refuse(format!("a join without windows has no column {text:?}")));
        }
        let side = inputs.iter().position(|input| input.schema.index_of(text).is_ok()).unwrap_or_default();
        let example = format!("{}.{text}", join.ports[side].value);
        return Err(refuse(format!("{text:?} names no input: write it as INPUT.COLUMN, such as {example:?}")));
    };
    let ports = join.ports.each_ref().map(|port| port.value.as_str());
    let Some(side) = ports.iter().position(|port| *port == name) else {
        let near = did_you_mean(name, &ports);
        return Err(refuse(format!("there is no input {name:?}{near}; the inputs are {}", ports.join(", "))));
    };
    if side == 1 && join.join_type.value.is_left_alone() {
        let join_type = join.join_type.value.name();
        return Err(refuse(format!("a join of type = {join_type:?} gives out rows of {:?} alone", ports[0])));
    }
    let known: Vec<&str> = inputs[side].schema.fields().iter().map(|field| field.name().as_str()).collect();
    let Some(index) = known.iter().position(|known| *known == column) else {
        let near = did_you_mean(column, &known);
        let message = format!("{name:?} has no column {column:?}{near}; its columns are {}", known.join(", "));
        return Err(refuse(message));
    };
    Ok((Made::Of { side, column: index }, field(join, inputs, side, index)))
}
