//! What cannot run inside another engine, and what runs otherwise there than by `weir run`. One place for all of it.

use weir_core::graph::{Node, NodeKind, Span};
use weir_core::pipeline::{Diagnostic, Palette};

use crate::opened::Opened;

/// Edges that an element can name.
const EDGES_MAX: usize = u16::MAX as usize;

/// Why a pipeline cannot run inside another engine, each with its line; empty: it can.
#[must_use]
pub fn refusals(opened: &Opened) -> Vec<String> {
    let (graph, mut refusals) = (&opened.logical, Vec::new());
    let mut refuse = |span: &Option<Span>, message: String| {
        let problem = Diagnostic::error(message, span.clone());
        refusals.push(problem.render(&opened.shown, &graph.text, &Palette::PLAIN));
    };
    for Node { name, kind, .. } in &graph.nodes {
        match kind {
            NodeKind::Source(source) if source.connector.value == "stdin" => refuse(
                &source.connector.span,
                format!("{name:?} reads the standard input, and tasks of a cluster have none: read a file, or a topic"),
            ),
            _ => {}
        }
    }
    if opened.graph.edges.len() > EDGES_MAX {
        refuse(&None, format!("the pipeline has more than {EDGES_MAX} edges between chains: divide it"));
    }
    refusals
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
