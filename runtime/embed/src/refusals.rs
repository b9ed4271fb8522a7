//! What cannot run inside another engine, and what runs otherwise there than by `weir run`. One place for all of it.

use weir_core::graph::{LogicalGraph, Node, NodeKind};
use weir_core::pipeline::{Diagnostic, Palette};

use crate::opened::Opened;

/// Another engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Apache Flink.
    Flink,
    /// Apache Spark.
    Spark,
}

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

/// Those of one engine, with places as [`refusals`] has them.
#[must_use]
pub fn refusals_of_engine(engine: Engine, opened: &Opened) -> Vec<Diagnostic> {
    let graph = &opened.logical;
    if engine == Engine::Flink || graph.checkpoint.is_some() {
        return Vec::new();
    }
    let endless = opened.job.endless_sources();
    let refusal = |Node { name, kind, .. }: &Node| match kind {
        NodeKind::Source(source) if endless.contains(name) => Some(Diagnostic::error(
            format!(
                "{name:?} never ends, and without [checkpoint] the pipeline is a batch job on Spark: set [checkpoint] interval, or \
                 --checkpoint-interval, so that it is a stream"
            ),
            source.connector.span.clone(),
        )),
        _ => None,
    };
    graph.nodes.iter().filter_map(refusal).collect()
}

/// What one engine does otherwise, one line each.
#[must_use]
pub fn notes_of_engine(engine: Engine, opened: &Opened) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = |text: &str| notes.push(text.to_owned());
    match (engine, &opened.logical.checkpoint) {
        (Engine::Flink, Some(settings)) if !settings.location.is_empty() => {
            note("checkpoint.dir is not used: the other engine keeps the checkpoints, and its own settings say where");
        }
        (Engine::Spark, None) => {
            note(
                "without [checkpoint] it is a batch job: what files hold is visible at its end, what goes to Kafka while it runs, and it is not \
                 started again if it fails",
            );
        }
        (Engine::Spark, Some(settings)) => {
            if settings.min_pause_ms > 0 {
                note(
                    "checkpoint.min-pause is not used: a micro-batch begins when the one before it is complete, and its interval is over",
                );
            }
        }
        (Engine::Flink, _) => {}
    }
    notes
}

/// What runs otherwise in all of them, one line each.
#[must_use]
pub fn notes(opened: &Opened) -> Vec<String> {
    let (graph, mut notes) = (&opened.logical, Vec::new());
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
