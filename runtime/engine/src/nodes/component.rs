//! A step that runs one component over one input: what transforms and keyed operators share. It knows neither.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use weir_core::column_type::type_name;
use weir_core::error::chain;
use weir_core::graph::{DEAD_LETTER_OUTPUT, Exchange, Node, OperatorNode, Spanned};
use weir_core::limits::OperatorLimits;
use weir_host::{Component, GuestLog, Host, InputSchema, Instance, InstanceSpec, OutputColumn, OutputPlan, Plan};

use super::dead_letter::{DeadLetters, Letters, with_error_column};
use super::delta::{OutputMap, OutputSource};
use super::meter::{Meter, MeteredInstance};
use super::step_times::{StepTimes, parallelism_of};
use crate::error::OperatorError;
use crate::plan::error::CheckError;
use crate::plan::node::{
    ComponentUse, Distribution, InputPort, MakeContext, NodeColumns, OutputPort, OutputRole, PlanContext, PortInput,
    ReplaceContext,
};
use crate::plan::refused_config::told;
use crate::replace::version::{NewVersion, SwapError};

/// A component of a pipeline file.
pub(crate) fn load(host: &Host, path: &Spanned<PathBuf>) -> Result<Component, CheckError> {
    host.load(&path.value).map_err(|e| CheckError::at(&path.span, chain(&e)))
}

/// A step that runs one component over one input.
#[derive(Clone)]
pub(crate) struct ComponentStep {
    pub(crate) spec: OperatorNode,
    pub(crate) component: Component,
    /// What the component does with this input.
    pub(crate) plan: Plan,
    pub(crate) keys: Vec<usize>,
    pub(crate) inputs: Vec<InputPort>,
    /// Those of the plan, and dead letters.
    pub(crate) outputs: Vec<OutputPort>,
    pub(crate) parallelism: usize,
    /// The event times of its main output, if it makes them.
    pub(crate) times: Option<StepTimes>,
}

impl ComponentStep {
    pub(super) fn new(
        cx: &PlanContext<'_>,
        node: &Node,
        spec: &OperatorNode,
        component: Component,
        from: &PortInput,
        keys: Vec<usize>,
    ) -> Result<Self, CheckError> {
        let input = &from.schema;
        let plan = component
            .describe(&spec.config, &[InputSchema::only(input.clone(), keys.clone())], &spec.limits)
            .map_err(|error| {
                let (what, place) = ("the operator refuses this pipeline", &spec.component.span);
                CheckError::of_describe(&cx.graph.text, &["operators", &node.name], place, what, (&error, &spec.config))
            })?;
        let made = plan.outputs.iter().enumerate();
        let mut outputs: Vec<OutputPort> =
            made.map(|(i, o)| OutputPort::new(&o.name, plan.output_schema(i), OutputRole::Made)).collect();
        let schema = with_error_column(input, letters_of(spec));
        outputs.push(OutputPort::new(DEAD_LETTER_OUTPUT, schema, OutputRole::WholeRows));
        let distribution = match (&spec.key_by, spec.exchange.as_ref().map(|e| e.value)) {
            (Some(_), _) => Distribution::Hash(keys.clone()),
            (None, Some(Exchange::Rebalance)) => Distribution::Rebalance,
            (None, Some(Exchange::Broadcast)) => Distribution::Broadcast,
            (None, None) => Distribution::Any,
        };
        let times = StepTimes::plan(node, &mut outputs)?;
        let parallelism = match (&spec.key_by, &spec.exchange) {
            (Some(_), _) if keys.is_empty() => 1,
            (None, None) => parallelism_of(cx, node, from),
            (Some(_), _) | (None, Some(_)) => cx.graph.parallelism,
        };
        Ok(Self {
            spec: spec.clone(),
            component,
            plan,
            keys,
            inputs: vec![InputPort::only(input.clone(), distribution)],
            outputs,
            parallelism,
            times,
        })
    }

