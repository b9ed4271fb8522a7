//! `[operators.NAME]`: a component, its configuration and its bounds.

use std::path::{Path, PathBuf};

use serde_json::Value;
use toml::de::DeValue;

use super::problems::together;
use super::table::Table;
use super::{json, limits, problems};
use crate::diagnostic::Diagnostic;
use crate::graph::{Exchange, NodeKind, OperatorNode, Spanned, StateTtl};

const KEYS: &[&str] =
    &["input", "component", "config", "key-by", "exchange", "event-time", "watermark", "on-error", "ttl", "limits"];

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
        ttl = state_ttl(table, &["after", "refresh", "time"]);
    }
    if let (Some(_), None, Some(value)) = (ttl, &key_by, table.get("ttl")) {
        let problem = Diagnostic::error("ttl is for operators with key-by: others keep no state", Some(value.span()));
        return Err(problem.into());
    }
    Ok(NodeKind::Operator(OperatorNode { component, config, key_by, exchange, on_error, ttl, limits }))
}

fn exchange(table: &Table<'_>) -> Result<Option<Spanned<Exchange>>, Diagnostic> {
    let choices = [("rebalance", Exchange::Rebalance), ("broadcast", Exchange::Broadcast)];
    let value = table.choice("exchange", &choices)?;
    Ok(value.map(|value| Spanned { value, span: table.get("exchange").map(toml::Spanned::span) }))
}

/// `"1h"`, or `{ after = "1h", refresh = "read", time = "processing" }`, of which a step may have only some `keys`.
pub(super) fn state_ttl(table: &Table<'_>, keys: &[&str]) -> problems::Result<Option<StateTtl>> {
    let Some(value) = table.get("ttl") else { return Ok(None) };
    let no_time = || Diagnostic::error("ttl must be longer than zero", Some(value.span()));
    if !matches!(value.get_ref(), DeValue::Table(_)) {
        let after_us = table.duration_us("ttl")?;
        if after_us == Some(0) {
            return Err(no_time().into());
        }
        return Ok(after_us.map(|after_us| StateTtl { after_us, refreshed_by_reads: true, by_event_time: true }));
    }
    let inner = Table::from_value(format!("{}.ttl", table.path), value)?;
    together! {
        _keys = inner.check_keys(keys);
        after_us = inner.duration_us("after").and_then(|after| inner.required("after", after));
        refreshed_by_reads = inner.choice("refresh", &[("write", false), ("read", true)]);
        by_event_time = inner.choice("time", &[("event", true), ("processing", false)]);
    }
    if after_us == 0 {
        return Err(no_time().into());
    }
    let by_event_time = by_event_time.unwrap_or(true);
    if let (true, Some(value)) = (by_event_time, inner.get("refresh")) {
        // Which rows of a batch write is known of all of them together only.
        let message =
            "by event time every row of a key is a use of what is kept of it: refresh is for time = \"processing\"";
        return Err(Diagnostic::error(message, Some(value.span())).into());
    }
    let refreshed_by_reads = refreshed_by_reads.unwrap_or(by_event_time);
    Ok(Some(StateTtl { after_us, refreshed_by_reads, by_event_time }))
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
