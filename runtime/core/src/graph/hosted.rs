//! What a program changes in a graph that its author wrote before it runs it: where components are, which files may be named, where
//! dead letters go that nobody reads, and what comes back of them.

use std::path::{Path, PathBuf};

use crate::allow_connect::AllowConnect;

use super::{
    AggregateSpec, DEAD_LETTER_OUTPUT, EventTimeColumn, Input, LogicalGraph, MAIN_OUTPUT, Node, NodeKind, OnError,
    Options, SinkNode, SourceNode, Span, Spanned,
};

impl LogicalGraph {
    /// The components that it names, each with the name of its operator; of an aggregate `WINDOW.AGGREGATE`.
    pub fn components_mut(&mut self) -> Vec<(String, &mut Spanned<PathBuf>)> {
        let mut components = Vec::new();
        for Node { name, kind, .. } in &mut self.nodes {
            let aggregates = match kind {
                NodeKind::Operator(operator) => {
                    components.push((name.clone(), &mut operator.component));
                    continue;
                }
                NodeKind::Window(window) => &mut window.aggregates,
                NodeKind::Aggregate(aggregate) => &mut aggregate.aggregates,
                NodeKind::Rolling(rolling) => &mut rolling.aggregates,
                _ => continue,
            };
            for (aggregate, spec) in aggregates {
                if let AggregateSpec::Component { component, .. } = spec {
                    components.push((format!("{name}.{}", aggregate.value), component));
                }
            }
        }
        components
    }

    /// Where the text of its pipeline has a key of an operator, or of an aggregate `STEP.AGGREGATE`: a dotted path.
    #[must_use]
    pub fn path_of(&self, operator: &str, key: &str) -> String {
        let Some((step, aggregate)) = operator.split_once('.') else { return format!("operators.{operator}.{key}") };
        let section = self.nodes.iter().find(|node| node.name == step).map_or("windows", |node| node.kind.section());
        format!("{section}.{step}.aggregates.{aggregate}.{key}")
    }

    /// Lets sources and sinks name files in the pipeline's folder only, connect to these places only, and leave so many bytes
    /// of the disk free.
    pub fn confine(&mut self, allow_connect: &AllowConnect, reserve_bytes: u64) {
        for node in &mut self.nodes {
            let options = match &mut node.kind {
                NodeKind::Source(source) => &mut source.options,
                NodeKind::Sink(sink) => &mut sink.options,
                NodeKind::Other(other) => &mut other.options,
                _ => continue,
            };
            options.confined = true;
            options.allow_connect = allow_connect.clone();
            options.disk.reserve_bytes = reserve_bytes;
        }
    }

    /// The options that are called like a password and name no secret.
    #[must_use]
    pub fn passwords_in_clear(&self) -> Vec<String> {
        let options = self.nodes.iter().filter_map(|node| match &node.kind {
            NodeKind::Source(source) => Some(&source.options),
            NodeKind::Sink(sink) => Some(&sink.options),
            NodeKind::Other(other) => Some(&other.options),
            _ => None,
        });
        options.flat_map(Options::passwords_in_clear).collect()
    }

