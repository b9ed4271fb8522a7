//! `window = { .. }`: which windows a row belongs to. Knows nothing of when they fire.

use arrow::datatypes::TimeUnit;
use toml::de::DeValue;

use super::problems::{Result, together};
use super::table::Table;
use crate::diagnostic::Diagnostic;
use crate::graph::{GapColumn, Spanned};
use crate::window::{CalendarUnit, CalendarWindow, WindowAssigner, Zone};

/// The keys that say which kind of window it is.
const KINDS: [&str; 8] = ["tumbling", "sliding", "session", "cumulating", "global", "rows", "instant", "each-row"];
const KEYS: &[&str] = &[
    "tumbling",
    "sliding",
    "session",
    "cumulating",
    "global",
    "rows",
    "instant",
    "each-row",
    "slide",
    "offset",
    "zone",
    "step",
    "slide-rows",
    "touching",
];
const FORMS: &str = "{ tumbling = \"1h\" }, { sliding = \"3h\", slide = \"1h\" }, { session = \"30m\" }, \
                     { cumulating = \"1d\", step = \"1h\" }, { rows = 100 }, { global = true }, { instant = true } or \
                     { each-row = \"5m\" }";
/// Rows of a window of rows at most: more would never be full.
const ROWS_MAX: u64 = 1 << 40;
/// Days, weeks or months of a calendar window at most.
const CALENDAR_MAX: u64 = 100_000;

/// A window as the file says it.
pub(super) struct WindowKind {
    pub(super) window: WindowAssigner,
    pub(super) gap: Option<GapColumn>,
    /// Of windows of rows.
    pub(super) rows: Option<WindowOfRows>,
}

/// A window of so many rows, every so many.
pub(super) struct WindowOfRows {
    pub(super) rows: u64,
    /// `None`: one after the other.
    pub(super) slide: Option<u64>,
}

impl From<WindowAssigner> for WindowKind {
    fn from(window: WindowAssigner) -> Self {
        Self { window, gap: None, rows: None }
    }
}

/// Reads a window.
pub(super) fn read(table: &Table<'_>) -> Result<WindowKind> {
    table.check_keys(KEYS)?;
    let refuse = |message: &str| Diagnostic::error(message, table.span.clone());
    let kinds: Vec<&str> = KINDS.into_iter().filter(|kind| table.get(kind).is_some()).collect();
    let [kind] = kinds.as_slice() else {
        if table.get("slide").is_some() && kinds.is_empty() {
            return Err(refuse("slide belongs to a sliding window").with_hint(format!("a window is {FORMS}")).into());
        }
        return Err(refuse(&format!("a window is one of {FORMS}")).into());
    };
    let of_kind = |key: &str| match key {
        "slide" => *kind == "sliding",
        "offset" => ["tumbling", "sliding", "cumulating"].contains(kind),
        "zone" => *kind == "tumbling",
        "step" => *kind == "cumulating",
        "slide-rows" => *kind == "rows",
        "touching" => *kind == "session",
        _ => true,
    };
    if let Some((key, _)) = table.entries().into_iter().find(|(key, _)| !of_kind(&key.value)) {
        let (message, hint) = match (key.value.as_str(), *kind) {
            ("slide", "tumbling") => {
                ("slide belongs to a sliding window".to_owned(), Some("did you mean sliding instead of tumbling?"))
            }
            (_, "session") => ("a session window has a gap only, no slide and no offset".to_owned(), None),
            (key, kind) => (format!("a window that is {kind} has no {key}"), None),
        };
        let problem = refuse(&message);
        return Err(hint.map_or(problem.clone(), |hint| problem.with_hint(hint)).into());
    }
    let kind: WindowKind = match *kind {
        "tumbling" => tumbling(table)?.into(),
        "sliding" => {
            together! {
                offset = table.signed_duration_us("offset");
                slide = table.duration_us("slide");
                size = table.duration_us("sliding");
            }
            let slide = slide
                .ok_or_else(|| refuse("a sliding window needs how far it slides").with_hint("add slide = \"..\""))?;
            WindowAssigner::Sliding { size: size.unwrap_or_default(), slide, offset: offset.unwrap_or(0) }.into()
        }
        "session" => session(table)?,
        "cumulating" => {
            together! {
                offset = table.signed_duration_us("offset");
                step = table.duration_us("step");
                size = table.duration_us("cumulating");
            }
            let step =
                step.ok_or_else(|| refuse("a cumulating window needs its step").with_hint("add step = \"..\""))?;
            let (size, offset) = (size.unwrap_or_default(), offset.unwrap_or(0));
            WindowAssigner::Cumulating { size, step, offset }.into()
        }
        "rows" => {
            together! {
                rows = table.integer("rows", 1..=ROWS_MAX);
                slide = table.integer("slide-rows", 1..=ROWS_MAX);
            }
            let rows = Some(WindowOfRows { rows: rows.unwrap_or(1), slide });
            WindowKind { window: WindowAssigner::Global, gap: None, rows }
        }
        "each-row" => WindowAssigner::PerRow { length: table.duration_us("each-row")?.unwrap_or_default() }.into(),
        flag => {
            if table.boolean(flag)? != Some(true) {
                return Err(refuse(&format!("{flag} can only be true")).into());
            }
            if flag == "global" { WindowAssigner::Global.into() } else { WindowAssigner::Instant.into() }
        }
    };
    kind.window.check().map_err(|error| refuse(&error.to_string()))?;
    Ok(kind)
}

