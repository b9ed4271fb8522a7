//! `[operators.NAME]`: a component, its configuration and its bounds.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::problems::together;
use super::table::Table;
use super::{json, limits, problems};
use crate::diagnostic::Diagnostic;
use crate::graph::{Exchange, NodeKind, OperatorNode, Spanned};

const KEYS: &[&str] =
    &["input", "component", "config", "key-by", "exchange", "event-time", "watermark", "on-error", "limits"];

/// Reads an operator.
pub(super) fn read(table: &Table<'_>, base: &Path) -> problems::Result<NodeKind> {
    together! {
        _keys = table.check_keys(KEYS);
        component = component(table, base);
        config = config(table);
        key_by = table.strings("key-by");
        exchange = exchange(table);
        on_error = table.on_error();
        limits = limits::read(table);
    }
    Ok(NodeKind::Operator(OperatorNode { component, config, key_by, exchange, on_error, limits }))
}

fn exchange(table: &Table<'_>) -> Result<Option<Spanned<Exchange>>, Diagnostic> {
    let choices = [("rebalance", Exchange::Rebalance), ("broadcast", Exchange::Broadcast)];
    let value = table.choice("exchange", &choices)?;
    Ok(value.map(|value| Spanned { value, span: table.get("exchange").map(toml::Spanned::span) }))
}

/// The component's file, found from the pipeline file's folder.
pub(super) fn component(table: &Table<'_>, base: &Path) -> Result<Spanned<PathBuf>, Diagnostic> {
    let Spanned { value, span } = table.required("component", table.string("component")?)?;
    if value.is_empty() {
        return Err(Diagnostic::error("component is the path of a component's file, and cannot be empty", span));
    }
    Ok(Spanned { value: base.join(value), span })
}

/// What `describe` gets: any TOML as JSON; an empty object if nothing is said.
pub(super) fn config(table: &Table<'_>) -> Result<Value, Diagnostic> {
    table.get("config").map_or_else(|| Ok(Value::Object(serde_json::Map::new())), json::to_json)
}
