//! Makes the operators of a job's steps: indices into schemas become indices into the columns that really come in.

use std::sync::{Arc, Mutex};

use arrow::datatypes::{Schema, SchemaRef};
use weir_core::graph::{OnError, WindowNode};
use weir_core::limits::OperatorLimits;
use weir_host::{Component, InputSchema, Instance, InstanceSpec, OutputColumn, Plan};

use crate::dataflow::metrics::Metrics;
use crate::dataflow::operator::{Operator, OperatorError};
use crate::nodes::dead_letter::DeadLetters;
use crate::nodes::delta::{OutputMap, OutputSource};
use crate::nodes::keyed::guest::KeyedGuest;
use crate::nodes::keyed::{KeyedOperator, KeyedSpec};
use crate::nodes::meter::Meter;
use crate::nodes::transform::{TransformGuest, TransformOperator};
use crate::nodes::window::component_window::ComponentWindow;
use crate::nodes::window::instance_aggregate::{AggregateGuest, InstanceAggregate, SharedInstance};
use crate::nodes::window::{
    AggregateKind, BoundAggregate, RESULT_ROWS_MAX, WindowSpec, combine_operator, window_operator,
};
use crate::plan::job::Job;
use crate::plan::physical::{StepKind, StepPlan};
use crate::plan::resolve::{ResolvedAggregate, ResolvedAggregateKind, ResolvedKind, ResolvedNode};
use crate::replace::replaceable::Version;

impl Job {
    /// The operator of a step that is neither a source nor a sink.
    pub(crate) fn operator(&self, step: &StepPlan, meter: &Meter) -> Result<Box<dyn Operator>, OperatorError> {
        let node = &self.resolved.nodes[step.node];
        let positions = |columns: &[usize]| self.positions(step.node, columns);
        match &node.kind {
            ResolvedKind::Transform { node: spec, .. } => {
                let dead_letters = self.dead_letters(step.node, spec.on_error, meter.metrics.clone());
                Ok(Box::new(TransformOperator::new(self.transform_guest(step.node, meter)?, dead_letters)))
            }
            ResolvedKind::Keyed { node: spec, keys, .. } => {
                let fields = self.full_input(step.node);
                let spec = KeyedSpec {
                    name: node.name.clone(),
                    guest: self.keyed_guest(step.node, meter)?,
                    keys: positions(keys),
                    key_fields: keys.iter().map(|k| fields.fields()[*k].clone()).collect(),
                    dead_letters: self.dead_letters(step.node, spec.on_error, meter.metrics.clone()),
                    key_groups: self.groups,
                };
                Ok(Box::new(KeyedOperator::new(spec, meter.clock.clone())?))
            }
            ResolvedKind::Window { node: spec, keys, aggregates } => {
                let (window, components) = self.window(step.node, spec, positions(keys), aggregates, meter)?;
                let operator = match step.kind {
                    StepKind::Node => window_operator(window)?,
                    StepKind::Merge => window_operator(WindowSpec { partials: true, ..window })?,
                    StepKind::Combine => match combine_operator(&window)? {
                        Some((combine, _)) => combine,
                        None => return Err(OperatorError::Call("this window cannot be aggregated ahead".to_owned())),
                    },
                };
                Ok(match components.iter().any(Option::is_some) {
                    true => Box::new(ComponentWindow::new(operator, components)),
                    false => operator,
                })
            }
            _ => Err(OperatorError::Call(format!("{} is not an operator", node.name))),
        }
    }