    /// Adds a sink for every step whose dead letters nobody reads: an author who says `on-error = "dead-letter"` and no more loses
    /// nothing. `path_of` names the file, or the folder, of a step in `base`, and `sink_of` the connector that writes there, with
    /// its options. Returns those steps, and their paths.
    pub fn keep_dead_letters(
        &mut self,
        base: &Path,
        path_of: impl Fn(&str) -> String,
        sink_of: impl Fn(&str, &Path) -> Option<(&'static str, Options)>,
    ) -> Vec<(String, PathBuf)> {
        let unread: Vec<usize> = (0..self.nodes.len()).filter(|node| self.loses_dead_letters(*node)).collect();
        let add = |node: usize| {
            let (name, span) = (self.nodes[node].name.clone(), self.nodes[node].span.clone());
            let path = path_of(&name);
            let (connector, options) = sink_of(&path, base)?;
            self.nodes.push(Node {
                // With a dot, which names in a file cannot have: it is never taken.
                name: format!("{name}.{DEAD_LETTER_OUTPUT}"),
                span: span.clone(),
                inputs: vec![Input {
                    node,
                    output: DEAD_LETTER_OUTPUT.to_owned(),
                    port: String::new(),
                    span: span.clone(),
                }],
                event_time: None,
                kind: NodeKind::Sink(SinkNode {
                    connector: Spanned { value: connector.to_owned(), span },
                    options,
                    columns: None,
                    changelog: None,
                    holds_changes: None,
                    state_bytes: None,
                }),
            });
            Some((name, base.join(path)))
        };
        unread.into_iter().filter_map(add).collect()
    }

    /// Adds a source that a step, by its index, reads beside its other inputs. If rows get their event time there, or later, the source's
    /// pass through copies of the steps up to that one, and what reads these reads the copies too: so both have their own watermarks.
    /// Other indices grow: inputs come first.
    pub fn add_source(&mut self, name: String, source: SourceNode, reader: usize) {
        let copied = self.up_to_event_time(reader);
        let of_old = |old: usize| old + 1 + copied.len();
        let copy_of = |old: usize| copied.iter().position(|copied| *copied == old).map(|at| at + 1);
        let from_source = |span: &Option<Span>| Input {
            node: 0,
            output: MAIN_OUTPUT.to_owned(),
            port: String::new(),
            span: span.clone(),
        };
        let mut nodes = Vec::with_capacity(of_old(self.nodes.len()));
        let span = self.nodes[reader].span.clone();
        let (name_of_copies, at_end) = (name.clone(), source.watermark);
        nodes.push(Node { name, span, inputs: Vec::new(), event_time: None, kind: NodeKind::Source(source) });
        for old in &copied {
            let mut copy = self.nodes[*old].clone();
            let inputs =
                copy.inputs.iter().filter_map(|input| Some(Input { node: copy_of(input.node)?, ..input.clone() }));
            copy.inputs = inputs.chain((*old == reader).then(|| from_source(&copy.span))).collect();
            copy.name = format!("{}.of.{name_of_copies}", copy.name);
            if let Some(event_time) = &mut copy.event_time {
                event_time.watermark = at_end.or(event_time.watermark);
            }
            nodes.push(copy);
        }
        for (old, node) in self.nodes.iter_mut().enumerate() {
            let of_copies = node.inputs.iter().filter(|_| !copied.contains(&old));
            let of_copies = of_copies.filter_map(|input| Some(Input { node: copy_of(input.node)?, ..input.clone() }));
            let of_copies: Vec<Input> = of_copies.collect();
            node.inputs.iter_mut().for_each(|input| input.node = of_old(input.node));
            node.inputs.extend(of_copies);
            if old == reader && copied.is_empty() {
                node.inputs.push(from_source(&node.span));
            }
        }
        nodes.append(&mut self.nodes);
        self.nodes = nodes;
    }

    /// A step and those behind it, up to the one that sets the event time of its rows, ascending; empty: none does.
    fn up_to_event_time(&self, step: usize) -> Vec<usize> {
        let timed_by = self.timed_by().unwrap_or_default();
        let last = match (&self.nodes[step].event_time, timed_by.get(step).copied().flatten()) {
            (Some(_), _) => step,
            (None, Some(last)) => last,
            (None, None) => return Vec::new(),
        };
        let mut copied = vec![step];
        for (index, node) in self.nodes.iter().enumerate().skip(step + 1) {
            let is_behind = node.inputs.iter().any(|input| copied.contains(&input.node));
            if is_behind && (index == last || timed_by.get(index) == Some(&Some(last))) {
                copied.push(index);
            }
        }
        copied
    }

    /// The columns that say the event time of the rows that come to a step, by its index: those of the sources above it, or of the
    /// steps between that set it.
    #[must_use]
    pub fn event_times_above(&self, step: usize) -> Vec<&EventTimeColumn> {
        let mut above = vec![false; step + 1];
        above[step] = true;
        let mut event_times = Vec::new();
        // Inputs come first.
        for index in (0..=step).rev() {
            let node = &self.nodes[index];
            if !above[index] {
                continue;
            }
            match (&node.event_time, &node.kind) {
                (Some(event_time), _) if index != step => event_times.push(&event_time.column),
                (_, NodeKind::Source(source)) => event_times.extend(&source.event_time),
                _ => node.inputs.iter().for_each(|input| above[input.node] = true),
            }
        }
        event_times
    }

    fn loses_dead_letters(&self, node: usize) -> bool {
        let on_error = self.nodes[node].kind.on_error();
        let mut inputs = self.nodes.iter().flat_map(|reader| &reader.inputs);
        on_error == OnError::DeadLetter && !inputs.any(|input| input.node == node && input.output == DEAD_LETTER_OUTPUT)
    }
}
