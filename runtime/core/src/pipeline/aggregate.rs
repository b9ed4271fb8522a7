//! The output columns of a window: `aggregates.NAME = "count"`, `{ avg = "column" }` or `{ component = "..", .. }`.

use std::path::Path;

use toml::Spanned as TomlSpanned;
use toml::de::DeValue;

use super::table::Table;
use super::{limits, operator};
use crate::diagnostic::Diagnostic;
use crate::graph::{AggregateFunction, AggregateSpec, Spanned};

const COMPONENT_KEYS: &[&str] = &["component", "columns", "config", "limits"];

/// Reads `aggregates`: the output columns in the file's order, at least one.
pub(super) fn read(table: &Table<'_>, base: &Path) -> Result<Vec<(Spanned<String>, AggregateSpec)>, Diagnostic> {
    let entries = table.entries();
    if entries.is_empty() {
        return Err(Diagnostic::error("a window needs at least one aggregate", table.span.clone())
            .with_hint("for example aggregates.rows = \"count\""));
    }
    let one = |(name, value): (Spanned<String>, _)| {
        if name.value.is_empty() {
            return Err(Diagnostic::error("an aggregate's name is a column's name, and cannot be empty", name.span));
        }
        let spec = spec(&format!("{}.{}", table.path, name.value), value, base)?;
        Ok((name, spec))
    };
    entries.into_iter().map(one).collect()
}

fn spec<'t>(path: &str, value: &'t TomlSpanned<DeValue<'t>>, base: &Path) -> Result<AggregateSpec, Diagnostic> {
    if let DeValue::String(word) = value.get_ref() {
        let refuse = |message: String| Diagnostic::error(message, Some(value.span()));
        return match function(word) {
            Some(AggregateFunction::Count) => {
                Ok(AggregateSpec::Builtin { function: AggregateFunction::Count, column: None })
            }
            Some(_) => {
                let problem = refuse(format!("{word} is computed of a column"));
                Err(problem.with_hint(format!("write {{ {word} = \"COLUMN\" }}")))
            }
            None => Err(refuse(format!("there is no aggregate {word:?}")).suggesting(word, function_names())),
        };
    }
    let table = Table::from_value(path.to_owned(), value)?;
    if table.get("component").is_some() {
        table.check_keys(COMPONENT_KEYS)?;
        return Ok(AggregateSpec::Component {
            component: operator::component(&table, base)?,
            columns: table.strings("columns")?.unwrap_or_default(),
            config: operator::config(&table)?,
            limits: limits::read(&table)?,
        });
    }
    let known: Vec<_> = function_names().chain(["component"]).collect();
    table.check_keys(&known)?;
    match table.entries().as_slice() {
        [(word, _)] => {
            let column = table.required(&word.value, table.string(&word.value)?)?;
            let function = function(&word.value).ok_or_else(|| several(&table))?;
            Ok(AggregateSpec::Builtin { function, column: Some(column) })
        }
        _ => Err(several(&table)),
    }
}

fn several(table: &Table<'_>) -> Diagnostic {
    Diagnostic::error("an aggregate is one function of one column", table.span.clone())
        .with_hint("for example { avg = \"COLUMN\" }")
}

fn function(word: &str) -> Option<AggregateFunction> {
    AggregateFunction::ALL.into_iter().find(|function| function.name() == word)
}

fn function_names() -> impl Iterator<Item = &'static str> {
    AggregateFunction::ALL.into_iter().map(AggregateFunction::name)
}
