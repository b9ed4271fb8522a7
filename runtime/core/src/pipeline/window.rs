//! `[windows.NAME]`: keys, how rows are assigned to windows, and what is computed of them.

use std::path::Path;

use super::aggregate;
use super::problems::{Problems, Result, together};
use super::table::Table;
use crate::diagnostic::Diagnostic;
use crate::graph::{JoinBounds, JoinNode, NodeKind, Span, WindowNode};
use crate::limits::{OperatorLimits, WINDOWS_PER_ROW_WARNING};
use crate::window::WindowAssigner;

const KEYS: &[&str] = &["input", "key-by", "window", "allowed-lateness", "aggregates", "on-error", "limits"];
const FORMS: &str = "{ tumbling = \"1h\" }, { sliding = \"3h\", slide = \"1h\" } or { session = \"30m\" }";

/// Reads a window.
pub(super) fn read(table: &Table<'_>, base: &Path) -> Result<NodeKind> {
    let inner = |key: &str| table.table(key).and_then(|inner| table.required(key, inner));
    together! {
        _keys = table.check_keys(KEYS);
        key_by = table.strings("key-by");
        window = inner("window").map_err(Problems::from).and_then(|window| assigner(&window));
        aggregates = inner("aggregates").map_err(Problems::from).and_then(|of| aggregate::read(&of, base));
        lateness_us = table.duration_us("allowed-lateness");
        on_error = table.on_error();
        state_bytes = state_bytes(table);
    }
    let (key_by, allowed_lateness_us) = (key_by.unwrap_or_default(), lateness_us.unwrap_or(0));
    Ok(NodeKind::Window(WindowNode { key_by, window, aggregates, allowed_lateness_us, on_error, state_bytes }))
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

pub(super) fn assigner(table: &Table<'_>) -> Result<WindowAssigner> {
    together! {
        _keys = table.check_keys(&["tumbling", "sliding", "slide", "session", "offset"]);
        offset = table.signed_duration_us("offset");
        slide = table.duration_us("slide");
        tumbling = table.duration_us("tumbling");
        sliding = table.duration_us("sliding");
        session = table.duration_us("session");
    }
    let refuse = |message: &str| Diagnostic::error(message, table.span.clone());
    let assigner = match ((tumbling, sliding, session), slide, offset) {
        ((Some(size), None, None), None, offset) => WindowAssigner::Tumbling { size, offset: offset.unwrap_or(0) },
        ((None, Some(size), None), Some(slide), offset) => {
            WindowAssigner::Sliding { size, slide, offset: offset.unwrap_or(0) }
        }
        ((None, None, Some(gap)), None, None) => WindowAssigner::Session { gap },
        ((None, Some(_), None), None, _) => {
            return Err(refuse("a sliding window needs how far it slides").with_hint("add slide = \"..\"").into());
        }
        ((Some(_), None, None), Some(_), _) => {
            let problem = refuse("slide belongs to a sliding window");
            return Err(problem.with_hint("did you mean sliding instead of tumbling?").into());
        }
        ((None, None, Some(_)), ..) => {
            return Err(refuse("a session window has a gap only, no slide and no offset").into());
        }
        _ => return Err(refuse(&format!("a window is one of {FORMS}")).into()),
    };
    assigner.check().map_err(|error| refuse(&error.to_string()))?;
    Ok(assigner)
}
