//! Makes the operators of a job's steps: indices into schemas become indices into the columns that really come in.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use weir_core::graph::{OnError, WindowNode};
use weir_host::{InputSchema, Instance, InstanceSpec, OutputColumn, Plan};

use crate::job::Job;
use crate::operator::{Guest, Metrics, Operator, OperatorError, Version};
use crate::operators::window::{AggregateKind, BoundAggregate, WindowSpec, combine_operator, window_operator};
use crate::operators::{
    DeadLetters, KeyedGuest, KeyedOperator, KeyedSpec, Meter, OutputMap, OutputSource, TransformGuest,
    TransformOperator, instance_aggregate,
};
use crate::plan::{ResolvedAggregate, ResolvedAggregateKind, ResolvedKind, ResolvedNode, StepKind, StepPlan};

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
                    guest: self.keyed_guest(step.node, meter)?,
                    keys: positions(keys),
                    key_fields: keys.iter().map(|k| fields.fields()[*k].clone()).collect(),
                    dead_letters: self.dead_letters(step.node, spec.on_error, meter.metrics.clone()),
                    key_groups: self.groups,
                };
                Ok(Box::new(KeyedOperator::new(spec, meter.clock.clone())?))
            }
            ResolvedKind::Window { node: spec, keys, aggregates } => {
                let window = self.window(step.node, spec, positions(keys), aggregates, &positions, meter)?;
                match step.kind {
                    StepKind::Node => window_operator(window),
                    StepKind::Merge => window_operator(WindowSpec { partials: true, ..window }),
                    StepKind::Combine => match combine_operator(&window)? {
                        Some((combine, _)) => Ok(combine),
                        None => Err(OperatorError::Call("this window cannot be aggregated ahead".to_owned())),
                    },
                }
            }
            _ => Err(OperatorError::Call(format!("{} is not an operator", node.name))),
        }
    }

    /// The version of a node's component that this job has.
    pub(crate) fn version(&self, node: usize, meter: &Meter) -> Result<Version, OperatorError> {
        Ok(Version(match &self.resolved.nodes[node].kind {
            ResolvedKind::Transform { .. } => Guest::Transform(Box::new(self.transform_guest(node, meter)?)),
            _ => Guest::Keyed(Box::new(self.keyed_guest(node, meter)?)),
        }))
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
        let ResolvedKind::Keyed { node: spec, plan, component, keys } = kind else {
            return Err(OperatorError::Version);
        };
        let input = InputSchema { schema: self.full_input(node), keys: keys.clone() };
        let of_keys = |column: usize| keys.iter().position(|k| *k == column);
        Ok(KeyedGuest {
            version: component.version(&spec.config),
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

    fn window(
        &self,
        node: usize,
        spec: &WindowNode,
        key_columns: Vec<usize>,
        aggregates: &[ResolvedAggregate],
        positions: &dyn Fn(&[usize]) -> Vec<usize>,
        meter: &Meter,
    ) -> Result<WindowSpec, OperatorError> {
        let pruned = &self.pruned.nodes[node].outputs;
        let read = |output: usize| pruned.get(output).is_some_and(Option::is_some);
        let input = self.full_input(node);
        let aggregate = |a: &ResolvedAggregate| {
            let columns = positions(&a.columns);
            let kind = match &a.kind {
                ResolvedAggregateKind::Builtin(function) => {
                    AggregateKind::Builtin { function: *function, column: columns.first().copied() }
                }
                ResolvedAggregateKind::Component { component, config, limits } => {
                    let schema = Arc::new(input.project(&a.columns)?);
                    let inputs = vec![InputSchema { schema, keys: Vec::new() }];
                    let name = format!("{}.{}", self.resolved.nodes[node].name, a.name);
                    let instance = meter.on(self.instance(&name, component, config, limits, inputs)?, limits);
                    AggregateKind::Component { aggregate: instance_aggregate(instance), columns }
                }
            };
            Ok(BoundAggregate { name: a.name.clone(), kind })
        };
        Ok(WindowSpec {
            input: self.input_schema(node),
            key_columns,
            window: spec.window,
            aggregates: aggregates.iter().map(aggregate).collect::<Result<_, OperatorError>>()?,
            allowed_lateness_us: spec.allowed_lateness_us,
            late_output: read(1).then_some(1),
            on_error: if spec.on_error == OnError::DeadLetter && !read(2) { OnError::Skip } else { spec.on_error },
            dead_letter_output: 2,
            key_groups: self.groups,
            projection: pruned[0].clone(),
            partials: false,
            metrics: meter.metrics.clone(),
        })
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
