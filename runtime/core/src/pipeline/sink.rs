//! `[sinks.NAME]`: the keys that every sink has. The others are its connector's.

use std::path::Path;
use std::sync::Arc;

use super::columns::listed;
use super::problems::{Result, together};
use super::table::Table;
use super::window::state_bytes;
use crate::changelog::{ChangelogEncoding, SinkChangelog};
use crate::graph::{NodeKind, Options, SinkNode, Spanned};

const COMMON: &[&str] = &["input", "connector", "columns", "changelog", "emit", "limits"];
const CHANGELOGS: [(&str, SinkChangelog); 3] = [
    ("kinds", SinkChangelog::Encoded(ChangelogEncoding::Kinds)),
    ("debezium", SinkChangelog::Encoded(ChangelogEncoding::Debezium)),
    ("upsert", SinkChangelog::Upsert),
];

/// Reads a sink. `path` is where its table is in `text`.
pub(super) fn read(table: &Table<'_>, path: Vec<String>, text: &Arc<str>, base: &Path) -> Result<NodeKind> {
    together! {
        connector = table.string("connector").and_then(|name| table.required("connector", name));
        columns = listed(table);
        state_bytes = state_bytes(table);
        changelog = table.choice("changelog", &CHANGELOGS);
        holds_changes = table.choice("emit", &[("update", false), ("checkpoint", true)]);
    }
    let span = table.get("changelog").map(toml::Spanned::span);
    Ok(NodeKind::Sink(SinkNode {
        connector,
        options: Options::new(Arc::clone(text), path, COMMON, base.to_path_buf()),
        columns,
        holds_changes: table
            .get("emit")
            .filter(|_| holds_changes == Some(true))
            .map(|value| Spanned { value: (), span: Some(value.span()) }),
        state_bytes: table.get("limits").map(|value| Spanned { value: state_bytes, span: Some(value.span()) }),
        changelog: changelog.map(|value| Spanned { value, span }),
    }))
}
