//! Cases that run window operators: `window_aggregate` (rows and watermarks, as in Flink), `window_microbatch` and
//! `chained_windows` (batches with a watermark at the end of each, as in Spark). Reads them; `window_replay` runs them.
//!
//! Spark's watermark W says no more rows before W, and a window ending at b is final when W >= b; ours says no more rows at or
//! before it, and b - 1 is the last instant of the window: so Spark's W is our W - 1, and everything else is the same. Only
//! sessions differ in one point: Spark drops a row whose own session is over, even if it touches one that is not.

use serde::Deserialize;
use serde_json::{Map, Value};
use weir_core::time::{WATERMARK_MAX, WATERMARK_MIN};
use weir_core::window::{Suppress, WindowAssigner};

use super::Unchecked;
use super::case::{Case, Stop, read};
use super::compare::At;
use super::dedup::Once;
use super::window_ops::{Engine, Expectations, Op, Step};
use super::window_pipeline::{Pipeline, pipeline, table_count};
use super::window_replay::replay;
use super::window_rows::{Outcome, Record, VALUE};
use super::window_settings::GapRule;

/// `window_aggregate`.
pub(super) fn aggregate(case: Case) -> Result<Unchecked, Stop> {
    row_by_row(case, Engine::Flink)
}

/// `window_panes`: Beam's watermark W says no more rows before W, so it is our W - 1.
pub(super) fn panes(case: Case) -> Result<Unchecked, Stop> {
    row_by_row(case, Engine::Beam)
}

fn row_by_row(mut case: Case, engine: Engine) -> Result<Unchecked, Stop> {
    let pipeline = pipeline(&mut case, engine)?;
    let shift = i64::from(engine == Engine::Beam);
    let ops = steps(&mut case, |step, value| {
        let step = match step {
            "element" => Step::Rows(vec![read(value)?]),
            "elements" => {
                let times: Vec<i64> = read(value)?;
                Step::Rows(times.into_iter().map(|ts| Record { value: Some(ts), ts, ..Record::default() }).collect())
            }
            "batch" => Step::Rows(read(value)?),
            "watermark" => Step::Watermark(read::<i64>(value)?.saturating_sub(shift)),
            "processing_time" => Step::ProcessingTime(read(value)?),
            other => return Ok(Err(other.to_owned())),
        };
        Ok(Ok(step))
    })?;
    finish(case, &pipeline, ops, engine)
}

/// `window_streamtime`: as in Kafka Streams, time is the greatest that was seen.
pub(super) fn stream_time(mut case: Case) -> Result<Unchecked, Stop> {
    let (emit, lateness) = (case.peek("emit").cloned(), case.peek("allowed_lateness").and_then(Value::as_i64));
    let pipeline = pipeline(&mut case, Engine::Kafka)?;
    // In words; and not what says how results are made.
    case.take("clock");
    let mut ops = steps(&mut case, |step, value| match step {
        "element" => Ok(Ok(Step::Rows(vec![read(value)?]))),
        "batch" | "elements" => Ok(Ok(Step::Rows(read(value)?))),
        other => Ok(Err(other.to_owned())),
    })?;
    touches_closed_session(&pipeline, &ops, lateness.unwrap_or(0))?;
    if emit.as_ref().and_then(Value::as_str) == Some("state_only") {
        // What is left at the end is what would be given out then.
        let last = ops.len();
        let mut state: Vec<Map<String, Value>> = read(case.take("expected_state"))?;
        if state.iter().any(|entry| entry.get("by_op").and_then(Value::as_u64) != Some(last as u64 - 1)) {
            return Err(Stop::skip("expects the state of an operation that is not the last"));
        }
        state.iter_mut().for_each(|entry| drop(entry.insert("by_op".to_owned(), last.into())));
        case.must_be_empty("expected")?;
        case.put("expected", read::<Value>(state.into_iter().map(Value::Object).collect())?);
        ops.push(vec![Step::Watermark(WATERMARK_MAX)]);
        return finish_from(case, &pipeline, ops, Engine::Kafka, last);
    }
    let is_dropped_only = emit.as_ref().and_then(Value::as_str) == Some("dropped_only");
    let results_from = if is_dropped_only { ops.len() } else { 0 };
    finish_from(case, &pipeline, ops, Engine::Kafka, results_from)
}