/// `"1h"`; or days, weeks, months or years of a time zone.
fn tumbling(table: &Table<'_>) -> Result<WindowAssigner> {
    together! {
        offset = table.signed_duration_us("offset");
        text = table.string("tumbling");
        zone = table.string("zone");
    }
    let calendar = text.as_ref().and_then(|text| calendar(&text.value));
    match (calendar, zone) {
        (Some((unit, every)), zone) if zone.is_some() || unit == CalendarUnit::Months => {
            if offset.is_some() {
                let message = "a window of the calendar has no offset: its zone says when it begins";
                return Err(Diagnostic::error(message, table.span.clone()).into());
            }
            let every = u32::try_from(every).ok().filter(|every| u64::from(*every) <= CALENDAR_MAX);
            let zone = zone.unwrap_or_else(|| Spanned { value: "UTC".to_owned(), span: table.span.clone() });
            let found = Zone::named(&zone.value).ok_or_else(|| {
                let message = format!("there is no time zone {:?}", zone.value);
                Diagnostic::error(message, zone.span.clone()).with_hint("zones are named as in \"Europe/Berlin\"")
            })?;
            let Some(every) = every.filter(|every| *every > 0) else {
                let message = format!("a window of the calendar has 1 to {CALENDAR_MAX} days, weeks, months or years");
                return Err(Diagnostic::error(message, table.span.clone()).into());
            };
            Ok(WindowAssigner::Calendar(CalendarWindow { unit, every, zone: found }))
        }
        (None, Some(zone)) => {
            let message = "only days, weeks, months and years depend on a time zone";
            let problem = Diagnostic::error(message, zone.span);
            Err(problem.with_hint("write for example tumbling = \"1 day\", or leave zone out").into())
        }
        (_, _) => {
            let size = table.duration_us("tumbling")?.unwrap_or_default();
            Ok(WindowAssigner::Tumbling { size, offset: offset.unwrap_or(0) })
        }
    }
}

/// A number and a unit of the calendar: what is counted, and how many.
fn calendar(text: &str) -> Option<(CalendarUnit, u64)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    match unit.trim() {
        "d" | "day" | "days" => Some((CalendarUnit::Days, number)),
        "w" | "week" | "weeks" => Some((CalendarUnit::Weeks, number)),
        "M" | "month" | "months" => Some((CalendarUnit::Months, number)),
        "y" | "year" | "years" => Some((CalendarUnit::Months, number.checked_mul(12)?)),
        _ => None,
    }
}

/// `"30m"`, or `{ column = "gap", unit = "s" }`.
fn session(table: &Table<'_>) -> Result<WindowKind> {
    let apart = table.choice("touching", &[("merge", false), ("apart", true)])?.unwrap_or(false);
    let is_table = table.get("session").is_some_and(|value| matches!(value.get_ref(), DeValue::Table(_)));
    if !is_table {
        let gap = table.duration_us("session")?.unwrap_or_default();
        return Ok(if apart { WindowAssigner::ApartSession { gap } } else { WindowAssigner::Session { gap } }.into());
    }
    if apart {
        let message = "sessions whose gap each row says merge if they touch";
        return Err(Diagnostic::error(message, table.span.clone()).into());
    }
    let of = table.required("session", table.table("session")?)?;
    let units = [("s", TimeUnit::Second), ("ms", TimeUnit::Millisecond), ("us", TimeUnit::Microsecond)];
    together! {
        _keys = of.check_keys(&["column", "unit"]);
        unit = of.choice("unit", &units);
        column = of.string("column").and_then(|column| of.required("column", column));
    }
    let gap = Some(GapColumn { column, unit: unit.unwrap_or(TimeUnit::Millisecond) });
    Ok(WindowKind { window: WindowAssigner::RowSession, gap, rows: None })
}
