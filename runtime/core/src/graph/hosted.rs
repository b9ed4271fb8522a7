//! What a program changes in a graph that its author wrote before it runs it: where components are, which files may be named, where
//! dead letters go that nobody reads.

use std::path::{Path, PathBuf};

use super::{
    AggregateSpec, DEAD_LETTER_OUTPUT, Input, LogicalGraph, Node, NodeKind, OnError, Options, SinkNode, Spanned,
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
                NodeKind::Source(_) | NodeKind::Sink(_) => {}
            }
        }
        components
    }

    /// Lets sources and sinks name files in the pipeline's folder only.
    pub fn confine(&mut self) {
        for node in &mut self.nodes {
            match &mut node.kind {
                NodeKind::Source(source) => source.options.confined = true,
                NodeKind::Sink(sink) => sink.options.confined = true,
                NodeKind::Operator(_) | NodeKind::Window(_) => {}
            }
        }
    }

    /// Adds a sink for every step whose dead letters nobody reads: an author who says `on-error = "dead-letter"` and no more loses
    /// nothing. `path_of` names the file, or the folder, of a step in `base`. Returns those steps, and their paths.
    pub fn keep_dead_letters(&mut self, base: &Path, path_of: impl Fn(&str) -> String) -> Vec<(String, PathBuf)> {
        let unread: Vec<usize> = (0..self.nodes.len()).filter(|node| self.loses_dead_letters(*node)).collect();
        let add = |node: usize| {
            let (name, span) = (self.nodes[node].name.clone(), self.nodes[node].span.clone());
            let path = path_of(&name);
            // The file comes into being with its first row.
            let options = format!("path = {:?}\nformat = \"json\"\nlazy = true\n", path);
            self.nodes.push(Node {
                // With a dot, which names in a file cannot have: it is never taken.
                name: format!("{name}.{DEAD_LETTER_OUTPUT}"),
                span: span.clone(),
                inputs: vec![Input { node, output: DEAD_LETTER_OUTPUT.to_owned(), span: span.clone() }],
                kind: NodeKind::Sink(SinkNode {
                    connector: Spanned { value: "file".to_owned(), span },
                    options: Options::from_toml(&options, base.to_path_buf()),
                    columns: None,
                }),
            });
            (name, base.join(path))
        };
        unread.into_iter().map(add).collect()
    }

    fn loses_dead_letters(&self, node: usize) -> bool {
        let on_error = match &self.nodes[node].kind {
            NodeKind::Source(source) => source.on_error,
            NodeKind::Operator(operator) => operator.on_error,
            NodeKind::Window(window) => window.on_error,
            NodeKind::Sink(_) => OnError::Fail,
        };
        let mut inputs = self.nodes.iter().flat_map(|reader| &reader.inputs);
        on_error == OnError::DeadLetter && !inputs.any(|input| input.node == node && input.output == DEAD_LETTER_OUTPUT)
    }
}
