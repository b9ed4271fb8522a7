//! `[sinks.NAME]`: the keys that every sink has. The others are its connector's.

use std::path::Path;
use std::sync::Arc;

use super::table::Table;
use crate::diagnostic::Diagnostic;
use crate::graph::{NodeKind, Options, SinkNode};

const COMMON: &[&str] = &["input", "connector", "columns"];

/// Reads a sink. `path` is where its table is in `text`.
pub(super) fn read(table: &Table<'_>, path: Vec<String>, text: &Arc<str>, base: &Path) -> Result<NodeKind, Diagnostic> {
    let columns = table.strings("columns")?;
    if columns.as_ref().is_some_and(Vec::is_empty) {
        let span = table.get("columns").map(toml::Spanned::span);
        let problem = Diagnostic::error("columns names no column", span);
        return Err(problem.with_hint("name those that are written, or leave it out to write all"));
    }
    Ok(NodeKind::Sink(SinkNode {
        connector: table.required("connector", table.string("connector")?)?,
        options: Options::new(Arc::clone(text), path, COMMON, base.to_path_buf()),
        columns,
    }))
}
