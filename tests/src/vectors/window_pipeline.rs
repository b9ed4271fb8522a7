//! The windows of a case as specs of the real operators, or the reason why there are none.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use serde::Deserialize;
use serde_json::{Map, Value};
use weir_core::graph::{AggregateFunction, OnError};
use weir_core::key_group::KEY_GROUPS_DEFAULT;
use weir_core::window::WindowAssigner;
use weir_engine::dataflow::operator::OperatorMetrics;
use weir_engine::nodes::window::{AggregateKind, BoundAggregate, RESULT_ROWS_MAX, WindowSpec, output_schema};

use super::case::{Case, Stop, read};
use super::window_rig::LATE;
use super::window_rows::{KEY, Outcome, VALUE, record_schema};
use super::window_settings::checked_window;

/// Windows one after the other; each takes the results of the one before, at the last instants of their windows.
pub(super) struct Pipeline {
    /// The windows.
    pub(super) specs: Vec<WindowSpec>,
    /// What the last one computes.
    pub(super) result_names: Vec<String>,
}

/// The dead-letter output of specs whose aggregates refuse no row.
const NO_OUTPUT: usize = 2;

/// Reads the windows of a case.
pub(super) fn pipeline(case: &mut Case) -> Result<Pipeline, Stop> {
    plain_trigger(case)?;
    match case.take("result_ts") {
        Value::Null => {}
        Value::String(ts) if ts == "window_max_timestamp" || ts == "end_of_window" => {}
        other => return Err(Stop::skip(format!("needs results at the time {other}"))),
    }
    let lateness: Option<i64> = read(case.take("allowed_lateness"))?;
    let stages: Vec<(Value, Map<String, Value>)> = match case.take("pipeline") {
        Value::Null => vec![(case.take("window"), one_aggregate(case.take("aggregate"))?)],
        stages => read::<Vec<Map<String, Value>>>(stages)?.into_iter().map(stage).collect::<Result<_, _>>()?,
    };
    let keyed = read::<Option<bool>>(case.take("keyed"))?.unwrap_or(stages.len() == 1);
    let mut specs: Vec<WindowSpec> = Vec::new();
    for (window, aggregates) in stages {
        let input = match specs.last() {
            None => record_schema(),
            Some(before) => output_schema(before).map_err(|e| Stop::fail(e.to_string()))?,
        };
        specs.push(spec(window, aggregates, input, keyed, lateness.unwrap_or(0))?);
    }
    let Some(last) = specs.last() else { return Err(Stop::skip("has no window")) };
    let result_names = last.aggregates.iter().map(|a| a.name.clone()).collect();
    Ok(Pipeline { specs, result_names })
}

impl Pipeline {
    /// How many late rows Spark says that it has dropped: it counts them after a first aggregation within the batch.
    pub(super) fn dropped_in_spark(&self, late: &[&Outcome]) -> u64 {
        let Some(window @ WindowAssigner::Tumbling { .. }) = self.specs.first().map(|spec| spec.window) else {
            return late.len() as u64;
        };
        let group = |row: &&Outcome| (row.key.as_ref().map(Value::to_string), row.ts.map(|ts| window.assign(ts)));
        late.iter().map(group).collect::<HashSet<_>>().len() as u64
    }
}

/// The trigger of every window here fires at its end and again at every row after it, and keeps what was in it.
fn plain_trigger(case: &mut Case) -> Result<(), Stop> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, tag = "type", rename_all = "snake_case")]
    enum Trigger {
        EventTime {
            #[serde(default)]
            purging: bool,
        },
    }
    let evictor = case.take("evictor");
    let trigger = case.take("trigger");
    if let Some(kind) = trigger.get("type").and_then(Value::as_str).filter(|kind| *kind != "event_time") {
        return Err(Stop::skip(format!("needs the trigger {kind}")));
    }
    if let Some(kind) = evictor.get("type").and_then(Value::as_str) {
        return Err(Stop::skip(format!("needs the evictor {kind}")));
    }
    read::<Option<()>>(evictor)?;
    let mut purging = read::<Option<Trigger>>(trigger)?.is_some_and(|Trigger::EventTime { purging }| purging);
    match case.take("accumulation") {
        Value::Null => {}
        Value::String(mode) if mode == "accumulating" => {}
        Value::String(mode) if mode == "discarding" => purging = true,
        other => return Err(Stop::skip(format!("needs the accumulation {other}"))),
    }
    // Without lateness a window is gone once it has fired: there is nothing to purge.
    let lateness = case.peek("allowed_lateness").and_then(Value::as_i64).unwrap_or(0);
    if purging && lateness > 0 {
        return Err(Stop::skip("needs a purging trigger: a window that forgets its rows when it fires"));
    }
    Ok(())
}

