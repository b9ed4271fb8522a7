//! What cannot run inside another engine, and what runs otherwise there than by `weir run`. One place for all of it.

use weir_core::graph::{LogicalGraph, Node, NodeKind};
use weir_core::pipeline::{Diagnostic, Palette};

use crate::opened::Opened;

/// Edges that an element can name.
const EDGES_MAX: usize = u16::MAX as usize;

/// Why a pipeline cannot run inside another engine, each with its line; empty: it can.
#[must_use]
pub fn refused(opened: &Opened) -> Vec<String> {
    let render = |problem: Diagnostic| problem.render(&opened.shown, &opened.logical.text, &Palette::PLAIN);
    refusals(opened).into_iter().map(render).collect()
}

/// The same, with places in the text of the pipeline as it is with what is changed in it.
#[must_use]
pub fn refusals(opened: &Opened) -> Vec<Diagnostic> {
    let mut refusals = refusals_of_graph(&opened.logical);
    if opened.graph.edges.len() > EDGES_MAX {
        let message = format!("the pipeline has more than {EDGES_MAX} edges between chains: divide it");
        refusals.push(Diagnostic::error(message, None));
    }
    refusals
}

/// Those that are known before anything is opened.
#[must_use]
pub fn refusals_of_graph(graph: &LogicalGraph) -> Vec<Diagnostic> {
    let refusal = |Node { name, kind, .. }: &Node| match kind {
        NodeKind::Source(source) if source.connector.value == "stdin" => Some(Diagnostic::error(
            format!("{name:?} reads the standard input, and tasks of a cluster have none: read a file, or a topic"),
            source.connector.span.clone(),
        )),
        _ => None,
    };
    graph.nodes.iter().filter_map(refusal).collect()
}

/// What runs otherwise, one line each.
#[must_use]
pub fn notes(opened: &Opened) -> Vec<String> {
    let (graph, mut notes) = (&opened.logical, Vec::new());
    if graph.checkpoint.as_ref().is_some_and(|settings| !settings.location.is_empty()) {
        notes.push(
            "checkpoint.dir is not used: the other engine keeps the checkpoints, and its own settings say where"
                .to_owned(),
        );
    }
    for Node { name, kind, .. } in &graph.nodes {
        match kind {
            NodeKind::Source(source) if source.max_drift_us.is_some() => notes.push(format!(
                "{name}: max-drift holds sources of one task together only, and not those of different tasks: results are the same, \
                 and joins may keep more rows"
            )),
            NodeKind::Sink(sink) if ["console", "stdout"].contains(&sink.connector.value.as_str()) => notes.push(format!(
                "{name}: what it prints goes to the standard output of the task that runs it"
            )),
            _ => {}
        }
    }
    notes
}
