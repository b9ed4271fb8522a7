//! What a window does beyond one result at its end: `time`, `trigger`, `emit`, `mode`, `evict`, `suppress`, `pane` and `result-time`
//! of `[windows.NAME]`. Knows no columns of the rows.

use toml::de::DeValue;

use super::problems::{Result, together};
use super::table::Table;
use super::window_kind::WindowOfRows;
use crate::diagnostic::Diagnostic;
use crate::graph::Spanned;
use crate::window::{
    Changes, Evict, Evictor, Firing, Look, PaneColumns, ResultTime, Suppress, TimeOf, Trigger, WindowAssigner,
    WindowClock, WindowRules,
};

/// Rows that a firing, an evictor or a suppression may count at most.
const ROWS: std::ops::RangeInclusive<u64> = 1..=1 << 40;

/// What a firing does to what is in the window, and to the results before it.
#[derive(Clone, Copy)]
enum Mode {
    Accumulating,
    Discarding,
    Retracting,
    Upsert,
}

/// Which results there are, in a word.
#[derive(Clone, Copy, PartialEq)]
enum Emit {
    End,
    Close,
    Update,
    Complete,
}

/// Reads the rules of a window, and the column that an evictor compares; no rules, if none is other than usual.
pub(super) fn read(
    table: &Table<'_>,
    window: WindowAssigner,
    rows: Option<&WindowOfRows>,
    lateness_us: Option<i64>,
) -> Result<(Option<WindowRules>, Option<Spanned<String>>)> {
    let clocks =
        [("event", WindowClock::Event), ("processing", WindowClock::Processing), ("stream", WindowClock::Stream)];
    let emits = [("end", Emit::End), ("close", Emit::Close), ("update", Emit::Update), ("complete", Emit::Complete)];
    let modes = [
        ("accumulating", Mode::Accumulating),
        ("discarding", Mode::Discarding),
        ("retracting", Mode::Retracting),
        ("upsert", Mode::Upsert),
    ];
    let times = [("end", ResultTime::End), ("latest", ResultTime::Latest), ("earliest", ResultTime::Earliest)];
    together! {
        clock = table.choice("time", &clocks);
        emit = table.choice("emit", &emits);
        mode = table.choice("mode", &modes);
        result_time = table.choice("result-time", &times);
        trigger = trigger(table);
        evict = evict(table);
        suppress = suppress(table);
        pane = pane(table);
    }
    let refuse = |key: &str, message: &str| {
        let span = table.get(key).map(|value| value.span()).or_else(|| table.span.clone());
        Err(Diagnostic::error(message, span).into())
    };
    let clock = clock.unwrap_or_default();
    let (mut evictor, delta) = evict.unzip();
    let is_updating = matches!(emit, Some(Emit::Update | Emit::Complete));
    let mut mode = mode.unwrap_or(if is_updating { Mode::Upsert } else { Mode::Accumulating });
    let mut trigger = match (trigger, emit) {
        (Some(_), Some(_)) => {
            return refuse("emit", "emit says when windows fire, and so does trigger: give one of them");
        }
        (Some(trigger), None) => trigger,
        (None, None | Some(Emit::End)) => Trigger::default(),
        (None, Some(Emit::Close)) => Trigger::on_close(),
        (None, Some(Emit::Update)) => Trigger { look: Look::Batch, ..Trigger::each(Firing::Rows(1)) },
        (None, Some(Emit::Complete)) => Trigger { look: Look::All, ..Trigger::each(Firing::Rows(1)) },
    };
    if let Some(WindowOfRows { rows, slide }) = rows {
        for key in ["trigger", "emit", "mode", "evict"] {
            if table.get(key).is_some() {
                let message = format!("a window of rows fires when it has them, so it has no {key}");
                return refuse(key, &message);
            }
        }
        trigger = Trigger::each(Firing::Rows(slide.unwrap_or(*rows)));
        match slide {
            None => mode = Mode::Discarding,
            Some(_) => evictor = Some(Evictor { evict: Evict::Rows(*rows), after: false }),
        }
    }
    let lateness_us = lateness_us.unwrap_or(0);
    if clock == WindowClock::Processing {
        if lateness_us > 0 {
            return refuse("allowed-lateness", "no row is late in processing time");
        }
        let goes_by_event = |firing: &Option<Firing>| {
            matches!(firing, Some(Firing::Every { of: TimeOf::Event, .. } | Firing::Delay { of: TimeOf::Event, .. }))
        };
        if goes_by_event(&trigger.early) || goes_by_event(&trigger.late) {
            return refuse("trigger", "windows of processing time fire by processing time: add of = \"processing\"");
        }
    }
    if trigger.at_end && trigger.late.is_none() && lateness_us > 0 {
        return refuse("allowed-lateness", "late = \"none\" closes a window at its end, so it takes no late rows");
    }
    if matches!(window, WindowAssigner::PerRow { .. }) && (evictor.is_some() || clock == WindowClock::Processing) {
        return refuse("window", "windows of each row lie in event or stream time, and have no evictor");
    }
    if suppress.is_some() && matches!(mode, Mode::Discarding) {
        return refuse("suppress", "what waits takes the place of what waited, so a window must not forget its rows");
    }
    let rules = WindowRules {
        clock,
        trigger,
        discarding: matches!(mode, Mode::Discarding),
        changes: match mode {
            Mode::Accumulating | Mode::Discarding => Changes::None,
            Mode::Retracting => Changes::Retract,
            Mode::Upsert => Changes::Upsert,
        },
        evictor,
        suppress,
        pane: pane.unwrap_or_default(),
        result_time: result_time.unwrap_or_default(),
    };
    let is_usual = rules == WindowRules::default();
    Ok(((!is_usual).then_some(rules), delta.flatten()))
}

