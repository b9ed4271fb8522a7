//! Cases about windows alone: `window_assign`, `window_group`, `window_merge`, `window_invalid`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use weir_core::time::WATERMARK_MAX;
use weir_core::window::{Window, WindowAssigner, WindowClock};

use super::Unchecked;
use super::case::{Case, Stop, can_be_met};
use super::compare::{At, compare};
use super::window_pipeline::spec_of;
use super::window_rig::Rig;
use super::window_rows::{Outcome, Record, batch_of};
use super::window_settings::{checked_window, window_settings};

type Bounds = [i64; 2];

/// `window_assign`: the windows of a time.
pub(super) fn assign(mut case: Case) -> Result<Unchecked, Stop> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        ops: Vec<Op>,
        expected: Vec<Expected>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Op {
        Assign(Assign),
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Assign {
        ts: i64,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Expected {
        by_op: usize,
        windows: Vec<Bounds>,
    }

    case.must_be_empty("expected_late")?;
    let settings = checked_window(case.take("window"))?;
    if settings.clock == WindowClock::Processing {
        return Err(Stop::skip("assigns windows of processing time, which a case says at an operation of its own"));
    }
    let form: Form = case.into_form()?;
    can_be_met(form.expected.iter().map(|e| e.by_op), |op| op < form.ops.len())?;
    for (op, Op::Assign(Assign { ts })) in form.ops.iter().enumerate() {
        let got: Vec<Bounds> = settings.assigner.assign(*ts).iter().map(|w| [w.start, w.end]).collect();
        let mut expected: Vec<Bounds> =
            form.expected.iter().filter(|e| e.by_op == op).flat_map(|e| e.windows.iter().copied()).collect();
        expected.sort_unstable();
        if got != expected {
            return Err(Stop::fail(format!("op {op}: expected {expected:?}, got {got:?}")));
        }
        let of_operator = expected.into_iter().map(|window| (window, vec![*ts])).collect();
        operator_agrees(settings.assigner, &[*ts], &of_operator)?;
    }
    Ok(Vec::new())
}

/// `window_group`: which times share a window, once sessions are merged.
pub(super) fn group(mut case: Case) -> Result<Unchecked, Stop> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        ops: Vec<Op>,
        expected: Vec<Expected>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Op {
        Elements(Vec<i64>),
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Expected {
        by_op: usize,
        window: Bounds,
        timestamps: Vec<i64>,
    }

    case.must_be_empty("expected_late")?;
    let settings = checked_window(case.take("window"))?;
    let form: Form = case.into_form()?;
    can_be_met(form.expected.iter().map(|e| e.by_op), |op| op < form.ops.len())?;
    for (op, Op::Elements(times)) in form.ops.iter().enumerate() {
        let assigned: Vec<(Window, i64)> =
            times.iter().flat_map(|ts| settings.assigner.assign(*ts).into_iter().map(|w| (w, *ts))).collect();
        let windows: Vec<Window> = assigned.iter().map(|(w, _)| *w).collect();
        let mut got: BTreeMap<Bounds, Vec<i64>> = BTreeMap::new();
        if settings.assigner.merges() {
            for merged in settings.assigner.merge(&windows) {
                let times = assigned.iter().filter(|(w, _)| merged.from.contains(w)).map(|(_, ts)| *ts).collect();
                got.insert([merged.window.start, merged.window.end], times);
            }
        } else {
            assigned.iter().for_each(|(w, ts)| got.entry([w.start, w.end]).or_default().push(*ts));
        }
        let mut expected: BTreeMap<Bounds, Vec<i64>> = BTreeMap::new();
        for e in form.expected.iter().filter(|e| e.by_op == op) {
            expected.entry(e.window).or_default().extend(&e.timestamps);
        }
        got.values_mut().chain(expected.values_mut()).for_each(|times| times.sort_unstable());
        if got != expected {
            return Err(Stop::fail(format!("op {op}: expected {expected:?}, got {got:?}")));
        }
        operator_agrees(settings.assigner, times, &expected)?;
    }
    Ok(Vec::new())
}

/// The operator must make the same windows of the same times, as far as its aggregates tell.
fn operator_agrees(window: WindowAssigner, times: &[i64], expected: &BTreeMap<Bounds, Vec<i64>>) -> Result<(), Stop> {
    let spec = spec_of(window, &[("count", "count(*)"), ("min", "min(value)"), ("max", "max(value)")])?;
    let mut rig = Rig::new(std::slice::from_ref(&spec), 1, false)?;
    let records: Vec<Record> =
        times.iter().map(|ts| Record { value: Some(*ts), ts: *ts, ..Record::default() }).collect();
    let mut batches = rig.process(batch_of(&records)?)?.results;
    batches.extend(rig.on_watermark(WATERMARK_MAX)?.results);
    let mut results = Vec::new();
    for batch in &batches {
        results.extend(Outcome::of_batch(batch, 0)?.into_iter().map(|what| At { op: 0, what }));
    }
    let outcome = |(window, times): (&Bounds, &Vec<i64>)| {
        let (min, max) = (times.iter().min().copied(), times.iter().max().copied());
        let values = [("count", Some(times.len() as i64)), ("min", min), ("max", max)];
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        // One window for all time has no bounds to compare.
        let window = spec.window.is_bounded().then_some(*window);
        At { op: 0, what: Outcome { window, values, ..Outcome::default() } }
    };
    let expected: Vec<_> = expected.iter().map(outcome).collect();
    compare(&expected, &results, false, Outcome::agrees_with).map_err(|stop| match stop {
        Stop::Fail(why) => Stop::Fail(format!("the window operator: {why}")),
        skip => skip,
    })
}

/// `window_merge`: which windows become one session. Only groups of two or more are told.
pub(super) fn merge(mut case: Case) -> Result<Unchecked, Stop> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        ops: Vec<Op>,
        expected: Vec<Expected>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Op {
        Merge(Vec<Bounds>),
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Expected {
        by_op: usize,
        merges: Vec<Merge>,
    }
    #[derive(Clone, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Merge {
        from: Vec<Bounds>,
        to: Bounds,
    }

    case.must_be_empty("expected_late")?;
    let settings = window_settings(case.take("window"))?;
    let form: Form = case.into_form()?;
    can_be_met(form.expected.iter().map(|e| e.by_op), |op| op < form.ops.len())?;
    if !settings.assigner.merges() {
        return Err(Stop::skip("only sessions merge"));
    }
    for (op, Op::Merge(bounds)) in form.ops.iter().enumerate() {
        let windows: Vec<Window> = bounds.iter().map(|[start, end]| Window { start: *start, end: *end }).collect();
        let bounds = |w: &Window| [w.start, w.end];
        let got: BTreeMap<Bounds, Vec<Bounds>> = settings
            .assigner
            .merge(&windows)
            .iter()
            .filter(|m| m.from.len() > 1)
            .map(|m| (bounds(&m.window), m.from.iter().map(bounds).collect()))
            .collect();
        let expected: BTreeMap<Bounds, Vec<Bounds>> = form
            .expected
            .iter()
            .filter(|e| e.by_op == op)
            .flat_map(|e| e.merges.iter().cloned())
            .map(|Merge { mut from, to }| {
                from.sort_unstable();
                (to, from)
            })
            .collect();
        if got != expected {
            return Err(Stop::fail(format!("op {op}: expected {expected:?}, got {got:?}")));
        }
    }
    Ok(Vec::new())
}

