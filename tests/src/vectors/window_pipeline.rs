//! The windows of a case as specs of the real operators, or the reason why there are none.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use serde_json::{Map, Value};
use weir_core::graph::{AggregateFunction, OnError};
use weir_core::key_group::KEY_GROUPS_DEFAULT;
use weir_core::window::{
    Changes, Firing, Look, ResultTime, Suppress, Trigger, WindowAssigner, WindowClock, WindowRules,
};
use weir_engine::dataflow::operator::OperatorMetrics;
use weir_engine::nodes::window::{
    AggregateKind, BoundAggregate, BoundRules, RESULT_ROWS_MAX, WindowSpec, output_schema,
};

use super::case::{Case, Stop, read};
use super::window_ops::Engine;
use super::window_rig::LATE;
use super::window_rows::{GAP, KEY, OF_PANES, Outcome, VALUE, VALUES, record_schema};
use super::window_settings::{GapRule, checked_window};
use super::window_triggers::{self, CaseRules};

/// Windows one after the other; each takes the results of the one before, at the last instants of their windows.
pub(super) struct Pipeline {
    /// The windows.
    pub(super) specs: Vec<WindowSpec>,
    /// What the last one computes, and says of its results.
    pub(super) result_names: Vec<String>,
    /// Of sessions whose gap each row says.
    pub(super) gaps: Vec<GapRule>,
    /// How much later windows end than the case writes.
    pub(super) end_shift: i64,
}

/// The dead-letter output of specs whose aggregates refuse no row.
const NO_OUTPUT: usize = 2;

/// Reads the windows of a case.
pub(super) fn pipeline(case: &mut Case, engine: Engine) -> Result<Pipeline, Stop> {
    let stages: Vec<(Value, Map<String, Value>)> = match case.take("pipeline") {
        Value::Null => vec![(case.take("window"), one_aggregate(case.take("aggregate"))?)],
        stages => read::<Vec<Map<String, Value>>>(stages)?.into_iter().map(stage).collect::<Result<_, _>>()?,
    };
    // Beam's elements have no key in a case; Kafka's always.
    let is_keyed = stages.len() == 1 && engine != Engine::Beam;
    let keyed = read::<Option<bool>>(case.take("keyed"))?.unwrap_or(is_keyed);
    let mut pipeline = Pipeline { specs: Vec::new(), result_names: Vec::new(), gaps: Vec::new(), end_shift: 0 };
    let mut of_all: Option<(WindowRules, i64, bool)> = None;
    for (window, aggregates) in stages {
        let settings = checked_window(window)?;
        if of_all.is_none() {
            let CaseRules { rules, lateness, has_delta } = window_triggers::rules(case, engine, settings.clock)?;
            of_all = Some((rules, lateness, has_delta));
        }
        let Some((rules, lateness, has_delta)) = &of_all else { continue };
        let mut rules = rules.clone();
        let is_session = settings.assigner.merges();
        if engine == Engine::Kafka && !is_session && rules.changes == Changes::Retract {
            rules.changes = Changes::None;
        }
        let input = match pipeline.specs.last() {
            None => record_schema(),
            Some(before) => output_schema(before).map_err(|e| Stop::fail(e.to_string()))?,
        };
        let mut spec = bound_spec(settings.assigner, aggregates, input, keyed, *lateness)?;
        if rules != WindowRules::default() || !settings.assigner.is_plain() {
            let gap = spec.input.index_of(GAP).ok().map(|column| (column, 1));
            let delta = if *has_delta { spec.input.index_of(VALUE).ok() } else { None };
            spec.rules = Some(Arc::new(BoundRules { rules, gap, delta }));
        }
        pipeline.specs.push(spec);
        (pipeline.gaps, pipeline.end_shift) = (settings.gaps, settings.end_shift);
    }
    let Some(last) = pipeline.specs.last() else { return Err(Stop::skip("has no window")) };
    pipeline.result_names = last.aggregates.iter().map(|a| a.name.clone()).collect();
    if engine == Engine::Beam {
        pipeline.result_names.extend(OF_PANES.map(str::to_owned));
    }
    Ok(pipeline)
}

impl Pipeline {
    /// Whether what comes out depends on how rows come in batches.
    pub(super) fn batches_matter(&self) -> bool {
        self.rules().any(|rules| rules.trigger.look != Look::Row)
    }

    /// How many subtasks the planner would give it at most.
    pub(super) fn parallelism_max(&self) -> usize {
        let sees_all = |rules: &WindowRules| {
            let counts_waiting = rules.suppress.is_some_and(|suppress| suppress.rows_max.is_some());
            rules.clock == WindowClock::Stream || rules.trigger.look == Look::All || counts_waiting
        };
        if self.rules().any(sees_all) { 1 } else { usize::MAX }
    }

    fn rules(&self) -> impl Iterator<Item = &WindowRules> {
        self.specs.iter().filter_map(|spec| spec.rules.as_ref()).map(|bound| &bound.rules)
    }

    /// How many late rows Spark says that it has dropped: it counts them after a first aggregation within the batch.
    pub(super) fn dropped_in_spark(&self, late: &[&Outcome]) -> u64 {
        let Some(window @ WindowAssigner::Tumbling { .. }) = self.specs.first().map(|spec| spec.window) else {
            return late.len() as u64;
        };
        let group = |row: &&Outcome| (row.key.as_ref().map(Value::to_string), row.ts.map(|ts| window.assign(ts)));
        late.iter().map(group).collect::<HashSet<_>>().len() as u64
    }
}

/// A count of a table by its values, as the sum of what comes and goes, whose updates wait.
pub(super) fn table_count(suppress: Suppress) -> Result<Pipeline, Stop> {
    let sum = [(VALUE.to_owned(), Value::from(format!("sum({VALUE})")))].into_iter().collect();
    let mut spec = bound_spec(WindowAssigner::Global, sum, record_schema(), true, 0)?;
    let rules = WindowRules {
        clock: WindowClock::Stream,
        trigger: Trigger::each(Firing::Rows(1)),
        result_time: ResultTime::Latest,
        suppress: Some(suppress),
        ..WindowRules::default()
    };
    spec.rules = Some(Arc::new(BoundRules { rules, gap: None, delta: None }));
    Ok(Pipeline { specs: vec![spec], result_names: vec![VALUE.to_owned()], gaps: Vec::new(), end_shift: 0 })
}

/// One step of a `pipeline`.
fn stage(mut fields: Map<String, Value>) -> Result<(Value, Map<String, Value>), Stop> {
    let mut take = |field: &str| fields.remove(field).unwrap_or(Value::Null);
    match take("op").as_str() {
        Some("window_aggregate") => {}
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
        Some("list") => return Ok([(VALUES.to_owned(), format!("collect({VALUE})").into())].into_iter().collect()),
        Some(name) => format!("{name}({VALUE})"),
    };
    Ok([(VALUE.to_owned(), name.into())].into_iter().collect())
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
        rules: None,
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
    let columns = match (&function, column) {
        (AggregateFunction::Count, "*") => Vec::new(),
        (_, column) => vec![input.index_of(column).map_err(|_| unknown())?],
    };
    Ok(AggregateKind::Builtin { function, columns })
}
