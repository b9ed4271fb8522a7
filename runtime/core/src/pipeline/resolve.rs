//! Names into edges: every input is found, every node comes after its inputs.

use std::collections::HashMap;

use super::file::{Draft, DraftInput, File, Settings};
use super::problems::Problems;
use super::window;
use crate::diagnostic::Diagnostic;
use crate::graph::{DEAD_LETTER_OUTPUT, Input, LATE_OUTPUT, MAIN_OUTPUT, Node, NodeKind, OnError};
use crate::names::nearest;

/// A file whose names are resolved, as far as they could be.
pub(super) struct Resolved {
    pub(super) settings: Settings,
    /// In an order in which inputs come first and which is the file's otherwise. A step of which an input is wrong, or reads a node that is
    /// not among them, has no inputs.
    pub(super) nodes: Vec<Node>,
    pub(super) warnings: Vec<Diagnostic>,
    /// What is wrong.
    pub(super) problems: Problems,
}

/// Resolves the names of a file.
pub(super) fn resolve(file: File) -> Resolved {
    let File { settings, drafts, problems: Problems(mut problems) } = file;
    let index: HashMap<&str, usize> = drafts.iter().enumerate().map(|(i, draft)| (draft.name.as_str(), i)).collect();
    let mut inputs: Vec<Vec<Input>> = Vec::with_capacity(drafts.len());
    for draft in &drafts {
        let found: Vec<Input> = draft
            .inputs
            .iter()
            .filter_map(|input| find(input, &drafts, &index).map_err(|problem| problems.push(problem)).ok())
            .collect();
        let is_whole = found.len() == draft.inputs.len() && found.iter().all(|input| drafts[input.node].kind.is_some());
        inputs.push(if is_whole { found } else { Vec::new() });
    }
    let mut order = loop {
        match order(&inputs) {
            Ok(order) => break order,
            Err(cycle) => {
                problems.push(cycle_problem(&cycle, &drafts, &inputs));
                cycle.iter().for_each(|node| inputs[*node].clear());
            }
        }
    };
    order.retain(|node| drafts[*node].kind.is_some());
    let mut warnings = unread(&drafts, &inputs);
    let kinds = drafts.iter().filter_map(|draft| Some((draft, draft.kind.as_ref()?)));
    warnings.extend(kinds.flat_map(|(draft, kind)| window::warnings(&draft.name, &draft.span, kind)));
    Resolved { settings, nodes: arrange(drafts, inputs, &order), warnings, problems: Problems(problems) }
}

/// The edge that an input names: `node`, or `node.output`.
fn find(input: &DraftInput, drafts: &[Draft], index: &HashMap<&str, usize>) -> Result<Input, Diagnostic> {
    let DraftInput { port, stream: input } = input;
    let refuse = |message: String| Diagnostic::error(message, input.span.clone());
    let (name, output) = input.value.split_once('.').unwrap_or((&input.value, MAIN_OUTPUT));
    let Some(draft) = index.get(name).and_then(|i| drafts.get(*i)) else {
        let readable = drafts.iter().filter(|draft| !draft.is_sink);
        let names = readable.map(|draft| draft.name.as_str());
        return Err(refuse(format!("there is no stream {name:?}")).suggesting(name, "the streams are", names));
    };
    if draft.is_sink {
        return Err(refuse(format!("{name:?} is a sink, and a sink has no output")));
    }
    let late_outputs: [String; 2];
    let of_join: [&str; 3];
    let outputs: &[&str] = match &draft.kind {
        // Either it is wrong, and what its outputs are is not known, or only its component, or its kind, knows its side outputs.
        None | Some(NodeKind::Sink(_) | NodeKind::Operator(_) | NodeKind::Other(_)) => &[],
        Some(
            NodeKind::Source(_)
            | NodeKind::Filter(_)
            | NodeKind::Select(_)
            | NodeKind::Changelog(_)
            | NodeKind::Aggregate(_),
        ) => &[MAIN_OUTPUT, DEAD_LETTER_OUTPUT],
        Some(NodeKind::Join(join)) => {
            late_outputs = [join.late_output(0), join.late_output(1)];
            of_join = [MAIN_OUTPUT, &late_outputs[0], &late_outputs[1]];
            &of_join
        }
        Some(NodeKind::Window(_) | NodeKind::Rolling(_)) => &[MAIN_OUTPUT, LATE_OUTPUT, DEAD_LETTER_OUTPUT],
        Some(NodeKind::Dedup(_)) => &[MAIN_OUTPUT, LATE_OUTPUT],
        Some(NodeKind::Top(_)) => &[MAIN_OUTPUT],
    };
    let has_dead_letters = match &draft.kind {
        None | Some(NodeKind::Other(_)) => true,
        // That it has no such output is said below.
        Some(_) if !outputs.is_empty() && !outputs.contains(&DEAD_LETTER_OUTPUT) => true,
        Some(kind) => kind.on_error() == OnError::DeadLetter,
    };
    if output == DEAD_LETTER_OUTPUT && !has_dead_letters {
        return Err(refuse(format!("{name:?} has no dead letters"))
            .with_hint(format!("set its on-error to {DEAD_LETTER_OUTPUT:?}")));
    }
    if output.is_empty() || (!outputs.is_empty() && !outputs.contains(&output)) {
        let problem = refuse(format!("{name:?} has no output {output:?}: it has {}", outputs.join(", ")));
        return Err(match nearest(output, outputs.iter().copied()) {
            Some(near) => problem.with_hint(format!("did you mean {near:?}?")),
            None => problem,
        });
    }
    let node = index.get(name).copied().unwrap_or_default();
    Ok(Input { node, output: output.to_owned(), port: port.clone(), span: input.span.clone() })
}

