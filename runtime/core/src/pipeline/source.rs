//! `[sources.NAME]`: the keys that every source has. The others are its connector's.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::TimeUnit;
use toml::de::DeValue;

use super::problems::{Result, together};
use super::table::Table;
use crate::diagnostic::Diagnostic;
use crate::graph::{EventTimeColumn, EventTimeForm, NodeKind, Options, SourceNode, Spanned, StepEventTime};
use crate::time::WatermarkStrategy;

const COMMON: &[&str] = &["connector", "event-time", "watermark", "future-max", "on-error"];

/// Reads a source. `path` is where its table is in `text`.
pub(super) fn read(table: &Table<'_>, path: Vec<String>, text: &Arc<str>, base: &Path) -> Result<NodeKind> {
    together! {
        connector = table.string("connector").and_then(|name| table.required("connector", name));
        event_time = event_time(table);
        watermark = watermark(table);
        future_max_us = table.duration_us("future-max");
        on_error = table.on_error();
    }
    if let (None, Some(value)) = (&event_time, table.get("future-max")) {
        let problem = Diagnostic::error("future-max needs an event time, which is not set here", Some(value.span()));
        return Err(problem.with_hint("set `event-time = \"COLUMN\"` too").into());
    }
    if let (None, Some(value)) = (&event_time, &watermark.punctuation) {
        let problem =
            Diagnostic::error("a column of watermarks needs an event time, which is not set here", value.span.clone());
        return Err(problem.with_hint("set `event-time = \"COLUMN\"` too").into());
    }
    if let (Watermark { strategy, max_drift_us: Some(_), .. }, Some(value)) = (&watermark, table.get("watermark"))
        && (event_time.is_none() || strategy.is_none())
    {
        let message = "max-drift needs event-time and, beside it, monotonic, bounded-out-of-orderness or column: without them there is no \
                       watermark before the end, or another step sets it";
        return Err(Diagnostic::error(message, Some(value.span())).into());
    }
    let Watermark { strategy: watermark, punctuation, idle_after_us, max_drift_us } = watermark;
    Ok(NodeKind::Source(SourceNode {
        connector,
        options: Options::new(Arc::clone(text), path, COMMON, base.to_path_buf()),
        event_time,
        watermark,
        punctuation,
        idle_after_ms: idle_after_us.map(milliseconds),
        max_drift_us,
        future_max_us,
        on_error,
        reads_after_end: false,
        splits: None,
    }))
}

/// `event-time` and `watermark` of a step that is no source.
pub(super) fn step_event_time(table: &Table<'_>) -> Result<Option<StepEventTime>> {
    together! {
        event_time = event_time(table);
        watermark = watermark(table);
    }
    let only_source = match &watermark {
        Watermark { punctuation: Some(column), .. } => Some(("column", column.span.clone())),
        Watermark { max_drift_us: Some(_), .. } => Some(("max-drift", table.get("watermark").map(toml::Spanned::span))),
        _ => None,
    };
    if let Some((key, span)) = only_source {
        let problem = Diagnostic::error(format!("{key} can be set only in the watermark of a source"), span);
        return Err(problem.into());
    }
    let Watermark { strategy: watermark, idle_after_us, .. } = watermark;
    match (event_time, table.get("watermark")) {
        (None, Some(value)) => {
            let message = "watermark needs an event time, which is not set here";
            let problem = Diagnostic::error(message, Some(value.span()));
            Err(problem.with_hint("set `event-time = \"COLUMN\"` too, or set the watermark of the source").into())
        }
        (None, None) => Ok(None),
        (Some(column), _) => {
            Ok(Some(StepEventTime { column, watermark, idle_after_ms: idle_after_us.map(milliseconds) }))
        }
    }
}

fn milliseconds(us: i64) -> u64 {
    us.unsigned_abs().div_ceil(1000)
}