    /// The versions of a node's components that this job has, and another has not.
    pub(crate) fn version(&self, node: usize, old: &Self, meter: &Meter) -> Result<Version, OperatorError> {
        Ok(match &self.resolved.nodes[node].kind {
            ResolvedKind::Transform { .. } => Version::new(self.transform_guest(node, meter)?),
            ResolvedKind::Window { aggregates, .. } => {
                let of_old = old.versions_of(node);
                let new = self.versions_of(node).into_iter().filter(|version| !of_old.contains(version));
                let new: Vec<String> = new.map(|(name, ..)| name).collect();
                let guest = |a: &ResolvedAggregate| match &a.kind {
                    ResolvedAggregateKind::Component { component, config, limits }
                        if new.contains(&self.aggregate_name(node, a)) =>
                    {
                        Ok(Some(self.aggregate_guest(node, a, (component, config, limits), meter)?))
                    }
                    _ => Ok(None),
                };
                Version::new(aggregates.iter().map(guest).collect::<Result<Vec<_>, OperatorError>>()?)
            }
            _ => Version::new(self.keyed_guest(node, meter)?),
        })
    }

    fn transform_guest(&self, node: usize, meter: &Meter) -> Result<TransformGuest, OperatorError> {
        let ResolvedNode { name, kind, .. } = &self.resolved.nodes[node];
        let ResolvedKind::Transform { node: spec, plan, component } = kind else { return Err(OperatorError::Version) };
        let input = InputSchema { schema: self.full_input(node), keys: Vec::new() };
        Ok(TransformGuest {
            version: component.version(&spec.config),
            instance: meter.on(self.instance(name, component, &spec.config, &spec.limits, vec![input])?, &spec.limits),
            reads: self.positions(node, plan.reads.first().map_or(&[], Vec::as_slice)),
            outputs: self.output_maps(node, plan, &|column| self.position(node, column)),
        })
    }

    fn keyed_guest(&self, node: usize, meter: &Meter) -> Result<KeyedGuest, OperatorError> {
        let ResolvedNode { name, kind, .. } = &self.resolved.nodes[node];
        let ResolvedKind::Keyed { node: spec, plan, component, keys, goes_back } = kind else {
            return Err(OperatorError::Version);
        };
        let input = InputSchema { schema: self.full_input(node), keys: keys.clone() };
        let of_keys = |column: usize| keys.iter().position(|k| *k == column);
        Ok(KeyedGuest {
            version: component.version(&spec.config),
            goes_back: *goes_back,
            instance: meter.on(self.instance(name, component, &spec.config, &spec.limits, vec![input])?, &spec.limits),
            reads: self.positions(node, plan.reads.first().map_or(&[], Vec::as_slice)),
            outputs: self.output_maps(node, plan, &|column| self.position(node, column)),
            timer_outputs: self.output_maps(node, plan, &of_keys),
        })
    }

    /// Where a column of a node's full input is among those that come in.
    fn position(&self, node: usize, column: usize) -> Option<usize> {
        self.pruned.nodes[node].input.iter().position(|c| *c == column)
    }

    fn positions(&self, node: usize, columns: &[usize]) -> Vec<usize> {
        columns.iter().filter_map(|c| self.position(node, *c)).collect()
    }

    fn aggregate_guest(
        &self,
        node: usize,
        aggregate: &ResolvedAggregate,
        (component, config, limits): (&Component, &serde_json::Value, &OperatorLimits),
        meter: &Meter,
    ) -> Result<AggregateGuest, OperatorError> {
        let schema = Arc::new(self.full_input(node).project(&aggregate.columns)?);
        let inputs = vec![InputSchema { schema, keys: Vec::new() }];
        let instance = self.instance(&self.aggregate_name(node, aggregate), component, config, limits, inputs)?;
        Ok(AggregateGuest::new(component.version(config), meter.on(instance, limits)))
    }

    /// What an aggregate that is a component is called among operators.
    pub(crate) fn aggregate_name(&self, node: usize, aggregate: &ResolvedAggregate) -> String {
        format!("{}.{}", self.resolved.nodes[node].name, aggregate.name)
    }

