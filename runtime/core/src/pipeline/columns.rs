//! `columns` of a select or a sink: names of columns, and columns with names of their own. Which columns there are is the engine's to check.

use toml::de::DeValue;

use super::problems::{Problems, Result};
use super::table::{Table, wrong_type};
use crate::diagnostic::Diagnostic;
use crate::graph::{ListedColumn, Spanned};

/// `["path", "latency.p95", { NEW = "latency.p99" }]`, or a table as the only item: `{ NEW = "latency.p99" }`. `None`: the key is not there.
pub(super) fn listed(table: &Table<'_>) -> Result<Option<Vec<ListedColumn>>> {
    const WANTED: &str = "a list of columns, such as [\"a\", { NEW = \"b\" }]";
    let Some(value) = table.get("columns") else { return Ok(None) };
    let path = format!("{}.columns", table.path);
    let items = match value.get_ref() {
        DeValue::Array(items) => items.iter().collect::<Vec<_>>(),
        _ => vec![value],
    };
    let is_list = matches!(value.get_ref(), DeValue::Array(_));
    let of_item = |item: &&toml::Spanned<DeValue<'_>>| match item.get_ref() {
        DeValue::String(text) if is_list => {
            let of = Spanned { value: text.to_string(), span: Some(item.span()) };
            Ok(vec![ListedColumn { name: None, of }])
        }
        DeValue::Table(_) => {
            let named = named(&Table::from_value(path.clone(), item)?)?.into_iter();
            Ok(named.map(|(name, of)| ListedColumn { name: Some(name), of }).collect())
        }
        other => Err(Problems::from(wrong_type(&path, WANTED, other, item.span()))),
    };
    let columns: Vec<ListedColumn> = Problems::all(items.iter().map(of_item))?.into_iter().flatten().collect();
    match columns.is_empty() {
        true => {
            let problem = Diagnostic::error("columns names no column", Some(value.span()));
            Err(problem.with_hint("name at least one").into())
        }
        false => Ok(Some(columns)),
    }
}

/// Names of columns and a text for each, in the file's order.
pub(super) fn named(table: &Table<'_>) -> Result<Vec<(Spanned<String>, Spanned<String>)>> {
    let one = |(name, _): (Spanned<String>, _)| {
        if name.value.is_empty() {
            return Err(Diagnostic::error("the name of a column cannot be empty", name.span));
        }
        let text = table.required(&name.value, table.string(&name.value)?)?;
        Ok((name, text))
    };
    Problems::all(table.entries().into_iter().map(one))
}