/// One step of a `pipeline`.
fn stage(mut fields: Map<String, Value>) -> Result<(Value, Map<String, Value>), Stop> {
    let mut take = |field: &str| fields.remove(field).unwrap_or(Value::Null);
    match take("op").as_str() {
        Some("window_aggregate") => {}
        Some("dedup") => return Err(Stop::skip("needs an operator that drops duplicates")),
        other => return Err(Stop::skip(format!("needs the step {other:?}"))),
    }
    match take("time_of_input") {
        Value::Null => {}
        Value::String(time) if time == "window_end - smallest unit" => {}
        other => return Err(Stop::skip(format!("needs rows at the time {other}"))),
    }
    let (window, aggregates) = (take("window"), read(take("agg"))?);
    match fields.keys().next() {
        None => Ok((window, aggregates)),
        Some(other) => Err(Stop::skip(format!("not understood: {other:?} in a step of pipeline"))),
    }
}

/// The aggregate of a case without steps: of its values, under that name.
fn one_aggregate(name: Value) -> Result<Map<String, Value>, Stop> {
    let name = match name.as_str() {
        None => return Err(Stop::skip(format!("needs the aggregate {name}"))),
        Some("count") => "count(*)".to_owned(),
        Some(name) => format!("{name}({VALUE})"),
    };
    Ok([(VALUE.to_owned(), name.into())].into_iter().collect())
}

fn spec(
    window: Value,
    aggregates: Map<String, Value>,
    input: SchemaRef,
    keyed: bool,
    lateness: i64,
) -> Result<WindowSpec, Stop> {
    let settings = checked_window(window)?;
    if settings.apart_if_touching {
        return Err(Stop::skip("needs sessions that stay apart when they only touch, as in Beam; here they merge"));
    }
    if lateness < 0 {
        return Err(Stop::skip("has a negative allowed lateness"));
    }
    bound_spec(settings.assigner, aggregates, input, keyed, lateness)
}

/// One window over records without keys, with aggregates as `count(*)` or `FUNCTION(COLUMN)`.
pub(super) fn spec_of(window: WindowAssigner, aggregates: &[(&str, &str)]) -> Result<WindowSpec, Stop> {
    let aggregates = aggregates.iter().map(|(name, text)| ((*name).to_owned(), Value::from(*text))).collect();
    bound_spec(window, aggregates, record_schema(), false, 0)
}

fn bound_spec(
    window: WindowAssigner,
    aggregates: Map<String, Value>,
    input: SchemaRef,
    keyed: bool,
    lateness: i64,
) -> Result<WindowSpec, Stop> {
    let bound = aggregates.into_iter().map(|(name, text)| {
        let kind = aggregate(text.as_str().unwrap_or_default(), &input)?;
        Ok(BoundAggregate { name, kind })
    });
    let aggregates = bound.collect::<Result<Vec<_>, Stop>>()?;
    Ok(WindowSpec {
        key_columns: if keyed { input.index_of(KEY).into_iter().collect() } else { Vec::new() },
        input,
        window,
        aggregates,
        allowed_lateness_us: lateness,
        late_output: Some(LATE),
        on_error: OnError::Fail,
        dead_letter_output: NO_OUTPUT,
        key_groups: KEY_GROUPS_DEFAULT,
        projection: None,
        partials: false,
        result_rows_max: RESULT_ROWS_MAX,
        metrics: Arc::new(OperatorMetrics::default()),
    })
}

/// `count(*)` or `FUNCTION(COLUMN)`.
fn aggregate(text: &str, input: &SchemaRef) -> Result<AggregateKind, Stop> {
    let unknown = || Stop::skip(format!("needs the aggregate {text:?}"));
    let (function, column) = text.strip_suffix(')').and_then(|t| t.split_once('(')).ok_or_else(unknown)?;
    let function: AggregateFunction = serde_json::from_value(function.into()).map_err(|_| unknown())?;
    let columns = match (function, column) {
        (AggregateFunction::Count, "*") => Vec::new(),
        (_, column) => vec![input.index_of(column).map_err(|_| unknown())?],
    };
    Ok(AggregateKind::Builtin { function, columns })
}