/// `window_invalid`: windows that cannot be are refused, and others are not.
pub(super) fn invalid(mut case: Case) -> Result<Unchecked, Stop> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        ops: Vec<Op>,
        expected: Vec<Expected>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Op {
        Create(Value),
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Expected {
        by_op: usize,
        error: String,
    }

    case.must_be_empty("expected_late")?;
    let form: Form = case.into_form()?;
    can_be_met(form.expected.iter().map(|e| e.by_op), |op| op < form.ops.len())?;
    for (op, Op::Create(window)) in form.ops.into_iter().enumerate() {
        let refused = window_settings(window)?.assigner.check().err();
        let expected = form.expected.iter().find(|e| e.by_op == op).map(|e| e.error.as_str());
        compare_creation(op, expected, refused.map(|e| e.to_string()))?;
    }
    Ok(Vec::new())
}

/// Holds whether something could be made against whether it should be.
pub(super) fn compare_creation(op: usize, expected: Option<&str>, refused: Option<String>) -> Result<(), Stop> {
    match (expected, refused) {
        (None, None) | (Some("invalid_argument"), Some(_)) => Ok(()),
        (Some("invalid_argument"), None) => {
            Err(Stop::fail(format!("op {op}: expected the error invalid_argument, but it was accepted")))
        }
        (Some(other), _) => Err(Stop::skip(format!("op {op} expects the error {other:?}, which is not known here"))),
        (None, Some(refused)) => Err(Stop::fail(format!("op {op}: refused: {refused}"))),
    }
}