/// `trigger = { early = { every = "10s" }, late = { rows = 1 } }`, or `{ each = { rows = 100 } }`.
fn trigger(table: &Table<'_>) -> Result<Option<Trigger>> {
    let Some(of) = table.table("trigger")? else { return Ok(None) };
    let keys = ["early", "late", "each", "at-end", "at-end-if-empty", "at-close", "once", "look"];
    together! {
        _keys = of.check_keys(&keys);
        early = firing(&of, "early");
        late = firing(&of, "late");
        each = firing(&of, "each");
        at_end = of.boolean("at-end");
        if_empty = of.boolean("at-end-if-empty");
        at_close = of.boolean("at-close");
        once = of.boolean("once");
        look = of.choice("look", &[("row", Look::Row), ("batch", Look::Batch)]);
    }
    let usual = Trigger::default();
    let refuse = |key: &str, message: &str| {
        Diagnostic::error(message, of.get(key).map(|value| value.span()).or_else(|| of.span.clone()))
    };
    let mut trigger = match each {
        Some(_) if early.is_some() || late.is_some() || at_end.is_some() => {
            return Err(refuse("each", "each is early and late, without a firing at the end: leave those out").into());
        }
        Some(Some(each)) => Trigger::each(each),
        Some(None) => return Err(refuse("each", "a window that never fires has no results").into()),
        None => {
            let at_end = at_end.unwrap_or(true);
            let early = early.flatten();
            Trigger { at_end, early, late: late.unwrap_or(if at_end { usual.late } else { early }), ..usual }
        }
    };
    trigger.at_end_if_empty = if_empty.unwrap_or(false);
    trigger.at_close = at_close.unwrap_or(false);
    trigger.once = once.unwrap_or(false);
    trigger.look = look.unwrap_or_default();
    if !trigger.at_end && trigger.early.is_none() && !trigger.at_close {
        return Err(refuse("at-end", "a window that never fires has no results").into());
    }
    if !trigger.at_end && trigger.late != trigger.early {
        return Err(refuse("late", "without a firing at the end there is no late one: give each, or early").into());
    }
    if trigger.at_end_if_empty && !trigger.at_end {
        return Err(refuse("at-end-if-empty", "it does not fire at its end").into());
    }
    Ok(Some(trigger))
}

