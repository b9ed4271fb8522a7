//! `[filters.NAME]` and `[selects.NAME]`: expressions as text, with their places. It parses none of them.

use super::columns::{listed, named};
use super::problems::{Problems, Result, together};
use super::table::Table;
use crate::diagnostic::Diagnostic;
use crate::graph::{FilterNode, NodeKind, SelectNode, SelectedColumns, Spanned};

const SELECT_KEYS: &[&str] = &["input", "columns", "add", "rename", "drop", "event-time", "watermark", "on-error"];

/// Reads a filter.
pub(super) fn read_filter(table: &Table<'_>) -> Result<NodeKind> {
    together! {
        _keys = table.check_keys(&["input", "where", "event-time", "watermark", "on-error"]);
        condition = table.string("where").and_then(|text| table.required("where", text));
        on_error = table.on_error();
    }
    Ok(NodeKind::Filter(FilterNode { condition, on_error }))
}

/// Reads a select: `columns` names all that goes out, `add`, `rename` and `drop` change what comes in.
pub(super) fn read_select(table: &Table<'_>) -> Result<NodeKind> {
    together! {
        _keys = table.check_keys(SELECT_KEYS);
        columns = selected(table);
        on_error = table.on_error();
    }
    Ok(NodeKind::Select(SelectNode { columns, on_error }))
}

fn selected(table: &Table<'_>) -> Result<SelectedColumns> {
    match listed(table)? {
        None => changed(table),
        Some(columns) => {
            if let Some((key, _)) =
                table.entries().iter().find(|(key, _)| ["add", "rename", "drop"].contains(&&*key.value))
            {
                let message = format!("columns lists all output columns, so {} cannot be used with it", key.value);
                let problem = Diagnostic::error(message, key.span.clone());
                return Err(problem.with_hint("leave columns out to keep the other columns of the input").into());
            }
            Ok(SelectedColumns::Listed(columns))
        }
    }
}

fn changed(table: &Table<'_>) -> Result<SelectedColumns> {
    together! {
        add = changes(table, "add");
        rename = changes(table, "rename");
        drop = table.strings("drop");
    }
    let drop = drop.unwrap_or_default();
    if add.is_empty() && rename.is_empty() && drop.is_empty() {
        // A misspelt key may be the missing one, and is reported already.
        if table.check_keys(SELECT_KEYS).is_err() {
            return Err(Problems::default());
        }
        let problem = Diagnostic::error(format!("{} selects nothing", table.described()), table.span.clone());
        let hint = "columns = { NAME = \"EXPRESSION\" } lists all output columns; add, rename and drop change those of the input";
        return Err(problem.with_hint(hint).into());
    }
    Ok(SelectedColumns::Changed { add, rename, drop })
}

/// As [`named`], of a table that may be missing.
fn changes(table: &Table<'_>, key: &str) -> Result<Vec<(Spanned<String>, Spanned<String>)>> {
    table.table(key)?.map_or_else(|| Ok(Vec::new()), |inner| named(&inner))
}
