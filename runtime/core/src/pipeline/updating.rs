//! `[changelogs.NAME]`, `[aggregates.NAME]`, `[dedup.NAME]` and `[top.NAME]`: how changes are written; keys, and what is kept of the rows of
//! each.

use std::path::Path;

use super::operator::state_ttl;
use super::problems::{Problems, Result, together};
use super::table::Table;
use super::{aggregate, window};
use crate::changelog::ChangelogEncoding;
use crate::diagnostic::Diagnostic;
use crate::graph::{AggregateNode, ChangelogNode, DedupNode, Keep, NodeKind, OrderColumn, Spanned, Ties, TopNode};

/// How changes are written and read.
const ENCODINGS: [(&str, ChangelogEncoding); 2] =
    [("kinds", ChangelogEncoding::Kinds), ("debezium", ChangelogEncoding::Debezium)];
const KEEP: [(&str, Keep); 2] = [("first", Keep::First), ("last", Keep::Last)];
const TIES: [(&str, Ties); 3] =
    [("row-number", Ties::RowNumber), ("rank", Ties::Rank), ("dense-rank", Ties::DenseRank)];
/// Rows of a key that one step can give out at most.
const LIMIT_MAX: u64 = 1_000_000;

/// Reads a changelog.
pub(super) fn read_changelog(table: &Table<'_>) -> Result<NodeKind> {
    together! {
        _keys = table.check_keys(&["input", "format", "key", "on-error"]);
        format = table.choice("format", &ENCODINGS).and_then(|format| table.required("format", format));
        key = table.strings("key");
        on_error = table.on_error();
    }
    let span = table.get("format").map(toml::Spanned::span);
    Ok(NodeKind::Changelog(ChangelogNode { format: Spanned { value: format, span }, key, on_error }))
}

/// Reads aggregates without a window.
pub(super) fn read_aggregates(table: &Table<'_>, base: &Path) -> Result<NodeKind> {
    let aggregates = || table.table("aggregates").and_then(|of| table.required("aggregates", of));
    together! {
        _keys = table.check_keys(&["input", "key-by", "aggregates", "ttl", "on-error", "limits"]);
        key_by = table.strings("key-by");
        aggregates = aggregates().map_err(Problems::from).and_then(|of| aggregate::read(&of, base));
        ttl = state_ttl(table, &["after", "time"]);
        on_error = table.on_error();
        state_bytes = window::state_bytes(table);
    }
    let key_by = key_by.unwrap_or_default();
    Ok(NodeKind::Aggregate(AggregateNode { key_by, aggregates, ttl, on_error, state_bytes }))
}

/// Reads a deduplication.
pub(super) fn read_dedup(table: &Table<'_>) -> Result<NodeKind> {
    together! {
        _keys = table.check_keys(&["input", "key-by", "keep", "within", "limits"]);
        key_by = table.strings("key-by").and_then(|keys| Ok(table.required("key-by", keys)?));
        keep = table.choice("keep", &KEEP);
        within_us = table.signed_duration_us("within");
        state_bytes = window::state_bytes(table);
    }
    if let Some(value) = table.get("within").filter(|_| within_us.is_some_and(|within| within < 0)) {
        return Err(Diagnostic::error("within cannot be negative", Some(value.span())).into());
    }
    Ok(NodeKind::Dedup(DedupNode { key_by, keep: keep.unwrap_or(Keep::First), within_us, state_bytes }))
}

/// Reads a top-n.
pub(super) fn read_top(table: &Table<'_>) -> Result<NodeKind> {
    together! {
        _keys = table.check_keys(&["input", "key-by", "order-by", "limit", "offset", "ties", "rank", "ttl", "limits"]);
        key_by = table.strings("key-by");
        order_by = table.strings("order-by").and_then(|columns| Ok(table.required("order-by", columns)?));
        limit = table.integer("limit", 1..=LIMIT_MAX).and_then(|limit| table.required("limit", limit));
        offset = table.integer("offset", 0..=LIMIT_MAX);
        ties = table.choice("ties", &TIES);
        rank = rank(table);
        ttl = state_ttl(table, &["after", "time"]);
        state_bytes = window::state_bytes(table);
    }
    let order_by = Problems::all(order_by.into_iter().map(order_column))?;
    if order_by.is_empty() {
        let span = table.get("order-by").map(toml::Spanned::span);
        return Err(Diagnostic::error("order-by names no column", span).into());
    }
    let (key_by, ties) = (key_by.unwrap_or_default(), ties.unwrap_or(Ties::RowNumber));
    let offset = offset.unwrap_or(0);
    Ok(NodeKind::Top(TopNode { key_by, order_by, limit, offset, ties, rank, ttl, state_bytes }))
}

fn rank(table: &Table<'_>) -> std::result::Result<Option<Spanned<String>>, Diagnostic> {
    match table.string("rank")? {
        Some(name) if name.value.is_empty() => {
            Err(Diagnostic::error("the name of a column cannot be empty", name.span))
        }
        name => Ok(name),
    }
}

/// `price`, `price asc` or `price desc`.
fn order_column(text: Spanned<String>) -> std::result::Result<OrderColumn, Diagnostic> {
    let words: Vec<&str> = text.value.split_whitespace().collect();
    let direction = |word: &str| ["asc", "desc"].into_iter().find(|known| known.eq_ignore_ascii_case(word));
    let (name, direction) = match words.as_slice() {
        // A name with blanks in it is none that has a direction.
        [.., last] if words.len() > 1 && direction(last).is_some() => {
            (text.value.trim_end()[..text.value.trim_end().len() - last.len()].trim().to_owned(), direction(last))
        }
        [column, "descending" | "ascending" | "DESCENDING" | "ASCENDING", ..] | [column, _, "nulls" | "NULLS", ..] => {
            let problem = Diagnostic::error(format!("{:?} is no column with a direction", text.value), text.span);
            let hint =
                format!("write \"{column} desc\"; without desc the least value comes first, and nulls come last");
            return Err(problem.with_hint(hint));
        }
        [] => return Err(Diagnostic::error("the name of a column cannot be empty", text.span)),
        _ => (text.value.clone(), None),
    };
    let descending = direction == Some("desc");
    Ok(OrderColumn { column: Spanned { value: name, span: text.span }, descending })
}
