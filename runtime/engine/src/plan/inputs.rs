//! What the nodes of a graph read: the outputs that their inputs name, and the columns of what comes in by one port together.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use weir_core::column_type::columns_text;
use weir_core::graph::{Input, LogicalGraph, Node, NodeKind};
use weir_core::names::did_you_mean;

use super::error::{CheckError, place};
use super::node::{ChangelogMode, OutputPort, PortInput};
use super::resolved::{InputEdge, ResolvedNode};

/// A node's edges and ports; a source has none.
pub(super) type Inputs = (Vec<InputEdge>, Vec<PortInput>);

/// What a node reads; `None`: a node that it reads is wrong, or it is not known what it reads.
pub(super) fn inputs_of(
    graph: &LogicalGraph,
    node: &Node,
    nodes: &[Option<ResolvedNode>],
) -> Result<Option<Inputs>, CheckError> {
    if node.inputs.is_empty() && !matches!(node.kind, NodeKind::Source(_)) {
        return Ok(None);
    }
    let mut edges = Vec::with_capacity(node.inputs.len());
    let mut ports: Vec<PortInput> = Vec::new();
    for input in &node.inputs {
        let Some(from) = nodes.get(input.node) else {
            return Err(CheckError::at(&input.span, "an input must come before the step that reads it"));
        };
        let Some(from) = from else { return Ok(None) };
        let outputs = from.step.outputs();
        let Some(output) = outputs.iter().position(|output| output.name == input.output) else {
            let known: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
            let near = did_you_mean(&input.output, &known);
            let message =
                format!("{:?} has no output named {:?}{near}; it has {}", from.name, input.output, known.join(", "));
            return Err(CheckError::at(&input.span, message));
        };
        let schema = &outputs[output].schema;
        check_names(graph, input, schema)?;
        let port = match ports.iter().position(|port| port.name == input.port) {
            Some(port) => {
                ports[port].schema = united(&node.name, &ports[port].schema, schema)
                    .map_err(|message| CheckError::at(&input.span, message))?;
                let port_input = &mut ports[port];
                port_input.changelog = united_changelog(port_input.changelog, outputs[output].changelog)
                    .ok_or_else(|| CheckError::at(&input.span, "updates by key cannot be united with other rows"))?;
                port_input.key = None;
                port_input.parallelism = match port_input.changelog {
                    ChangelogMode::InsertOnly => port_input.parallelism.max(from.step.parallelism()),
                    // Another number would spread the rows of one, out of their order.
                    _ if port_input.parallelism == from.step.parallelism() => port_input.parallelism,
                    _ => 1,
                };
                port
            }
            None => {
                let (name, parallelism) = (input.port.clone(), from.step.parallelism());
                let OutputPort { changelog, key, .. } = &outputs[output];
                let (schema, key) = (schema.clone(), key.clone());
                ports.push(PortInput { name, schema, parallelism, changelog: *changelog, key });
                ports.len() - 1
            }
        };
        edges.push(InputEdge { node: input.node, output, port });
    }
    Ok(Some((edges, ports)))
}

/// A stream whose columns cannot be told apart is refused where it is read: what adds a column to rows does not know theirs.
fn check_names(graph: &LogicalGraph, input: &Input, schema: &SchemaRef) -> Result<(), CheckError> {
    let mut names = HashSet::new();
    let Some(twice) = schema.fields().iter().find(|field| !names.insert(field.name())) else { return Ok(()) };
    let from = &graph.nodes[input.node];
    let comes = from.inputs.first().map(|above| place(&graph.text, &above.span)).unwrap_or_default();
    let message = format!(
        "{:?} ({}) would add the column {:?} to the rows of its output {:?}, and its input ({comes}) has one of that name: give \
         that column another name before {:?}",
        from.name,
        place(&graph.text, &from.span),
        twice.name(),
        input.output,
        from.name
    );
    Err(CheckError::at(&input.span, message))
}

/// What the rows of two streams together do; `None`: a key may be in both, and what is of one would take the place of what is of the other.
fn united_changelog(first: ChangelogMode, other: ChangelogMode) -> Option<ChangelogMode> {
    match (first, other) {
        (ChangelogMode::Upsert, _) | (_, ChangelogMode::Upsert) => None,
        (ChangelogMode::InsertOnly, ChangelogMode::InsertOnly) => Some(ChangelogMode::InsertOnly),
        (ChangelogMode::Retract, _) | (_, ChangelogMode::Retract) => Some(ChangelogMode::Retract),
    }
}

/// The columns of two streams together: the same names and types in the same order; nullable where one is.
fn united(node: &str, first: &SchemaRef, other: &SchemaRef) -> Result<SchemaRef, String> {
    let fields = || first.fields().iter().zip(other.fields());
    let is_same = first.fields().len() == other.fields().len()
        && fields().all(|(a, b)| a.name() == b.name() && a.data_type() == b.data_type());
    if !is_same {
        let (first, other) = (columns_text(first), columns_text(other));
        return Err(format!("the inputs of {node:?} have different columns: {first} and {other}"));
    }
    let field = |(a, b): (&Arc<Field>, &Arc<Field>)| Field::clone(a).with_nullable(a.is_nullable() || b.is_nullable());
    Ok(Arc::new(Schema::new(fields().map(field).collect::<Vec<_>>())))
}