    /// The columns of its input.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.inputs[0].schema
    }

    /// The input columns that it needs for what is read of its outputs.
    pub(crate) fn needs(&self, read: &[Option<BTreeSet<usize>>]) -> BTreeSet<usize> {
        let read = read.iter().map(|columns| columns.iter().flatten().copied().collect::<Vec<_>>());
        self.plan
            .reads
            .iter()
            .flatten()
            .copied()
            .chain(kept(&self.plan, read))
            .chain(self.keys.iter().copied())
            .collect()
    }

    /// Of each column of an output, the column of the input that it is; `None`: it is made.
    pub(crate) fn carried(&self, output: usize) -> Vec<Option<usize>> {
        match self.plan.outputs.get(output) {
            Some(output) => output.columns.iter().map(kept_column).collect(),
            // Dead letters.
            None => (0..self.schema().fields().len()).map(Some).chain([None]).collect(),
        }
    }

    pub(crate) fn component_use(&self) -> ComponentUse<'_> {
        ComponentUse { name: None, component: &self.component, config: &self.spec.config, limits: &self.spec.limits }
    }

    /// What names the component with its configuration.
    pub(crate) fn version(&self) -> String {
        self.component.version(&self.spec.config)
    }

    /// An instance for this step's input.
    pub(crate) fn instance(&self, name: &str, guest_log: &Arc<dyn GuestLog>) -> Result<Instance, OperatorError> {
        let input = InputSchema::only(self.schema().clone(), self.keys.clone());
        instance(name, &self.component_use(), input, guest_log)
    }

    pub(crate) fn metered(&self, cx: &MakeContext<'_>) -> Result<MeteredInstance, OperatorError> {
        let meter = Meter { metrics: cx.metrics.clone(), clock: cx.clock.clone() };
        Ok(meter.on(self.instance(cx.name, cx.guest_log)?, &self.spec.limits))
    }

    /// Where the columns that the component reads are among those that come in.
    pub(crate) fn reads(&self, columns: &NodeColumns) -> Vec<usize> {
        columns.positions(0, self.plan.reads.first().map_or(&[], Vec::as_slice))
    }

    /// Sets rows aside; if nobody reads the dead letters, they are counted and dropped.
    pub(crate) fn dead_letters(&self, cx: &MakeContext<'_>) -> DeadLetters {
        let output = self.outputs.len() - 1;
        let on_error = cx.columns.on_error(self.spec.on_error, output);
        DeadLetters::new(on_error, output, cx.metrics.clone(), letters_of(&self.spec))
    }

    /// The columns of the component's outputs that somebody reads; of one that nobody reads, none.
    pub(crate) fn output_maps(
        &self,
        columns: &NodeColumns,
        position: &dyn Fn(usize) -> Option<usize>,
    ) -> Vec<OutputMap> {
        let map = |(index, output): (usize, &OutputPlan)| {
            let needed = columns.outputs[index].clone().unwrap_or_default();
            let schema = &self.outputs[index].schema;
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
        self.plan.outputs.iter().enumerate().map(map).collect()
    }

    /// This step with another version, if that is of the same world, takes the input and makes the same columns.
    pub(crate) fn replaced(&self, cx: &ReplaceContext<'_>, version: &NewVersion) -> Result<Self, SwapError> {
        let NewVersion { operator, component, config, limits, .. } = version;
        let unfit = |reason: String| SwapError::Unfit { operator: operator.clone(), reason };
        let (is, was) = (component.world(), self.component.world());
        if is != was {
            return Err(unfit(format!("the new component is a {is}, but the running one is a {was}")));
        }
        if self.version() == component.version(config) && self.spec.limits == *limits {
            return Err(SwapError::Same(operator.clone()));
        }
        let input = InputSchema::only(self.schema().clone(), self.keys.clone());
        let plan = component.describe(config, &[input], limits).map_err(|error| unfit(told(&error).0))?;
        check_outputs(&self.plan, &plan).map_err(unfit)?;
        let mut step = Self { component: component.clone(), plan, ..self.clone() };
        (step.spec.config, step.spec.limits) = (config.clone(), limits.clone());
        step.check_carried(cx)?;
        Ok(step)
    }

    /// Refuses a version that reads, or carries over, a column that does not come to it.
    fn check_carried(&self, cx: &ReplaceContext<'_>) -> Result<(), SwapError> {
        let read = cx.columns.outputs.iter().map(|needed| needed.clone().unwrap_or_default());
        let mut columns = self.plan.reads.iter().flatten().copied().chain(kept(&self.plan, read));
        match columns.find(|column| cx.columns.position(0, *column).is_none()) {
            Some(column) => {
                let column = self.schema().field(column).name().clone();
                Err(SwapError::Column { operator: cx.name.to_owned(), column })
            }
            None => Ok(()),
        }
    }
}