/// `window_microbatch` and `chained_windows`.
pub(super) fn microbatch(mut case: Case) -> Result<Unchecked, Stop> {
    let mut once = deduplication(&mut case)?;
    let pipeline = pipeline(&mut case, Engine::Spark)?;
    // How the watermark was made is told with it, in `watermark_after`.
    case.take("watermark");
    // A row of its own time is over when the watermark has reached it, in both.
    let is_instant = pipeline.specs.iter().all(|spec| spec.window == WindowAssigner::Instant);
    let shift = i64::from(!is_instant);
    let mut ops = steps(&mut case, |step, value| {
        let step = match step {
            "batch" => Step::Rows(read(value)?),
            "watermark_after" => match read::<Option<i64>>(value)? {
                Some(watermark) => Step::Watermark(watermark),
                None => Step::Rows(Vec::new()),
            },
            other => return Ok(Err(other.to_owned())),
        };
        Ok(Ok(step))
    })?;
    for step in ops.iter_mut().flatten() {
        match step {
            Step::Rows(rows) => {
                if let Some(once) = &mut once {
                    let fields = rows.iter().map(Record::numbers).collect();
                    *rows = once.kept(fields)?.into_iter().map(|row| rows[row].clone()).collect();
                }
            }
            Step::Watermark(watermark) => {
                once.as_mut().map_or(Ok(()), |once| once.advance_to(*watermark))?;
                *watermark = watermark.saturating_sub(shift);
            }
            Step::CheckpointRestore | Step::Checkpoint(_) | Step::Restore(_) if once.is_some() => {
                return Err(Stop::skip("restores a step that drops duplicates ahead of a window"));
            }
            Step::ProcessingTime(_) | Step::CheckpointRestore | Step::Checkpoint(_) | Step::Restore(_) => {}
        }
    }
    if !pipeline.gaps.is_empty() {
        // As its filter does, ahead of the window.
        let has_gap = |row: &Record| GapRule::gap_of(&pipeline.gaps, &row.key, row.value).is_none_or(|gap| gap > 0);
        for step in ops.iter_mut().flatten() {
            if let Step::Rows(rows) = step {
                rows.retain(has_gap);
            }
        }
    }
    differs_in_sessions(&pipeline, &ops)?;
    finish(case, &pipeline, ops, Engine::Spark)
}

/// What drops duplicates ahead of the windows, if that is the first step of the case.
fn deduplication(case: &mut Case) -> Result<Option<Once>, Stop> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        #[serde(rename = "op")]
        _op: String,
        keys: Vec<String>,
    }
    let stages = case.take("pipeline");
    let is_first = stages.pointer("/0/op").is_some_and(|op| op == "dedup");
    let Value::Array(mut stages) = stages else {
        case.put("pipeline", stages);
        return Ok(None);
    };
    let once = is_first.then(|| read::<Form>(stages.remove(0)).and_then(|form| Once::new(form.keys))).transpose()?;
    case.put("pipeline", Value::Array(stages));
    Ok(once)
}

