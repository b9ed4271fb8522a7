//! `[windows.NAME]`, to the planner.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use weir_core::graph::{DEAD_LETTER_OUTPUT, LATE_OUTPUT, Node, NodeKind, WindowNode};
use weir_core::time::{Clock, ManualClock};
use weir_host::{GuestLog, NoLog};

use super::bound_aggregates::{bind, new_guests, with_version};
use super::general_plan::{
    delta_column, gap_column, is_plain, main_output, sees_all_rows, takes_results_back, with_final_results,
};
use super::instance_aggregate::SharedInstance;
use super::planned_aggregate::{PlannedAggregate, plan_aggregate};
use super::replaceable_aggregates::ReplaceableAggregates;
use super::{
    BoundRules, CombineQuestion, RESULT_ROWS_MAX, WINDOW_END, WINDOW_START, WindowSpec, can_combine, combine_operator,
    fields_before_results, pane_fields, window_operator,
};
use crate::dataflow::metrics::Metrics;
use crate::dataflow::operator::Operator;
use crate::error::OperatorError;
use crate::nodes::dead_letter::{DeadLetters, Letters, with_error_column};
use crate::nodes::filtered::Filters;
use crate::plan::error::{CheckError, CheckErrors, check_distinct, key_column, place};
use crate::plan::node::{
    ComponentUse, Distribution, Halves, InputPort, MakeContext, MakeError, NodeColumns, OutputPort, OutputRole,
    PlanContext, PlanNode, PortInput, ReplaceContext, StepKind,
};
use crate::replace::replaceable::Version;
use crate::replace::version::{NewVersion, SwapError};

/// The section `windows`.
pub(crate) struct WindowKind;

/// A window, or one half of one that aggregates ahead of its exchange.
#[derive(Clone)]
struct WindowStep {
    spec: WindowNode,
    keys: Vec<usize>,
    aggregates: Vec<PlannedAggregate>,
    filters: Filters,
    /// The column with the gap of each row, and the microseconds of one of its units.
    gap: Option<(usize, i64)>,
    delta: Option<usize>,
    inputs: Vec<InputPort>,
    outputs: Vec<OutputPort>,
    parallelism: usize,
    part: WindowPart,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WindowPart {
    Whole,
    /// Makes accumulators of rows.
    Ahead,
    /// Merges such accumulators.
    Behind,
}

/// The outputs of a window.
const LATE: usize = 1;
const DEAD_LETTERS: usize = 2;

impl StepKind for WindowKind {
    fn section(&self) -> &'static str {
        "windows"
    }

