//! The output columns of a window: `aggregates.NAME = "count"`, `{ avg = "column" }` or `{ component = "..", .. }`.

use std::path::Path;

use serde::Deserialize as _;
use serde::de::value::StrDeserializer;
use toml::Spanned as TomlSpanned;
use toml::de::DeValue;

use super::problems::{Problems, Result, together};
use super::table::Table;
use super::{limits, operator};
use crate::diagnostic::Diagnostic;
use crate::graph::{AggregateFunction, AggregateSpec, Quantile, Span, Spanned};

const COMPONENT_KEYS: &[&str] = &["component", "columns", "where", "config", "limits"];

/// Reads `aggregates`: the output columns in the file's order, at least one.
pub(super) fn read(table: &Table<'_>, base: &Path) -> Result<Vec<(Spanned<String>, AggregateSpec)>> {
    let entries = table.entries();
    if entries.is_empty() {
        let problem = Diagnostic::error("a window needs at least one aggregate", table.span.clone());
        return Err(problem.with_hint("for example aggregates.rows = \"count\"").into());
    }
    let one = |(name, value): (Spanned<String>, _)| {
        if name.value.is_empty() {
            let message = "an aggregate's name is a column's name, and cannot be empty";
            return Err(Problems::from(Diagnostic::error(message, name.span)));
        }
        let spec = spec(&format!("{}.{}", table.path, name.value), value, base)?;
        Ok((name, spec))
    };
    Problems::all(entries.into_iter().map(one))
}

fn spec<'t>(path: &str, value: &'t TomlSpanned<DeValue<'t>>, base: &Path) -> Result<AggregateSpec> {
    if let DeValue::String(word) = value.get_ref() {
        let refuse = |message: String| Diagnostic::error(message, Some(value.span()));
        return match AggregateFunction::NAMES.contains(&word.as_ref()) {
            true if word == AggregateFunction::Count.name() => {
                Ok(AggregateSpec::Builtin { function: AggregateFunction::Count, columns: Vec::new(), filter: None })
            }
            true => {
                let problem = refuse(format!("{word} needs a column"));
                Err(problem.with_hint(format!("write {{ {word} = \"COLUMN\"{} }}", more_keys(word).1)).into())
            }
            false => Err(unknown(word, Some(value.span())).into()),
        };
    }
    let table = Table::from_value(path.to_owned(), value)?;
    if table.get("component").is_some() {
        together! {
            _keys = table.check_keys(COMPONENT_KEYS);
            component = operator::component(&table, base);
            columns = table.strings("columns");
            filter = table.string("where");
            config = operator::config(&table);
            limits = limits::read(&table);
        }
        let columns = columns.unwrap_or_default();
        return Ok(AggregateSpec::Component { component, columns, filter, config, limits });
    }
    let entries = table.entries();
    let words: Vec<&str> = entries.iter().map(|(word, _)| word.value.as_str()).collect();
    let Some(word) = AggregateFunction::NAMES.into_iter().find(|name| words.contains(name)) else {
        if let Some((word, _)) = entries.iter().find(|(word, _)| meant(&word.value).is_some()) {
            return Err(unknown(&word.value, word.span.clone()).into());
        }
        let known: Vec<_> = AggregateFunction::NAMES.into_iter().chain(["component"]).collect();
        table.check_keys(&known)?;
        return Err(several(&table).into());
    };
    if words.iter().any(|other| *other != word && AggregateFunction::NAMES.contains(other)) {
        return Err(several(&table).into());
    }
    if let Some(value) = table.get("filter") {
        let problem = Diagnostic::error("the condition of an aggregate is called where", Some(value.span()));
        return Err(problem.with_hint(format!("{{ {word} = \"COLUMN\", where = \"CONDITION\" }}")).into());
    }
    let known: Vec<_> = more_keys(word).0.iter().copied().chain([word, "where"]).collect();
    let by = || match (more_keys(word).0.contains(&"by"), table.string("by")?) {
        (false, _) => Ok(None),
        (true, None) if word == "top" => Ok(None),
        (true, by) => table.required("by", by).map(Some),
    };
    together! {
        _keys = table.check_keys(&known);
        column = table.string(word).and_then(|column| table.required(word, column));
        function = function(word, &table);
        by = by();
        filter = table.string("where");
    }
    // As in SQL, a star stands for rows.
    let is_of_rows = function == AggregateFunction::Count && column.value == "*";
    let columns = std::iter::once(column).filter(|_| !is_of_rows).chain(by).collect();
    Ok(AggregateSpec::Builtin { function, columns, filter })
}