/// `"COLUMN"`, `{ column = "COLUMN", unit = "s" }` or `{ column = "COLUMN", format = "%d/%b/%Y" }`.
fn event_time(source: &Table<'_>) -> Result<Option<EventTimeColumn>> {
    let Some(value) = source.get("event-time") else { return Ok(None) };
    if !matches!(value.get_ref(), DeValue::Table(_)) {
        let column = source.string("event-time")?;
        return Ok(column.map(|column| EventTimeColumn { column, form: EventTimeForm::Typed }));
    }
    let table = Table::from_value(format!("{}.event-time", source.path), value)?;
    let units = [
        ("s", TimeUnit::Second),
        ("ms", TimeUnit::Millisecond),
        ("us", TimeUnit::Microsecond),
        ("ns", TimeUnit::Nanosecond),
    ];
    together! {
        _keys = table.check_keys(&["column", "unit", "format"]);
        unit = table.choice("unit", &units);
        format = table.string("format");
        column = table.string("column").and_then(|name| table.required("column", name));
    }
    let form = match (unit, format) {
        (None, None) => EventTimeForm::Typed,
        (Some(unit), None) => EventTimeForm::Count(unit),
        (None, Some(format)) => EventTimeForm::Text(format.value),
        (Some(_), Some(format)) => {
            let message = "a column of numbers needs a unit, and a column of text a format: give one of them";
            return Err(Diagnostic::error(message, format.span).into());
        }
    };
    Ok(Some(EventTimeColumn { column, form }))
}

/// What `watermark` says.
#[derive(Default)]
struct Watermark {
    /// `None`: none is named.
    strategy: Option<WatermarkStrategy>,
    /// The column of watermarks, if that is the strategy.
    punctuation: Option<Spanned<String>>,
    idle_after_us: Option<i64>,
    max_drift_us: Option<i64>,
}

/// `"monotonic"`, `"at-end"`, or a table: `monotonic = true`, `bounded-out-of-orderness = ".."` or `column = ".."`, with `idle-after = ".."` and
/// `max-drift = ".."`.
fn watermark(source: &Table<'_>) -> Result<Watermark> {
    let Some(value) = source.get("watermark") else { return Ok(Watermark::default()) };
    if let DeValue::String(_) = value.get_ref() {
        let names = [("monotonic", WatermarkStrategy::Monotonic), ("at-end", WatermarkStrategy::AtEnd)];
        let strategy = source.choice("watermark", &names).map_err(|problem| {
            let bounded = "or { bounded-out-of-orderness = \"10s\" }, or { column = \"COLUMN\" }";
            let hint = problem.hint.as_ref().map_or_else(|| bounded.to_owned(), |near| format!("{near} {bounded}"));
            problem.with_hint(hint)
        })?;
        return Ok(Watermark { strategy, ..Watermark::default() });
    }
    let table = Table::from_value(format!("{}.watermark", source.path), value)?;
    together! {
        _keys = table.check_keys(&["monotonic", "bounded-out-of-orderness", "column", "idle-after", "max-drift"]);
        delay_us = table.duration_us("bounded-out-of-orderness");
        punctuation = table.string("column");
        idle_after_us = table.duration_us("idle-after");
        max_drift_us = table.duration_us("max-drift");
    }
    let strategy = match (table.get("monotonic"), delay_us, &punctuation) {
        (Some(flag), None, None) if matches!(flag.get_ref(), DeValue::Boolean(true)) => {
            Some(WatermarkStrategy::Monotonic)
        }
        (None, Some(delay_us), None) => Some(WatermarkStrategy::BoundedOutOfOrderness(delay_us)),
        (None, None, Some(_)) => Some(WatermarkStrategy::Punctuated),
        // Idleness alone: the strategy is the default one.
        (None, None, None) => None,
        (None, Some(_), Some(column)) => {
            let message = "column cannot be used with bounded-out-of-orderness";
            return Err(Diagnostic::error(message, column.span.clone()).into());
        }
        (Some(flag), ..) => {
            let message = "monotonic can only be true, and cannot be used with bounded-out-of-orderness or column";
            return Err(Diagnostic::error(message, Some(flag.span())).into());
        }
    };
    if let (Some(0), Some(value)) = (max_drift_us, table.get("max-drift")) {
        return Err(Diagnostic::error("max-drift must be longer than zero", Some(value.span())).into());
    }
    match (idle_after_us, table.get("idle-after")) {
        (Some(0), Some(value)) => {
            Err(Diagnostic::error("idle-after must be longer than zero", Some(value.span())).into())
        }
        _ => Ok(Watermark { strategy, punctuation, idle_after_us, max_drift_us }),
    }
}
