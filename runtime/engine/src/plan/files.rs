//! No sink writes what the same job reads, or another of its sinks writes, or is known by the same id as another.

use std::path::Path;

use weir_core::graph::{Node, NodeKind};
use weir_core::pipeline::places_of_key;

use super::error::{CheckError, CheckErrors};
use super::resolved::ResolvedNode;
use super::source::SourcePlan;

/// Two sinks that another system takes for one would shut each other out when they commit.
pub(super) fn check_identity<'a>(
    job: &str,
    node: &Node,
    resolved: &ResolvedNode,
    mut nodes: impl Iterator<Item = &'a ResolvedNode>,
) -> Result<(), CheckError> {
    let identity = |node: &ResolvedNode| node.step.role().sink()?.identity(job);
    let Some(own) = identity(resolved) else { return Ok(()) };
    match nodes.find(|other| identity(other).as_ref() == Some(&own)) {
        Some(other) => {
            let message = format!("{:?} has {own}, and so has {:?}: give it one of its own", other.name, node.name);
            Err(CheckError::at(&node.span, message))
        }
        None => Ok(()),
    }
}

/// A sink that would replace what is not its job's, or cannot be one where it is told to write.
pub(super) fn check_place(job: &str, node: &Node, resolved: &ResolvedNode) -> Result<(), CheckErrors> {
    match (resolved.step.role().sink(), &node.kind) {
        (Some(sink), NodeKind::Sink(spec)) => {
            sink.check_place(job).map_err(|error| CheckErrors::of_connector(&spec.connector, &spec.options, &error))
        }
        _ => Ok(()),
    }
}

/// A file that is replaced at the end must not be what another node reads or writes: its rows would be lost unsaid.
pub(super) fn check_file<'a>(
    text: &str,
    node: &Node,
    resolved: &ResolvedNode,
    nodes: impl Iterator<Item = &'a ResolvedNode>,
) -> Result<(), CheckError> {
    let written = |node: &ResolvedNode| node.step.role().sink()?.writes();
    let Some(file) = written(resolved) else { return Ok(()) };
    let same = |one: &Path, other: &Path| {
        one == other || std::fs::canonicalize(one).is_ok_and(|a| std::fs::canonicalize(other).is_ok_and(|b| a == b))
    };
    let is_read = |source: &SourcePlan| {
        let read = source.source.files();
        // What comes into a folder would be read by the next run.
        let is_in = |read: &Path| same(read, &file.path) || file.path.parent().is_some_and(|folder| same(read, folder));
        read.iter().any(|read| is_in(read)) || source.source.reads(&file)
    };
    for other in nodes {
        let does = if other.step.role().source().is_some_and(is_read) {
            "reads"
        } else if written(other).is_some_and(|other| other.real == file.real) {
            "writes"
        } else {
            continue;
        };
        let message = format!(
            "{:?} {does} {}, which {:?} would write: give it another path",
            other.name,
            file.path.display(),
            node.name
        );
        let path = places_of_key(text, &[node.kind.section(), &node.name, "path"]);
        return Err(CheckError::at(&path.map(|(_, path)| path).or_else(|| node.span.clone()), message));
    }
    Ok(())
}