/// `suppress`: a count of a table by its values, whose updates wait. Each upsert takes the row before out of its count, and puts the
/// new one in.
pub(super) fn suppress(mut case: Case) -> Result<Unchecked, Stop> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        time_limit: Option<i64>,
        max_records: Option<u64>,
        when_full: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Upsert {
        key: Value,
        value: Value,
        ts: i64,
    }
    let form: Form = read(case.take("suppress"))?;
    if form.when_full.as_deref().is_some_and(|action| action != "emit_early") {
        return Err(Stop::skip(format!("needs {:?} when too many updates wait", form.when_full)));
    }
    if case.take("pipeline") != "table input -> group by value -> count -> suppress" {
        return Err(Stop::skip("needs another pipeline"));
    }
    let suppress = Suppress { wait_us: form.time_limit, rows_max: form.max_records };
    let pipeline = table_count(suppress)?;
    let mut table: Vec<(Value, Value)> = Vec::new();
    let mut ops = Vec::new();
    for op in read::<Vec<Map<String, Value>>>(case.take("ops"))? {
        let mut rows = Vec::new();
        for (name, upsert) in op {
            if name != "upsert" {
                return Err(Stop::skip(format!("the operation {name:?} is not known here")));
            }
            let Upsert { key, value, ts } = read(upsert)?;
            let row = |key: Value, value: i64| Record { key, value: Some(value), ts, gap: None };
            let before = table.iter().position(|(other, _)| *other == key).map(|place| table.remove(place));
            rows.extend(before.map(|(_, value)| row(value, -1)));
            if !value.is_null() {
                rows.push(row(value.clone(), 1));
                table.push((key, value));
            }
        }
        ops.push(vec![Step::Rows(rows)]);
    }
    finish(case, &pipeline, ops, Engine::Kafka)
}

/// Facts beside the outputs about things that an engine has inside, and that no two engines have alike.
const NOT_COMPARED: [&str; 3] = ["expected_metrics", "expected_state", "expected_state_rows"];

/// Reads the rest of a case, and runs it.
fn finish(case: Case, pipeline: &Pipeline, ops: Vec<Op>, engine: Engine) -> Result<Unchecked, Stop> {
    finish_from(case, pipeline, ops, engine, 0)
}

/// As [`finish`], comparing results from an operation on.
fn finish_from(
    mut case: Case,
    pipeline: &Pipeline,
    mut ops: Vec<Op>,
    engine: Engine,
    results_from: usize,
) -> Result<Unchecked, Stop> {
    for step in ops.iter_mut().flatten() {
        if let Step::Rows(rows) = step {
            rows.iter_mut().for_each(|row| row.gap = GapRule::gap_of(&pipeline.gaps, &row.key, row.value));
        }
    }
    let expected = Expectations { results_from, ..expectations(&mut case, pipeline, engine)? };
    let unchecked =
        NOT_COMPARED.iter().filter(|field| !case.take(field).is_null()).map(|field| (*field).to_owned()).collect();
    case.into_form::<Nothing>()?;
    replay(pipeline, &ops, &expected)?;
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
            Step::ProcessingTime(_) | Step::CheckpointRestore | Step::Checkpoint(_) | Step::Restore(_) => {}
        }
    }
    Ok(())
}

/// Stops at a row that Kafka adds to a session which is closed, and which it still has: here what is closed is gone.
fn touches_closed_session(pipeline: &Pipeline, ops: &[Op], grace: i64) -> Result<(), Stop> {
    let Some(WindowAssigner::Session { gap }) = pipeline.specs.first().map(|spec| spec.window) else { return Ok(()) };
    let mut seen: Vec<&Record> = Vec::new();
    let mut stream_time = i64::MIN;
    for step in ops.iter().flatten() {
        let Step::Rows(rows) = step else { continue };
        for row in rows {
            stream_time = stream_time.max(row.ts);
            let closed_before = stream_time.saturating_sub(grace).saturating_sub(gap);
            let near = |other: &&&Record| {
                other.key == row.key && other.ts.abs_diff(row.ts) <= gap.unsigned_abs() && other.ts < closed_before
            };
            if row.ts >= closed_before && seen.iter().any(|other| near(&other)) {
                return Err(Stop::skip(
                    "has a row that Kafka adds to a session which is closed: see docs/decisions/0062",
                ));
            }
            seen.push(row);
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
    Ok(Expectations { engine, ordered: case.ordered, results, results_from: 0, late, dropped })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dropped {
    by_op: usize,
    count: u64,
    /// What is counted, if not rows: Spark aggregates within a batch before it drops.
    of: Option<String>,
}