    /// The window, and by aggregate its component.
    fn window(
        &self,
        node: usize,
        spec: &WindowNode,
        key_columns: Vec<usize>,
        aggregates: &[ResolvedAggregate],
        meter: &Meter,
    ) -> Result<(WindowSpec, Vec<Option<SharedInstance>>), OperatorError> {
        let pruned = &self.pruned.nodes[node].outputs;
        let read = |output: usize| pruned.get(output).is_some_and(Option::is_some);
        let mut components = Vec::with_capacity(aggregates.len());
        let aggregate = |a: &ResolvedAggregate| {
            let columns = self.positions(node, &a.columns);
            let kind = match &a.kind {
                ResolvedAggregateKind::Builtin(function) => {
                    components.push(None);
                    AggregateKind::Builtin { function: *function, column: columns.first().copied() }
                }
                ResolvedAggregateKind::Component { component, config, limits } => {
                    let guest = self.aggregate_guest(node, a, (component, config, limits), meter)?;
                    let shared = Arc::new(Mutex::new(InstanceAggregate::new(guest)));
                    components.push(Some(shared.clone()));
                    AggregateKind::Component { aggregate: shared, columns }
                }
            };
            Ok(BoundAggregate { name: a.name.clone(), kind })
        };
        let aggregates = aggregates.iter().map(aggregate).collect::<Result<_, OperatorError>>()?;
        let window = WindowSpec {
            input: self.input_schema(node),
            key_columns,
            window: spec.window,
            aggregates,
            allowed_lateness_us: spec.allowed_lateness_us,
            late_output: read(1).then_some(1),
            on_error: if spec.on_error == OnError::DeadLetter && !read(2) { OnError::Skip } else { spec.on_error },
            dead_letter_output: 2,
            key_groups: self.groups,
            projection: pruned[0].clone(),
            partials: false,
            result_rows_max: RESULT_ROWS_MAX,
            metrics: meter.metrics.clone(),
        };
        Ok((window, components))
    }

    pub(crate) fn full_input(&self, node: usize) -> SchemaRef {
        self.resolved.nodes[node].input.clone().unwrap_or_else(|| Arc::new(Schema::empty()))
    }

    pub(crate) fn instance(
        &self,
        operator: &str,
        component: &weir_host::Component,
        config: &serde_json::Value,
        limits: &weir_core::limits::OperatorLimits,
        inputs: Vec<InputSchema>,
    ) -> Result<Instance, OperatorError> {
        let spec = InstanceSpec {
            operator: operator.to_owned(),
            config: config.clone(),
            inputs,
            limits: limits.clone(),
            log: self.guest_log.clone(),
        };
        component.instantiate(spec).map_err(|e| OperatorError::Call(e.to_string()))
    }

    /// The dead-letter output is the last one; if nobody reads it, its rows are counted and dropped.
    fn dead_letters(&self, node: usize, on_error: OnError, metrics: Metrics) -> DeadLetters {
        let outputs = &self.pruned.nodes[node].outputs;
        let last = outputs.len().saturating_sub(1);
        let read = outputs.last().is_some_and(Option::is_some);
        let on_error = if on_error == OnError::DeadLetter && !read { OnError::Skip } else { on_error };
        DeadLetters::new(on_error, last, metrics)
    }

    /// The columns of a component's outputs that somebody reads; of one that nobody reads, none.
    fn output_maps(&self, node: usize, plan: &Plan, position: &dyn Fn(usize) -> Option<usize>) -> Vec<OutputMap> {
        let map = |(index, output): (usize, &weir_host::OutputPlan)| {
            let needed = self.pruned.nodes[node].outputs[index].clone().unwrap_or_default();
            let schema = &self.resolved.nodes[node].outputs[index].1;
            let is_computed = |c: &OutputColumn| matches!(c, OutputColumn::Computed(_));
            let source = |column: &usize| match &output.columns[*column] {
                OutputColumn::Kept { column, .. } => OutputSource::Kept(position(*column)),
                OutputColumn::Computed(_) => {
                    OutputSource::Computed(output.columns[..*column].iter().filter(|c| is_computed(c)).count())
                }
            };
            OutputMap {
                columns: needed.iter().map(source).collect(),
                schema: Arc::new(Schema::new(needed.iter().map(|c| schema.fields()[*c].clone()).collect::<Vec<_>>())),
            }
        };
        plan.outputs.iter().enumerate().map(map).collect()
    }
}