    fn plan(&self, cx: &PlanContext<'_>, node: &Node, inputs: &[PortInput]) -> Result<Arc<dyn PlanNode>, CheckErrors> {
        let (NodeKind::Window(spec), [input]) = (&node.kind, inputs) else {
            return Err(CheckError::at(&node.span, "a window has one input").into());
        };
        let with_final = cx.graph.final_only.as_ref().map(|_| with_final_results(spec));
        let (spec, input) = (with_final.as_ref().unwrap_or(spec), &input.schema);
        let text = &cx.graph.text;
        check_distinct(text, "key-by", &spec.key_by)?;
        let keys = CheckErrors::all(spec.key_by.iter().map(|key| key_column(input, key)));
        let planned =
            spec.aggregates.iter().map(|(name, of)| plan_aggregate(cx, ("windows", &node.name, name), of, input));
        let (keys, planned) = CheckErrors::both(keys, CheckErrors::all(planned))?;
        let filters = Filters::plan(cx.graph, &spec.aggregates, input)?;
        if let Some(bound) = spec.key_by.iter().find(|key| [WINDOW_START, WINDOW_END].contains(&key.value.as_str())) {
            let (name, window) = (&bound.value, place(text, &node.span));
            let message = format!(
                "a window ({window}) makes a column {name:?} of its own, so no key can have that name: give the column another \
                 name before the window"
            );
            return Err(CheckError::at(&bound.span, message).into());
        }
        let mut aggregates = Vec::with_capacity(spec.aggregates.len());
        let (gap, delta) = CheckErrors::both(gap_column(input, spec), delta_column(input, spec))?;
        let is_bounded = spec.window.is_bounded();
        let mut fields = fields_before_results(keys.iter().map(|k| input.fields()[*k].clone()).collect(), is_bounded);
        for ((name, _), (aggregate, field)) in spec.aggregates.iter().zip(planned) {
            if fields.iter().any(|f| f.name() == field.name()) {
                let key = spec.key_by.iter().find(|key| key.value == name.value);
                let of = match key {
                    Some(key) => format!("its key {}", place(text, &key.span)),
                    None => format!("a bound that the window makes itself, {}", place(text, &node.span)),
                };
                let message = format!("the window already has a column named {:?}: {of}", name.value);
                return Err(CheckError::at(&name.span, message).into());
            }
            if takes_results_back(spec) && aggregate.component_use().is_some() {
                let message = "a window in retracting mode takes back what it gave out, and another version of a component would take back \
                               something else: use mode = \"upsert\", or an aggregate that is built in";
                return Err(CheckError::at(&name.span, message).into());
            }
            aggregates.push(aggregate);
            fields.push(Arc::new(field));
        }
        for field in spec.rules.iter().flat_map(|rules| pane_fields(&rules.pane)) {
            if field.name().is_empty() || fields.iter().any(|f| f.name() == field.name()) {
                let message = format!("pane names a column {:?}, which the window has already", field.name());
                return Err(CheckError::at(&node.span, message).into());
            }
            fields.push(field);
        }
        let outputs = vec![
            main_output(spec, keys.len(), Arc::new(Schema::new(fields))),
            OutputPort::new(LATE_OUTPUT, input.clone(), OutputRole::WholeRows),
            OutputPort::new(DEAD_LETTER_OUTPUT, with_error_column(input, Letters::OfKeys), OutputRole::WholeRows),
        ];
        let distribution = Distribution::Hash(keys.clone());
        let parallelism = if keys.is_empty() || sees_all_rows(spec) { 1 } else { cx.graph.parallelism };
        let inputs = vec![InputPort::only(input.clone(), distribution)];
        let (spec, part) = (spec.clone(), WindowPart::Whole);
        Ok(Arc::new(WindowStep { spec, keys, aggregates, filters, gap, delta, inputs, outputs, parallelism, part }))
    }
}

impl WindowStep {
    /// The window for the columns that really come in, and its component by aggregate.
    fn bind(&self, cx: &MakeContext<'_>) -> Result<(WindowSpec, Vec<Option<SharedInstance>>), OperatorError> {
        let input = Arc::new(self.inputs[0].schema.project(cx.columns.inputs.first().map_or(&[], Vec::as_slice))?);
        let filters = self.filters.placed(cx.columns);
        let (aggregates, components) = bind(cx, &self.inputs[0].schema, &self.aggregates, &filters)?;
        let spec = WindowSpec {
            input: filters.schema(&input),
            key_columns: cx.columns.positions(0, &self.keys),
            window: self.spec.window,
            rules: (!is_plain(&self.spec)).then(|| {
                let position = |column: usize| cx.columns.position(0, column);
                Arc::new(BoundRules {
                    rules: self.spec.rules.clone().unwrap_or_default(),
                    gap: self.gap.and_then(|(column, unit)| Some((position(column)?, unit))),
                    delta: self.delta.and_then(position),
                })
            }),
            aggregates,
            allowed_lateness_us: self.spec.allowed_lateness_us,
            late_output: cx.columns.is_read(LATE).then_some(LATE),
            on_error: cx.columns.on_error(self.spec.on_error, DEAD_LETTERS),
            dead_letter_output: DEAD_LETTERS,
            key_groups: cx.key_groups,
            projection: cx.columns.outputs[0].clone(),
            partials: self.part == WindowPart::Behind,
            result_rows_max: RESULT_ROWS_MAX,
            metrics: cx.metrics.clone(),
        };
        Ok((spec, components))
    }

    /// The columns of what it makes ahead of its exchange, if it has no components.
    fn exchanged(&self, columns: &NodeColumns) -> Result<Option<SchemaRef>, OperatorError> {
        let guest_log: Arc<dyn GuestLog> = Arc::new(NoLog);
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
        let metrics = Metrics::default();
        // None of it has to do with columns.
        let (name, key_groups, writer) = ("", 1, None);
        let cx =
            MakeContext { name, columns, key_groups, guest_log: &guest_log, metrics: &metrics, clock: &clock, writer };
        let (spec, _) = self.bind(&cx)?;
        Ok(combine_operator(&spec)?.map(|(_, schema)| schema))
    }
}

