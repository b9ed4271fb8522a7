//! `[filters.NAME]` and `[selects.NAME]`: expressions as text, with their places. It parses none of them.

use toml::de::DeValue;

use super::table::Table;
use crate::diagnostic::Diagnostic;
use crate::graph::{FilterNode, NodeKind, SelectNode, SelectedColumns, Spanned};

const SELECT_KEYS: &[&str] = &["input", "columns", "add", "rename", "drop", "event-time", "watermark", "on-error"];

/// Names and texts, in the file's order.
type Named = Vec<(Spanned<String>, Spanned<String>)>;

/// Reads a filter.
pub(super) fn read_filter(table: &Table<'_>) -> Result<NodeKind, Diagnostic> {
    table.check_keys(&["input", "where", "event-time", "watermark", "on-error"])?;
    Ok(NodeKind::Filter(FilterNode {
        condition: table.required("where", table.string("where")?)?,
        on_error: table.on_error()?,
    }))
}

/// Reads a select: `columns` names all that goes out, `add`, `rename` and `drop` change what comes in.
pub(super) fn read_select(table: &Table<'_>) -> Result<NodeKind, Diagnostic> {
    table.check_keys(SELECT_KEYS)?;
    let columns = match table.get("columns") {
        None => changed(table)?,
        Some(columns) => {
            if let Some((key, _)) =
                table.entries().iter().find(|(key, _)| ["add", "rename", "drop"].contains(&&*key.value))
            {
                let message = format!("columns lists all output columns, so {} cannot be used with it", key.value);
                return Err(Diagnostic::error(message, key.span.clone())
                    .with_hint("leave columns out to keep the other columns of the input"));
            }
            let (count, selected) = match columns.get_ref() {
                DeValue::Array(_) => {
                    let names = table.strings("columns")?.unwrap_or_default();
                    (names.len(), SelectedColumns::Listed(names))
                }
                _ => {
                    let columns = named(table, "columns")?;
                    (columns.len(), SelectedColumns::Computed(columns))
                }
            };
            if count == 0 {
                return Err(Diagnostic::error("columns names no column", Some(columns.span())));
            }
            selected
        }
    };
    Ok(NodeKind::Select(SelectNode { columns, on_error: table.on_error()? }))
}

fn changed(table: &Table<'_>) -> Result<SelectedColumns, Diagnostic> {
    let (add, rename) = (named(table, "add")?, named(table, "rename")?);
    let drop = table.strings("drop")?.unwrap_or_default();
    if add.is_empty() && rename.is_empty() && drop.is_empty() {
        return Err(Diagnostic::error(format!("{} selects nothing", table.described()), table.span.clone())
            .with_hint("columns = { NAME = \"EXPRESSION\" } lists all output columns; add, rename and drop change those of the input"));
    }
    Ok(SelectedColumns::Changed { add, rename, drop })
}

fn named(table: &Table<'_>, key: &str) -> Result<Named, Diagnostic> {
    let Some(inner) = table.table(key)? else { return Ok(Vec::new()) };
    let one = |(name, _): (Spanned<String>, _)| {
        if name.value.is_empty() {
            return Err(Diagnostic::error("the name of a column cannot be empty", name.span));
        }
        let text = inner.required(&name.value, inner.string(&name.value)?)?;
        Ok((name, text))
    };
    inner.entries().into_iter().map(one).collect()
}