fn unknown(word: &str, span: Option<Span>) -> Diagnostic {
    let problem = Diagnostic::error(format!("there is no aggregate {word:?}"), span);
    match meant(word) {
        Some(name) => problem.with_hint(format!("did you mean {name:?}?")),
        None => problem.suggesting(word, "the aggregates are", AggregateFunction::NAMES.into_iter()),
    }
}

/// The aggregate that is called so elsewhere.
fn meant(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase().replace('_', "-");
    let bare = word.split('(').next().unwrap_or_default();
    let is_percentile = bare.strip_prefix('p').is_some_and(|digits| digits.parse::<u32>().is_ok());
    let other = match bare {
        "mean" | "average" => "avg",
        "percentile" | "median" | "approx-quantile" | "approx-percentile" => "quantile",
        "distinct" | "uniq" | "unique" => "count-distinct",
        "approx-distinct" | "hll" => "approx-count-distinct",
        "var" | "var-samp" => "variance",
        "every" | "all" => "bool-and",
        "some" | "any" => "bool-or",
        "concat" | "group-concat" | "listagg" | "join" => "string-agg",
        "topk" | "top-k" | "top-n" | "largest" => "top",
        "std" | "stdev" | "stddev-samp" => "stddev",
        "list" | "array-agg" | "group-array" => "collect",
        "minimum" => "min",
        "maximum" => "max",
        "earliest" => "first",
        "latest" => "last",
        bare => bare,
    };
    if is_percentile { Some("quantile") } else { AggregateFunction::NAMES.into_iter().find(|name| *name == other) }
}

/// What stands beside the column of an aggregate, and an example of it.
fn more_keys(word: &str) -> (&'static [&'static str], &'static str) {
    match word {
        "quantile" => (&["q", "error"], ", q = 0.95"),
        "arg-min" | "arg-max" => (&["by"], ", by = \"COLUMN\""),
        "string-agg" => (&["separator"], ", separator = \", \""),
        "top" => (&["n", "by"], ", n = 3"),
        _ => (&[], ""),
    }
}

fn several(table: &Table<'_>) -> Diagnostic {
    Diagnostic::error("an aggregate is one function of one column", table.span.clone())
        .with_hint("for example { avg = \"COLUMN\" }")
}

/// Values that one `top` keeps at most.
const TOP_MAX: u64 = 10_000;

fn function(word: &str, table: &Table<'_>) -> std::result::Result<AggregateFunction, Diagnostic> {
    if word == "string-agg" {
        let separator = table.string("separator")?.map_or_else(|| ",".to_owned(), |separator| separator.value);
        return Ok(AggregateFunction::StringAgg(separator.into()));
    }
    if word == "top" {
        let n = table.required("n", table.integer("n", 1..=TOP_MAX)?)?;
        return Ok(AggregateFunction::Top(n as u32));
    }
    // All others but the one that has options have nothing but a name.
    match AggregateFunction::deserialize(StrDeserializer::<serde::de::value::Error>::new(word)) {
        Ok(function) => Ok(function),
        Err(_) => {
            let q = table.required("q", table.number("q")?)?;
            let error = table.number("error")?.unwrap_or(Quantile::ERROR_DEFAULT);
            let quantile = Quantile::new(q, error).ok_or_else(|| {
                let message = "q is from 0 to 1, such as 0.95, and error from 0.001 to 0.1, with at most six digits after the point";
                // The one that is wrong.
                let key = if Quantile::new(q, Quantile::ERROR_DEFAULT).is_none() { "q" } else { "error" };
                Diagnostic::error(message, table.get(key).map(toml::Spanned::span).or_else(|| table.span.clone()))
            })?;
            Ok(AggregateFunction::Quantile(quantile))
        }
    }
}
