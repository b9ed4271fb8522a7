//! `[rolling.NAME]`: a key, aggregates, and how far back they reach.

use std::path::Path;

use super::aggregate;
use super::problems::{Problems, Result, together};
use super::table::Table;
use super::window;
use crate::diagnostic::Diagnostic;
use crate::graph::{Frame, NodeKind, RollingNode};

/// Rows that a frame can have at most.
const ROWS_MAX: u64 = 100_000_000;

/// Reads rolling aggregates.
pub(super) fn read(table: &Table<'_>, base: &Path) -> Result<NodeKind> {
    let aggregates = || table.table("aggregates").and_then(|of| table.required("aggregates", of));
    together! {
        _keys = table.check_keys(&["input", "key-by", "rows", "range", "aggregates", "on-error", "limits"]);
        key_by = table.strings("key-by");
        frame = frame(table);
        aggregates = aggregates().map_err(Problems::from).and_then(|of| aggregate::read(&of, base));
        on_error = table.on_error();
        state_bytes = window::state_bytes(table);
    }
    let key_by = key_by.unwrap_or_default();
    Ok(NodeKind::Rolling(RollingNode { key_by, frame, aggregates, on_error, state_bytes }))
}

fn frame(table: &Table<'_>) -> Result<Frame> {
    together! {
        rows = table.integer("rows", 1..=ROWS_MAX);
        range = table.signed_duration_us("range");
    }
    let span = || table.get("range").map(toml::Spanned::span);
    match (rows, range) {
        (None, None) => Ok(Frame::All),
        (Some(rows), None) => Ok(Frame::Rows(rows)),
        (None, Some(range)) if range < 0 => Err(Diagnostic::error("range cannot be negative", span()).into()),
        (None, Some(range)) => Ok(Frame::Range(range)),
        (Some(_), Some(_)) => {
            let problem = Diagnostic::error("rows and range cannot both be set", span());
            Err(problem.with_hint("rows counts the rows, range is a time").into())
        }
    }
}
