//! Cases of joins: `interval_join` (rows and watermarks of both sides, as in Flink) and `stream_join` (batches with a watermark after
//! each, as in Spark). Reads them; `join_replay` runs them.
//!
//! Spark says of a time column itself, as we do, that W is late: a join without windows gets its W. A window that ends at b is
//! final at Spark's W >= b, and at ours from b - 1 on: a join over windows, and a window behind a join, get W - 1.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use weir_core::time::{WATERMARK_MIN, WatermarkMerger};

use super::Unchecked;
use super::case::{Case, Stop, read};
use super::compare::At;
use super::join_replay::{JoinCase, JoinOp, replay};
use super::join_rows::{JoinRecord, Joined};
use super::join_settings::{Settings, interval, settings};
use super::join_source::has_no_time;
use super::multi_source::Sources;

type Fields = Map<String, Value>;

/// `interval_join`.
pub(super) fn interval_join(mut case: Case) -> Result<Unchecked, Stop> {
    match case.take("result_ts") {
        Value::Null => {}
        Value::String(ts) if ts == "max(left.ts,right.ts)" => {}
        other => return Err(Stop::skip(format!("needs results at the time {other}"))),
    }
    if read::<Option<i64>>(case.take("allowed_lateness"))?.unwrap_or(0) != 0 {
        return Err(Stop::skip("needs a join that takes rows that are late"));
    }
    let settings = interval(case.take("join"))?;
    let ops: Vec<Fields> = read(case.take("ops"))?;
    if let Some(op) = ops.iter().position(|op| op.get("element").is_some_and(|element| element["ts"].is_null())) {
        return has_no_time(case, op);
    }
    let side_of = |value: &mut Value| {
        let side = value.as_object_mut().and_then(|fields| fields.remove("side"));
        let input = side.as_ref().and_then(Value::as_str).and_then(|side| settings.input(side));
        input.ok_or_else(|| Stop::skip(format!("has something of the side {side:?}")))
    };
    let mut merger = WatermarkMerger::new(2);
    let mut steps = Vec::new();
    for op in ops {
        let mut of_op = Vec::new();
        for (name, mut value) in op {
            of_op.push(match name.as_str() {
                "element" => {
                    let input = side_of(&mut value)?;
                    JoinOp::Rows { input, records: vec![read::<JoinRecord>(value)?] }
                }
                "watermark" => {
                    if value.is_object() {
                        #[derive(Deserialize)]
                        #[serde(deny_unknown_fields)]
                        struct OfSide {
                            value: i64,
                        }
                        let side = side_of(&mut value)?;
                        merger.on_watermark(side, read::<OfSide>(value)?.value);
                    } else {
                        let watermark: i64 = read(value)?;
                        (0..2).for_each(|side| _ = merger.on_watermark(side, watermark));
                    }
                    JoinOp::Watermark(merger.watermark(), merger.watermark())
                }
                other => restoring(other, &value)?,
            });
        }
        steps.push(of_op);
    }
    finish(case, settings, steps)
}

/// `stream_join`.
pub(super) fn stream_join(mut case: Case) -> Result<Unchecked, Stop> {
    match case.take("output_mode") {
        Value::Null => {}
        Value::String(mode) if mode == "append" => {}
        mode => return Err(Stop::skip(format!("needs the output mode {mode}"))),
    }
    let ops: Vec<Fields> = read(case.take("ops"))?;
    let settings = settings(case.take("join"), &ops)?;
    let mut sources = Sources::new(delays(case.take("watermark"))?, WATERMARK_MIN);
    let mut steps = Vec::new();
    for mut op in ops {
        let after: Option<i64> = op.remove("watermark_after").map_or(Ok(None), read)?;
        let mut of_op = Vec::new();
        for (name, value) in op {
            if name != "batch" {
                of_op.push(restoring(&name, &value)?);
                sources = sources.restart();
                continue;
            }
            let mut times = BTreeMap::new();
            for (input, records) in settings.records(value)? {
                let name = &settings.inputs[input];
                times.insert(name.clone(), records.iter().map(|record| record.ts).collect());
                of_op.push(JoinOp::Rows { input, records });
            }
            sources.take_known(&times);
            // Spark's begins at 0.
            let watermark = after.unwrap_or_else(|| sources.watermark().saturating_add(1));
            if watermark > 0 {
                let of_joins = if settings.has_windows() { watermark - 1 } else { watermark };
                of_op.push(JoinOp::Watermark(of_joins, watermark - 1));
            }
        }
        steps.push(of_op);
    }
    finish(case, settings, steps)
}