/// Only what is keyed has timers.
fn letters_of(spec: &OperatorNode) -> Letters {
    if spec.key_by.is_some() { Letters::OfKeys } else { Letters::OfRows }
}

/// The input columns that a component's outputs carry over, of the columns of them that are read.
fn kept(plan: &Plan, read: impl Iterator<Item = Vec<usize>>) -> impl Iterator<Item = usize> {
    plan.outputs.iter().zip(read).flat_map(|(output, columns)| {
        columns.into_iter().filter_map(|index| output.columns.get(index).and_then(kept_column))
    })
}

fn kept_column(of: &OutputColumn) -> Option<usize> {
    match of {
        OutputColumn::Kept { column, .. } => Some(*column),
        OutputColumn::Computed(_) => None,
    }
}

/// An instance of a component for an input.
pub(crate) fn instance(
    name: &str,
    of: &ComponentUse<'_>,
    input: InputSchema,
    guest_log: &Arc<dyn GuestLog>,
) -> Result<Instance, OperatorError> {
    let spec = InstanceSpec {
        operator: name.to_owned(),
        config: of.config.clone(),
        inputs: vec![input],
        limits: OperatorLimits::clone(of.limits),
        log: guest_log.clone(),
    };
    of.component.instantiate(spec).map_err(|e| OperatorError::Call(e.to_string()))
}

/// The columns that others read must stay what they are.
pub(crate) fn check_outputs(old: &Plan, new: &Plan) -> Result<(), String> {
    for (index, output) in old.outputs.iter().enumerate() {
        let name = &output.name;
        let Some(other) = new.outputs.get(index).filter(|other| other.name == *name) else {
            return Err(format!("it lacks the output {name:?} that the pipeline has at this position"));
        };
        let (old, new) = (output.schema.fields(), other.schema.fields());
        for (position, field) in old.iter().enumerate() {
            let describe = |f: &arrow::datatypes::Field| {
                let nullable = if f.is_nullable() { ", nullable" } else { "" };
                format!("{:?} {}{nullable}", f.name(), type_name(f.data_type()))
            };
            match new.get(position) {
                None => return Err(format!("its output {name:?} no longer has the column {:?}", field.name())),
                Some(other) if other.name() != field.name() || other.data_type() != field.data_type() => {
                    let (was, is) = (describe(field), describe(other));
                    return Err(format!("column {position} of its output {name:?} would be {is} instead of {was}"));
                }
                Some(other) if other.is_nullable() && !field.is_nullable() => {
                    return Err(format!("the column {:?} of its output {name:?} can be null now", field.name()));
                }
                Some(_) => {}
            }
        }
        if let Some(more) = new.get(old.len()) {
            return Err(format!("its output {name:?} has a new column {:?}: deploy the pipeline again", more.name()));
        }
    }
    match new.outputs.get(old.outputs.len()) {
        Some(more) => Err(format!("it has a new output {:?}: deploy the pipeline again", more.name)),
        None => Ok(()),
    }
}
