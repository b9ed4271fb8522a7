//! Pipeline files. What follows a byte of zero is the value of an override. A file is refused with places in its text, or means the same
//! when it is read again; its sources, windows and sinks fit together, or it is said which do not.

use std::path::Path;

use weir_core::connector::{ConnectorError, Connectors, Sink, Source};
use weir_core::graph::{NodeKind, Options};
use weir_core::pipeline::{Diagnostic, Palette, parse};
use weir_engine::{CheckErrors, Job};

use crate::guest::HOST;
use crate::scratch;

pub(super) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (text, overrides) = match text.split_once('\0') {
        None => (text, Vec::new()),
        Some((text, changed)) => {
            let (path, value) = changed.split_once('=').unwrap_or((changed, ""));
            (text, vec![(path.to_owned(), value.to_owned())])
        }
    };
    let base = scratch::folder();
    let graph = match parse(text, base, &overrides) {
        Ok(graph) => graph,
        Err(error) => {
            assert!(!error.problems.is_empty() && !error.to_string().is_empty());
            error.problems.iter().for_each(|problem| check_place(problem, &error.text));
            let [plain, colored] = [Palette::PLAIN, Palette::ANSI].map(|palette| error.render("fuzz.toml", &palette));
            assert!(plain.len() <= colored.len());
            return;
        }
    };
    graph.warnings.iter().for_each(|warning| check_place(warning, &graph.text));
    let again = parse(&graph.text, base, &[]).expect("a pipeline that was read can be read again");
    assert_eq!(format!("{again:?}"), format!("{graph:?}"));
    // Files of components are the reader's business, and none of them is a fuzzer's.
    let is_operator = |kind: &NodeKind| matches!(kind, NodeKind::Operator(_) | NodeKind::Other(_));
    if graph.nodes.iter().any(|node| is_operator(&node.kind)) || text.contains("component") {
        return;
    }
    match Job::check(&graph, &Harmless, &HOST) {
        Ok(job) => assert_eq!(job.describe().nodes.len(), graph.nodes.len()),
        Err(CheckErrors(errors)) => {
            assert!(!errors.is_empty());
            for error in errors {
                check_place(&Diagnostic::error(error.message, error.span), &graph.text);
            }
        }
    }
}

/// A problem is about a piece of the text, and says something.
fn check_place(problem: &Diagnostic, text: &str) {
    assert!(!problem.message.is_empty());
    if let Some(span) = &problem.span {
        assert!(text.get(span.clone()).is_some(), "{problem:?} is not about a piece of the text");
        assert!(problem.position(text).is_some(), "{problem:?} has no place");
    }
    assert!(!problem.render("fuzz.toml", text, &Palette::PLAIN).is_empty() && !problem.one_line(text).is_empty());
}

/// The connectors that open no file and no connection.
pub(super) struct Harmless;

impl Connectors for Harmless {
    fn source(&self, connector: &str, options: &Options) -> Result<Box<dyn Source>, ConnectorError> {
        if !self.source_names().contains(&connector) {
            return Err(ConnectorError::Unknown { name: connector.to_owned(), known: self.source_names() });
        }
        weir_connectors::StandardConnectors::new().source(connector, options)
    }

    fn sink(&self, connector: &str, options: &Options) -> Result<Box<dyn Sink>, ConnectorError> {
        if !self.sink_names().contains(&connector) {
            return Err(ConnectorError::Unknown { name: connector.to_owned(), known: self.sink_names() });
        }
        weir_connectors::StandardConnectors::new().sink(connector, options)
    }

    fn source_names(&self) -> Vec<&'static str> {
        vec!["collection", "nexmark"]
    }

    fn sink_names(&self) -> Vec<&'static str> {
        vec!["blackhole", "console"]
    }

    fn keeping_sink(&self, _path: &str, _base: &Path) -> Option<(&'static str, Options)> {
        None
    }
}
