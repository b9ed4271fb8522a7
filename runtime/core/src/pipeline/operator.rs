//! `[operators.NAME]`: a component, its configuration and its bounds.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::diagnostic::Diagnostic;
use super::file::on_error;
use super::table::Table;
use super::{json, limits};
use crate::graph::{Exchange, NodeKind, OperatorNode, Spanned};

const KEYS: &[&str] = &["input", "component", "config", "key-by", "exchange", "on-error", "limits"];

/// Reads an operator.
pub(super) fn read(table: &Table<'_>, base: &Path) -> Result<NodeKind, Diagnostic> {
    table.check_keys(KEYS)?;
    Ok(NodeKind::Operator(OperatorNode {
        component: component(table, base)?,
        config: config(table)?,
        key_by: table.strings("key-by")?,
        exchange: exchange(table)?,
        on_error: on_error(table)?,
        limits: limits::read(table)?,
    }))
}

fn exchange(table: &Table<'_>) -> Result<Option<Spanned<Exchange>>, Diagnostic> {
    let choices = [("rebalance", Exchange::Rebalance), ("broadcast", Exchange::Broadcast)];
    let (value, span) = (table.choice("exchange", &choices)?, table.get("exchange").map(toml::Spanned::span));
    Ok(value.zip(span).map(|(value, span)| Spanned { value, span }))
}

/// The component's file, found from the pipeline file's folder.
pub(super) fn component(table: &Table<'_>, base: &Path) -> Result<Spanned<PathBuf>, Diagnostic> {
    let Spanned { value, span } = table.required("component", table.string("component")?)?;
    if value.is_empty() {
        return Err(Diagnostic::error("component is the path of a component's file, and cannot be empty", Some(span)));
    }
    Ok(Spanned { value: base.join(value), span })
}

/// What `describe` gets: any TOML as JSON; an empty object if nothing is said.
pub(super) fn config(table: &Table<'_>) -> Result<Value, Diagnostic> {
    table.get("config").map_or_else(|| Ok(Value::Object(serde_json::Map::new())), json::to_json)
}
