//! What cannot run inside another engine, and what runs otherwise there than by `weir run`. One place for all of it.

use weir_core::graph::{Node, NodeKind, SinkNode, Span};
use weir_core::pipeline::{Diagnostic, Palette};

use crate::opened::Opened;

/// Key groups that Flink has at most.
const KEY_GROUPS_MAX: u32 = 1 << 15;
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
                format!(
                    "{name:?} reads the standard input, which a task in a cluster has not: read a file, or a topic"
                ),
            ),
            NodeKind::Sink(sink) if graph.checkpoint.is_some() && commits_to_kafka(sink) => refuse(
                &sink.connector.span,
                format!(
                    "{name:?} writes to Kafka exactly once, for which its committer has to be in the process of its writers: set \
                     delivery = \"at-least-once\""
                ),
            ),
            _ => {}
        }
    }
    if graph.max_parallelism > KEY_GROUPS_MAX {
        let message = format!(
            "max-parallelism = {} is above {KEY_GROUPS_MAX}, which is the most that Flink has: set a smaller one",
            graph.max_parallelism
        );
        refuse(&None, message);
    }
    if opened.graph.edges.len() > EDGES_MAX {
        refuse(&None, format!("the pipeline has more than {EDGES_MAX} edges between chains: divide it"));
    }
    refusals
}

/// Whether a sink puts the rows of a checkpoint into one transaction.
fn commits_to_kafka(sink: &SinkNode) -> bool {
    #[derive(serde::Deserialize)]
    struct Given {
        delivery: Option<String>,
    }
    let given = || sink.options.parse::<Given>().ok().and_then(|given| given.delivery);
    sink.connector.value == "kafka" && given().is_none_or(|delivery| delivery != "at-least-once")
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
