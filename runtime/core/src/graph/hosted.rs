//! What a program changes in a graph that its author wrote before it runs it: where components are, which files may be named, where
//! dead letters go that nobody reads, and what comes back of them.

use std::path::{Path, PathBuf};

use crate::allow_connect::AllowConnect;

use super::{
    AggregateSpec, DEAD_LETTER_OUTPUT, EventTimeColumn, Input, LogicalGraph, MAIN_OUTPUT, Node, NodeKind, OnError,
    Options, SinkNode, SourceNode, Spanned,
};

impl LogicalGraph {
    /// The components that it names, each with the name of its operator; of an aggregate `WINDOW.AGGREGATE`.
    pub fn components_mut(&mut self) -> Vec<(String, &mut Spanned<PathBuf>)> {
        let mut components = Vec::new();
        for Node { name, kind, .. } in &mut self.nodes {
            match kind {
                NodeKind::Operator(operator) => components.push((name.clone(), &mut operator.component)),
                NodeKind::Window(window) => {
                    for (aggregate, spec) in &mut window.aggregates {
                        if let AggregateSpec::Component { component, .. } = spec {
                            components.push((format!("{name}.{}", aggregate.value), component));
                        }
                    }
                }
                NodeKind::Source(_)
                | NodeKind::Filter(_)
                | NodeKind::Select(_)
                | NodeKind::Sink(_)
                | NodeKind::Other(_) => {}
            }
        }
        components
    }

    /// Lets sources and sinks name files in the pipeline's folder only, connect to these places only, and leave so many bytes
    /// of the disk free.
    pub fn confine(&mut self, allow_connect: &AllowConnect, reserve_bytes: u64) {
        for node in &mut self.nodes {
            let options = match &mut node.kind {
                NodeKind::Source(source) => &mut source.options,
                NodeKind::Sink(sink) => &mut sink.options,
                NodeKind::Other(other) => &mut other.options,
                NodeKind::Operator(_) | NodeKind::Filter(_) | NodeKind::Select(_) | NodeKind::Window(_) => continue,
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
            NodeKind::Operator(_) | NodeKind::Filter(_) | NodeKind::Select(_) | NodeKind::Window(_) => None,
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
                }),
            });
            Some((name, base.join(path)))
        };
        unread.into_iter().filter_map(add).collect()
    }

    /// Adds a source that a step, by its index, reads beside its other inputs. Every other index grows by one: inputs come first.
    pub fn add_source(&mut self, name: String, source: SourceNode, reader: usize) {
        for input in self.nodes.iter_mut().flat_map(|node| &mut node.inputs) {
            input.node += 1;
        }
        let reader = &mut self.nodes[reader];
        let span = reader.span.clone();
        reader.inputs.push(Input { node: 0, output: MAIN_OUTPUT.to_owned(), port: String::new(), span: span.clone() });
        let kind = NodeKind::Source(source);
        self.nodes.insert(0, Node { name, span, inputs: Vec::new(), event_time: None, kind });
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
        let on_error = match &self.nodes[node].kind {
            NodeKind::Source(source) => source.on_error,
            NodeKind::Operator(operator) => operator.on_error,
            NodeKind::Filter(filter) => filter.on_error,
            NodeKind::Select(select) => select.on_error,
            NodeKind::Window(window) => window.on_error,
            NodeKind::Sink(_) | NodeKind::Other(_) => OnError::Fail,
        };
        let mut inputs = self.nodes.iter().flat_map(|reader| &reader.inputs);
        on_error == OnError::DeadLetter && !inputs.any(|input| input.node == node && input.output == DEAD_LETTER_OUTPUT)
    }
}
