//! Cases that run window operators: `window_aggregate` (rows and watermarks, as in Flink), `window_microbatch` and
//! `chained_windows` (batches with a watermark at the end of each, as in Spark). Reads them; `window_replay` runs them.
//!
//! Spark's watermark W says no more rows before W, and a window ending at b is final when W >= b; ours says no more rows at or
//! before it, and b - 1 is the last instant of the window: so Spark's W is our W - 1, and everything else is the same. Only
//! sessions differ in one point: Spark drops a row whose own session is over, even if it touches one that is not.

use serde::Deserialize;
use serde_json::{Map, Value};
use weir_core::time::WATERMARK_MIN;
use weir_core::window::WindowAssigner;

use super::Unchecked;
use super::case::{Case, Stop, read};
use super::compare::At;
use super::window_ops::{Engine, Expectations, Op, Step};
use super::window_pipeline::{Pipeline, pipeline};
use super::window_replay::replay;
use super::window_rows::{Outcome, Record, VALUE};

/// `window_aggregate`.
pub(super) fn aggregate(mut case: Case) -> Result<Unchecked, Stop> {
    let pipeline = pipeline(&mut case)?;
    let ops = steps(&mut case, |step, value| {
        let step = match step {
            "element" => Step::Rows(vec![read(value)?]),
            "elements" => {
                let times: Vec<i64> = read(value)?;
                Step::Rows(times.into_iter().map(|ts| Record { key: Value::Null, value: Some(ts), ts }).collect())
            }
            "batch" => Step::Rows(read(value)?),
            "watermark" => Step::Watermark(read(value)?),
            other => return Ok(Err(other.to_owned())),
        };
        Ok(Ok(step))
    })?;
    finish(case, &pipeline, &ops, Engine::Flink)
}

/// `window_microbatch` and `chained_windows`.
pub(super) fn microbatch(mut case: Case) -> Result<Unchecked, Stop> {
    let pipeline = pipeline(&mut case)?;
    match case.take("output_mode") {
        Value::Null => {}
        Value::String(mode) if mode == "append" => {}
        mode => {
            return Err(Stop::skip(format!(
                "needs the output mode {mode}: windows that are told again as they change"
            )));
        }
    }
    // How the watermark was made is told with it, in `watermark_after`.
    case.take("watermark");
    let ops = steps(&mut case, |step, value| {
        let step = match step {
            "batch" => Step::Rows(read(value)?),
            "watermark_after" => match read::<Option<i64>>(value)? {
                Some(watermark) => Step::Watermark(watermark.saturating_sub(1)),
                None => Step::Rows(Vec::new()),
            },
            other => return Ok(Err(other.to_owned())),
        };
        Ok(Ok(step))
    })?;
    differs_in_sessions(&pipeline, &ops)?;
    finish(case, &pipeline, &ops, Engine::Spark)
}

/// Facts beside the outputs about things that an engine has inside, and that no two engines have alike.
const NOT_COMPARED: [&str; 3] = ["expected_metrics", "expected_state", "expected_state_rows"];

/// Reads the rest of a case, and runs it.
fn finish(mut case: Case, pipeline: &Pipeline, ops: &[Op], engine: Engine) -> Result<Unchecked, Stop> {
    let expected = expectations(&mut case, pipeline, engine)?;
    let unchecked =
        NOT_COMPARED.iter().filter(|field| !case.take(field).is_null()).map(|field| (*field).to_owned()).collect();
    case.into_form::<Nothing>()?;
    replay(pipeline, ops, &expected)?;
    Ok(unchecked)
}

/// Reads operations. `own` reads what only this kind has, or hands the name back.
fn steps(case: &mut Case, own: impl Fn(&str, Value) -> Result<Result<Step, String>, Stop>) -> Result<Vec<Op>, Stop> {
    let mut ops = Vec::new();
    for op in read::<Vec<Map<String, Value>>>(case.take("ops"))? {
        let mut steps = Vec::new();
        let id = |value: Value| value.to_string();
        for (name, value) in op {
            steps.push(match (name.as_str(), value) {
                ("checkpoint_restore", _) => Step::CheckpointRestore,
                ("checkpoint", value) => Step::Checkpoint(id(value)),
                ("restore", value) => Step::Restore(id(value)),
                ("processing_time", _) => return Err(Stop::skip("needs processing time")),
                (name, value) => own(name, value)?
                    .map_err(|other| Stop::skip(format!("the operation {other:?} is not known here")))?,
            });
        }
        // Whatever order the file has them in: a batch comes before the watermark after it.
        steps.sort_by_key(|step| matches!(step, Step::Watermark(_)));
        ops.push(steps);
    }
    Ok(ops)
}

/// Stops at a row that Spark drops and Flink's rule keeps: its own session is over, but it touches one that is not.
fn differs_in_sessions(pipeline: &Pipeline, ops: &[Op]) -> Result<(), Stop> {
    let Some(WindowAssigner::Session { gap }) = pipeline.specs.first().map(|spec| spec.window) else { return Ok(()) };
    let mut seen: Vec<&Record> = Vec::new();
    let mut watermark = WATERMARK_MIN;
    for step in ops.iter().flatten() {
        match step {
            Step::Watermark(to) => watermark = watermark.max(*to),
            Step::Rows(rows) => {
                for row in rows {
                    let near =
                        |other: &&&Record| other.key == row.key && other.ts.abs_diff(row.ts) <= gap.unsigned_abs();
                    if row.ts.saturating_add(gap).saturating_sub(1) > watermark {
                        seen.push(row);
                    } else if seen.iter().any(|other| near(&other)) {
                        return Err(Stop::skip(
                            "has a row that Spark drops although it touches a session that is open",
                        ));
                    }
                }
            }
            Step::CheckpointRestore | Step::Checkpoint(_) | Step::Restore(_) => {}
        }
    }
    Ok(())
}

/// All that is left of a case must be nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

fn expectations(case: &mut Case, pipeline: &Pipeline, engine: Engine) -> Result<Expectations, Stop> {
    let list = |value: Value| read::<Option<Vec<Value>>>(value).map(Option::unwrap_or_default);
    let outcomes = |entries: Vec<Value>, values: &[String]| -> Result<Vec<At<Outcome>>, Stop> {
        entries.into_iter().map(|entry| Outcome::expected(entry, values)).collect()
    };
    let results = outcomes(list(case.take("expected"))?, &pipeline.result_names)?;
    let late = outcomes(list(case.take("expected_late"))?, &[VALUE.to_owned()])?;
    let late = match case.take("late_output") {
        Value::Bool(true) => Some(late),
        Value::Null | Value::Bool(false) if late.is_empty() => None,
        other => return Err(Stop::skip(format!("expects late rows with late_output = {other}"))),
    };
    let mut dropped = Vec::new();
    for entry in list(case.take("expected_dropped"))? {
        let entry: Dropped = read(entry)?;
        if engine == Engine::Flink && entry.of.is_some() {
            return Err(Stop::skip("counts something else than rows as dropped"));
        }
        dropped.push((entry.by_op, entry.count));
    }
    Ok(Expectations { engine, ordered: case.ordered, results, late, dropped })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dropped {
    by_op: usize,
    count: u64,
    /// What is counted, if not rows: Spark aggregates within a batch before it drops.
    of: Option<String>,
}
