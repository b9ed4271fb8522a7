//! Resolves a logical graph: every step is planned by its kind, once its inputs are known.

use weir_core::graph::{LogicalGraph, Node};
use weir_core::names::did_you_mean;

use super::error::{CheckError, CheckErrors};
use super::files::{check_file, check_identity, check_place};
use super::inputs::inputs_of;
use super::node::PlanContext;
use super::registry::StepKinds;
use super::resolved::{Resolved, ResolvedNode};

impl Resolved {
    pub(crate) fn new(graph: &LogicalGraph, cx: &PlanContext<'_>, kinds: &StepKinds) -> Result<Self, CheckErrors> {
        graph.timed_by().map_err(|problem| CheckErrors(vec![CheckError::at(&problem.span, problem.message)]))?;
        let (nodes, mut errors) = resolved(graph, cx, kinds);
        let unread = graph.nodes.iter().zip(&nodes).find(|(_, resolved)| resolved.is_none());
        if let (Some((node, _)), true) = (unread, errors.is_empty()) {
            errors.push(CheckError::at(&node.span, format!("{:?} reads no stream", node.name)));
        }
        if errors.is_empty() {
            Ok(Self { nodes: nodes.into_iter().flatten().collect() })
        } else {
            Err(CheckErrors(errors))
        }
    }
}

/// What is wrong with the steps of a graph of which some are missing. One that reads none is checked on its own.
pub(crate) fn mistakes(graph: &LogicalGraph, cx: &PlanContext<'_>, kinds: &StepKinds) -> CheckErrors {
    CheckErrors(resolved(graph, cx, kinds).1)
}

/// The nodes, without those that are wrong or read one that is, and what is wrong.
fn resolved(
    graph: &LogicalGraph,
    cx: &PlanContext<'_>,
    kinds: &StepKinds,
) -> (Vec<Option<ResolvedNode>>, Vec<CheckError>) {
    let mut errors = Vec::new();
    let mut nodes: Vec<Option<ResolvedNode>> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let section = node.kind.section();
        let resolved = match (kinds.of(section), inputs_of(graph, node, &nodes)) {
            (None, _) => {
                let near = did_you_mean(section, &kinds.sections());
                Err(CheckError::at(&node.span, format!("there is no kind of step {section:?}{near}")).into())
            }
            (Some(kind), Ok(Some((inputs, ports)))) => kind.plan(cx, node, &ports).and_then(|step| {
                let event_time = node.event_time.clone();
                let resolved = ResolvedNode { name: node.name.clone(), inputs, step, event_time };
                check_changelogs(node, &resolved, &nodes)?;
                check_file(&graph.text, node, &resolved, nodes.iter().flatten())?;
                check_place(&graph.name, node, &resolved)?;
                if graph.checkpoint.is_some() {
                    check_identity(&graph.name, node, &resolved, nodes.iter().flatten())?;
                }
                Ok(Some(resolved))
            }),
            (Some(kind), Ok(None)) => kind.check_alone(cx, node).map(|()| None),
            (Some(_), Err(error)) => Err(error.into()),
        };
        nodes.push(resolved.unwrap_or_else(|CheckErrors(of_node)| {
            let inferred = inferred_above(graph, node, &nodes);
            errors.extend(of_node.into_iter().map(|error| match inferred {
                Some(source) => error.with_inferred(source),
                None => error,
            }));
            None
        }));
    }
    (nodes, errors)
}

/// A source that a step reads, over other steps or itself, and whose types are inferred.
fn inferred_above<'g>(graph: &'g LogicalGraph, node: &Node, nodes: &[Option<ResolvedNode>]) -> Option<&'g str> {
    let mut above: Vec<usize> = node.inputs.iter().map(|input| input.node).collect();
    while let Some(index) = above.pop() {
        let source = nodes.get(index)?.as_ref()?.step.role().source();
        if source.is_some_and(|source| source.source.has_inferred_schema()) {
            return Some(&graph.nodes[index].name);
        }
        above.extend(graph.nodes[index].inputs.iter().map(|input| input.node));
    }
    None
}

/// A step that takes only inserts would count rows that are taken back.
fn check_changelogs(node: &Node, resolved: &ResolvedNode, nodes: &[Option<ResolvedNode>]) -> Result<(), CheckError> {
    for (edge, input) in resolved.inputs.iter().zip(&node.inputs) {
        let Some(from) = nodes.get(edge.node).and_then(Option::as_ref) else { continue };
        let (comes, takes) = (from.step.outputs()[edge.output].changelog, resolved.step.inputs()[edge.port].takes);
        if !takes.contains(&comes) {
            let (name, from) = (&node.name, &from.name);
            let advice = resolved.step.advice_on_updates().map_or(String::new(), |advice| format!(": {advice}"));
            let takes: Vec<String> = takes.iter().map(ToString::to_string).collect();
            let takes = takes.join(" and ");
            let message = format!("{name:?} takes {takes}, and {from:?} makes {comes}{advice}");
            return Err(CheckError::at(&input.span, message));
        }
    }
    Ok(())
}