/// Node indices, inputs first; or the nodes of a cycle, each read by the next and the last by the first.
fn order(inputs: &[Vec<Input>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut order = Vec::with_capacity(inputs.len());
    let mut placed = vec![false; inputs.len()];
    while order.len() < inputs.len() {
        // The first in the file whose inputs are all there. Files have tens of nodes; the square of that is nothing.
        let ready = |node: usize| !placed[node] && inputs[node].iter().all(|input| placed[input.node]);
        match (0..inputs.len()).find(|node| ready(*node)) {
            Some(node) => {
                placed[node] = true;
                order.push(node);
            }
            None => return Err(cycle(inputs, &placed)),
        }
    }
    Ok(order)
}

/// Every node that is left has an input that is left; going from input to input comes back somewhere.
fn cycle(inputs: &[Vec<Input>], placed: &[bool]) -> Vec<usize> {
    let mut path: Vec<usize> = placed.iter().position(|placed| !placed).into_iter().collect();
    while let Some(&last) = path.last() {
        let Some(next) = inputs[last].iter().map(|input| input.node).find(|node| !placed[*node]) else { break };
        if let Some(start) = path.iter().position(|node| *node == next) {
            path.drain(..start);
            path.reverse();
            break;
        }
        path.push(next);
    }
    path
}

fn cycle_problem(cycle: &[usize], drafts: &[Draft], inputs: &[Vec<Input>]) -> Diagnostic {
    // Told from the node that stands first in the file.
    let first = cycle.iter().enumerate().min_by_key(|(_, node)| **node).map_or(0, |(at, _)| at);
    let around = cycle.iter().cycle().skip(first).take(cycle.len() + 1);
    let names: Vec<_> = around.map(|node| drafts[*node].name.as_str()).collect();
    let node = cycle.get(first).copied().unwrap_or_default();
    let span = inputs[node].iter().find(|input| cycle.contains(&input.node)).and_then(|input| input.span.clone());
    Diagnostic::error(format!("streams go round in a circle: {}", names.join(" -> ")), span)
        .with_hint("a pipeline flows from sources to sinks")
}

fn unread(drafts: &[Draft], inputs: &[Vec<Input>]) -> Vec<Diagnostic> {
    let read = |node: usize| inputs.iter().flatten().any(|input| input.node == node);
    let unread = drafts.iter().enumerate().filter(|(i, draft)| !draft.is_sink && !read(*i));
    let warn = |(_, draft): (usize, &Draft)| {
        Diagnostic::warning(format!("nothing reads {:?}", draft.name), draft.span.clone())
            .with_hint("its rows are dropped")
    };
    unread.map(warn).collect()
}

fn arrange(drafts: Vec<Draft>, inputs: Vec<Vec<Input>>, order: &[usize]) -> Vec<Node> {
    let mut place = vec![0; drafts.len()];
    for (new, old) in order.iter().enumerate() {
        place[*old] = new;
    }
    let mut nodes: Vec<(usize, Node)> = drafts
        .into_iter()
        .zip(inputs)
        .enumerate()
        .filter_map(|(old, (Draft { name, span, kind, event_time, .. }, mut inputs))| {
            for input in &mut inputs {
                input.node = place[input.node];
            }
            Some((place[old], Node { name, span, inputs, event_time, kind: kind? }))
        })
        .collect();
    nodes.sort_by_key(|(new, _)| *new);
    nodes.into_iter().map(|(_, node)| node).collect()
}
