//! Dead letters that nobody reads are written to files: an author who says `on-error = "dead-letter"` and no more loses
//! nothing.

use std::path::Path;

use weir_core::graph::{DEAD_LETTER_OUTPUT, Input, LogicalGraph, Node, NodeKind, OnError, Options, SinkNode, Spanned};

/// The folder beside the pipeline file.
const FOLDER: &str = "dead-letters";

/// Adds a sink for every node whose dead letters nobody reads. Returns a line about each.
pub(crate) fn add_sinks(graph: &mut LogicalGraph, base: &Path) -> Vec<String> {
    let unread: Vec<usize> = (0..graph.nodes.len()).filter(|node| is_unread(graph, *node)).collect();
    let mut notes = Vec::new();
    for node in unread {
        let (name, span) = (graph.nodes[node].name.clone(), graph.nodes[node].span.clone());
        // The file comes into being with its first row.
        let options = format!("path = \"{FOLDER}/{name}.jsonl\"\nformat = \"json\"\nlazy = true\n");
        notes.push(format!(
            "what {name:?} cannot process goes to {}",
            base.join(FOLDER).join(&name).with_extension("jsonl").display()
        ));
        graph.nodes.push(Node {
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
    }
    notes
}

fn is_unread(graph: &LogicalGraph, node: usize) -> bool {
    let on_error = match &graph.nodes[node].kind {
        NodeKind::Source(source) => source.on_error,
        NodeKind::Operator(operator) => operator.on_error,
        NodeKind::Window(window) => window.on_error,
        NodeKind::Sink(_) => OnError::Fail,
    };
    let mut inputs = graph.nodes.iter().flat_map(|reader| &reader.inputs);
    on_error == OnError::DeadLetter && !inputs.any(|input| input.node == node && input.output == DEAD_LETTER_OUTPUT)
}
