//! `[windows.NAME]`: keys, how rows are assigned to windows, and what is computed of them.

use std::path::Path;

use super::aggregate;
use super::problems::{Problems, Result, together};
use super::table::Table;
use super::window_kind::{self, WindowKind};
use super::window_rules;
use crate::diagnostic::Diagnostic;
use crate::graph::{JoinBounds, JoinNode, NodeKind, Span, WindowNode};
use crate::limits::{OperatorLimits, WINDOWS_PER_ROW_WARNING};
use crate::window::{Look, WindowAssigner};

const KEYS: &[&str] = &[
    "input",
    "key-by",
    "window",
    "time",
    "trigger",
    "emit",
    "mode",
    "evict",
    "suppress",
    "pane",
    "result-time",
    "allowed-lateness",
    "aggregates",
    "on-error",
    "limits",
];

/// Reads a window.
pub(super) fn read(table: &Table<'_>, base: &Path) -> Result<NodeKind> {
    let inner = |key: &str| table.table(key).and_then(|inner| table.required(key, inner));
    together! {
        _keys = table.check_keys(KEYS);
        key_by = table.strings("key-by");
        window = inner("window").map_err(Problems::from).and_then(|window| window_kind::read(&window));
        aggregates = inner("aggregates").map_err(Problems::from).and_then(|of| aggregate::read(&of, base));
        lateness_us = table.duration_us("allowed-lateness");
        on_error = table.on_error();
        state_bytes = state_bytes(table);
    }
    let WindowKind { window, gap, rows } = window;
    let (rules, delta) = window_rules::read(table, window, rows.as_ref(), lateness_us)?;
    let is_complete = rules.as_ref().is_some_and(|rules| rules.trigger.look == Look::All);
    // What is shown completely again and again is never forgotten.
    let allowed_lateness_us = lateness_us.unwrap_or(if is_complete { i64::MAX } else { 0 });
    let key_by = key_by.unwrap_or_default();
    Ok(NodeKind::Window(WindowNode {
        key_by,
        window,
        rules,
        gap,
        delta,
        aggregates,
        allowed_lateness_us,
        on_error,
        state_bytes,
    }))
}

/// `limits = { state = "4GiB" }` of a step that keeps rows: what calls its components may make is in their own limits.
pub(super) fn state_bytes(table: &Table<'_>) -> Result<u64> {
    let default = OperatorLimits::default().state_bytes;
    let Some(limits) = table.table("limits")? else { return Ok(default) };
    together! {
        _keys = limits.check_keys(&["state"]);
        bytes = limits.size_bytes("state");
    }
    Ok(bytes.unwrap_or(default))
}

/// What can run and is probably not meant.
pub(super) fn warnings(name: &str, span: &Option<Span>, kind: &NodeKind) -> Vec<Diagnostic> {
    let window = match kind {
        NodeKind::Window(WindowNode { window, .. }) => window,
        NodeKind::Join(JoinNode { bounds: JoinBounds::Window(window), .. }) => window,
        _ => return Vec::new(),
    };
    let WindowAssigner::Sliding { size, slide, .. } = window else { return Vec::new() };
    let warning = |message: String| Diagnostic::warning(message, span.clone());
    let mut warnings = Vec::new();
    let windows = size.unsigned_abs().div_ceil(slide.unsigned_abs());
    if windows > WINDOWS_PER_ROW_WARNING {
        let message = format!("each row of {name:?} falls into {windows} windows");
        warnings.push(warning(message).with_hint("a longer slide makes fewer results"));
    }
    if slide > size {
        let message = format!("the slide of {name:?} is longer than its size");
        warnings.push(warning(message).with_hint("rows between two windows belong to none"));
    } else if size % slide != 0 {
        let message = format!("the slide of {name:?} does not divide its size");
        warnings.push(warning(message).with_hint("a slide that divides it needs half the state"));
    }
    warnings
}

/// A window of a join: tumbling, sliding, or sessions of one gap.
pub(super) fn assigner(table: &Table<'_>) -> Result<WindowAssigner> {
    let kind = window_kind::read(table)?;
    if kind.rows.is_none() && kind.window.is_plain() {
        return Ok(kind.window);
    }
    let message = "rows are joined within tumbling, sliding and session windows";
    Err(Diagnostic::error(message, table.span.clone()).into())
}