/// `{ rows = 100 }`, `{ every = "10s", of = "processing" }`, `{ after = "10s" }` or `"none"`. Outer `None`: nothing is said.
fn firing(table: &Table<'_>, key: &str) -> Result<Option<Option<Firing>>> {
    let Some(value) = table.get(key) else { return Ok(None) };
    if let DeValue::String(_) = value.get_ref() {
        return Ok(table.choice(key, &[("none", ())])?.map(|()| None));
    }
    let of = Table::from_value(format!("{}.{key}", table.path), value)?;
    together! {
        _keys = of.check_keys(&["rows", "every", "after", "of", "unchanged"]);
        rows = of.integer("rows", ROWS);
        every = of.duration_us("every");
        after = of.duration_us("after");
        time = of.choice("of", &[("event", TimeOf::Event), ("processing", TimeOf::Processing)]);
        unchanged = of.boolean("unchanged");
    }
    let refuse = |message: &str| Diagnostic::error(message, Some(value.span()));
    let by = time.unwrap_or(TimeOf::Processing);
    let firing = match (rows, every, after) {
        (Some(rows), None, None) if time.is_none() => Firing::Rows(rows),
        (None, Some(us), None) if us > 0 => {
            return Ok(Some(Some(Firing::Every { us, of: by, unchanged: unchanged.unwrap_or(false) })));
        }
        (None, None, Some(us)) => Firing::Delay { us, of: by },
        (None, Some(_), None) => return Err(refuse("every must be longer than zero").into()),
        (Some(_), None, None) => return Err(refuse("a number of rows is of no time").into()),
        _ => {
            let message = "a firing is one of { rows = 100 }, { every = \"10s\" }, { after = \"10s\" } or \"none\"";
            return Err(refuse(message).into());
        }
    };
    if unchanged.is_some() {
        return Err(refuse("only what fires every so often can fire unchanged").into());
    }
    Ok(Some(Some(firing)))
}

/// `{ rows = 100 }`, `{ within = "10s" }` or `{ column = "price", delta = 5 }`, each with `when = "after"`.
fn evict(table: &Table<'_>) -> Result<Option<(Evictor, Option<Spanned<String>>)>> {
    let Some(of) = table.table("evict")? else { return Ok(None) };
    together! {
        _keys = of.check_keys(&["rows", "within", "column", "delta", "when"]);
        rows = of.integer("rows", ROWS);
        within = of.duration_us("within");
        column = of.string("column");
        delta = of.integer("delta", 0..=i64::MAX as u64);
        after = of.choice("when", &[("before", false), ("after", true)]);
    }
    let after = after.unwrap_or(false);
    let (evict, column) = match (rows, within, column, delta) {
        (Some(rows), None, None, None) => (Evict::Rows(rows), None),
        (None, Some(us), None, None) => (Evict::Time(us), None),
        (None, None, Some(column), Some(delta)) => {
            (Evict::Delta(i64::try_from(delta).unwrap_or(i64::MAX)), Some(column))
        }
        _ => {
            let message =
                "what stays in a window is { rows = 100 }, { within = \"10s\" } or { column = \"price\", delta = 5 }";
            return Err(Diagnostic::error(message, of.span.clone().or_else(|| table.span.clone())).into());
        }
    };
    Ok(Some((Evictor { evict, after }, column)))
}

/// `{ for = "10s", rows = 1000 }`
fn suppress(table: &Table<'_>) -> Result<Option<Suppress>> {
    let Some(of) = table.table("suppress")? else { return Ok(None) };
    together! {
        _keys = of.check_keys(&["for", "rows"]);
        wait_us = of.duration_us("for");
        rows_max = of.integer("rows", ROWS);
    }
    if wait_us.is_none() && rows_max.is_none() {
        let message = "updates wait for a time, or until there are too many: give for or rows";
        return Err(Diagnostic::error(message, of.span).into());
    }
    Ok(Some(Suppress { wait_us, rows_max }))
}

/// `{ timing = "pane", index = "pane_index" }`
fn pane(table: &Table<'_>) -> Result<Option<PaneColumns>> {
    let Some(of) = table.table("pane")? else { return Ok(None) };
    together! {
        _keys = of.check_keys(&["timing", "index", "final-index", "last"]);
        timing = of.string("timing");
        index = of.string("index");
        final_index = of.string("final-index");
        last = of.string("last");
    }
    let name = |name: Option<Spanned<String>>| name.map(|name| name.value);
    Ok(Some(PaneColumns { timing: name(timing), index: name(index), final_index: name(final_index), last: name(last) }))
}