impl PlanNode for WindowStep {
    fn kind(&self) -> &'static str {
        "window"
    }

    fn inputs(&self) -> &[InputPort] {
        &self.inputs
    }

    fn outputs(&self) -> &[OutputPort] {
        &self.outputs
    }

    fn parallelism(&self) -> usize {
        self.parallelism
    }

    fn advice_on_updates(&self) -> Option<&'static str> {
        Some(
            "a window cannot take back what it gave out; [aggregates.NAME] computes the same without a window, of updates too",
        )
    }

    fn state_bytes_max(&self) -> u64 {
        self.spec.state_bytes
    }

    fn needs(&self, _: &[Option<BTreeSet<usize>>]) -> Vec<Vec<usize>> {
        let columns = self.keys.iter().chain(self.aggregates.iter().flat_map(|a| &a.columns));
        let columns = columns.chain(self.gap.iter().map(|(column, _)| column)).chain(&self.delta);
        vec![columns.copied().chain(self.filters.reads()).collect::<BTreeSet<_>>().into_iter().collect()]
    }

    fn pre_aggregate(&self, columns: &NodeColumns) -> Option<Halves> {
        let can_combine = can_combine(CombineQuestion {
            window: self.spec.window,
            has_rules: self.spec.rules.is_some(),
            has_component: self.aggregates.iter().any(|a| a.component_use().is_some()),
            allows_lateness: self.spec.allowed_lateness_us > 0,
            reads_late: columns.is_read(LATE),
            reads_dead_letters: columns.is_read(DEAD_LETTERS),
        });
        if !can_combine {
            return None;
        }
        // Accumulators begin with the key columns.
        let distribution = Distribution::Hash((0..self.keys.len()).collect());
        let input = InputPort { distribution, ..self.inputs[0].clone() };
        // One that cannot be made ahead fails when it is made at all, and says why.
        let schema = self.exchanged(columns).ok().flatten()?;
        let outputs = self.outputs.iter().take(1).map(|port| OutputPort { schema: schema.clone(), ..port.clone() });
        let ahead = Self { part: WindowPart::Ahead, outputs: outputs.collect(), ..self.clone() };
        let behind = Self { part: WindowPart::Behind, inputs: vec![input], ..self.clone() };
        Some(Halves { ahead: Arc::new(ahead), behind: Arc::new(behind) })
    }

    fn components(&self) -> Vec<ComponentUse<'_>> {
        self.aggregates.iter().filter_map(PlannedAggregate::component_use).collect()
    }

    fn make(&self, cx: &MakeContext<'_>) -> Result<Option<Box<dyn Operator>>, MakeError> {
        let (spec, components) = self.bind(cx)?;
        let dead_letters = DeadLetters::new(spec.on_error, DEAD_LETTERS, cx.metrics.clone(), Letters::OfKeys);
        let operator = match self.part {
            WindowPart::Whole | WindowPart::Behind => window_operator(spec)?,
            WindowPart::Ahead => match combine_operator(&spec)? {
                Some((combine, _)) => combine,
                None => return Err(OperatorError::Call("this window cannot be aggregated ahead".to_owned()).into()),
            },
        };
        let operator = ReplaceableAggregates::over(operator, components);
        // What comes from ahead has no rows.
        if self.part == WindowPart::Behind {
            return Ok(Some(operator));
        }
        Ok(Some(self.filters.placed(cx.columns).over(operator, (&self.inputs[0].schema, cx.columns), dead_letters)?))
    }

    /// Another version of an aggregate, if that takes the same columns, makes the same one and keeps the same accumulators.
    fn replaced(&self, cx: &ReplaceContext<'_>, version: &NewVersion) -> Result<Arc<dyn PlanNode>, SwapError> {
        let aggregates = with_version(cx, &self.inputs[0].schema, &self.aggregates, version)?;
        Ok(Arc::new(Self { aggregates, ..self.clone() }))
    }

    fn make_version(&self, old: &dyn PlanNode, cx: &MakeContext<'_>) -> Result<Version, OperatorError> {
        new_guests(cx, &self.inputs[0].schema, &self.aggregates, old)
    }

    fn refuses_shadow(&self) -> Option<&'static str> {
        Some(
            "an aggregate emits results only when windows end, so there is nothing to compare: swap it, and roll it back if it is worse",
        )
    }
}