fn restoring(name: &str, value: &Value) -> Result<JoinOp, Stop> {
    match name {
        "checkpoint_restore" => Ok(JoinOp::CheckpointRestore),
        "checkpoint" => Ok(JoinOp::Checkpoint(value.to_string())),
        "restore" => Ok(JoinOp::Restore(value.to_string())),
        other => Err(Stop::skip(format!("the operation {other:?} is not known here"))),
    }
}

/// How far each input may be out of order; one that is not named has no watermark.
fn delays(watermark: Value) -> Result<BTreeMap<String, i64>, Stop> {
    let mut fields: Fields = read::<Option<Fields>>(watermark)?.unwrap_or_default();
    match fields.remove("policy") {
        None | Some(Value::Null) => {}
        Some(Value::String(policy)) if policy == "min" => {}
        Some(policy) => {
            return Err(Stop::skip(format!("has the policy {policy}: event time here is the least of the inputs")));
        }
    }
    let mut delays = BTreeMap::new();
    for (name, delay) in fields {
        match (name.strip_suffix("_delay"), read::<Option<i64>>(delay.clone())) {
            (Some(input), Ok(Some(delay))) => drop(delays.insert(input.to_owned(), delay)),
            (Some(_), Ok(None)) => {}
            _ => return Err(Stop::skip(format!("not understood: {name} = {delay} in watermark"))),
        }
    }
    Ok(delays)
}

/// Reads the rest of a case, and runs it.
fn finish(mut case: Case, settings: Settings, ops: Vec<Vec<JoinOp>>) -> Result<Unchecked, Stop> {
    let last = ops.len().saturating_sub(1);
    let list = |value: Value| read::<Option<Vec<Value>>>(value).map(Option::unwrap_or_default);
    let rows = |entries: Vec<Value>| -> Result<Vec<At<Joined>>, Stop> {
        entries.into_iter().map(|entry| Joined::expected(entry, &settings.inputs, last)).collect()
    };
    let results = rows(list(case.take("expected"))?)?;
    let late = rows(list(case.take("expected_late"))?)?;
    let late = match case.take("late_output") {
        Value::Bool(true) => Some(late),
        Value::Null | Value::Bool(false) if late.is_empty() => None,
        other => return Err(Stop::skip(format!("expects late rows with late_output = {other}"))),
    };
    let dropped = list(case.take("expected_dropped"))?.into_iter().map(|entry| {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Dropped {
            by_op: usize,
            count: u64,
        }
        read::<Dropped>(entry).map(|Dropped { by_op, count }| (by_op, count))
    });
    let dropped = dropped.collect::<Result<Vec<_>, _>>()?;
    let kept = list(case.take("expected_state"))?.into_iter().map(|entry| {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Kept {
            by_op: usize,
            left_ts: Vec<i64>,
            right_ts: Vec<i64>,
        }
        read::<Kept>(entry).map(|Kept { by_op, left_ts, right_ts }| (by_op, [left_ts, right_ts]))
    });
    let kept = kept.collect::<Result<Vec<_>, _>>()?;
    let at_ops = results.iter().chain(late.iter().flatten()).map(|at| at.op);
    if let Some(op) =
        at_ops.chain(dropped.iter().map(|(op, _)| *op)).chain(kept.iter().map(|(op, _)| *op)).find(|op| *op > last)
    {
        return Err(Stop::skip(format!("expects something of op {op}, which is not there")));
    }
    // How many rows Spark keeps is its own affair: it keeps some that are of no use, and drops others before.
    let unchecked = ["expected_state_rows", "expected_metrics"];
    let unchecked =
        unchecked.iter().filter(|field| !case.take(field).is_null()).map(|field| (*field).to_owned()).collect();
    let ordered = case.ordered;
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    case.into_form::<Nothing>()?;
    let Settings { inputs, specs, window, .. } = settings;
    replay(&JoinCase { inputs, specs, window, ops, ordered, results, late, dropped, kept })?;
    Ok(unchecked)
}
