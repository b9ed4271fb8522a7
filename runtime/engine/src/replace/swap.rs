//! Replacing the components of a job while it runs: which versions fit. `delivery` gets them to every subtask at one barrier. When
//! they are kept is decided by [`weir_core::swap`]; what is done with state is the operators'.

use std::sync::Arc;

use arrow::datatypes::Schema;
use weir_core::column_type::type_name;
use weir_core::limits::OperatorLimits;
use weir_core::pipeline::did_you_mean;
use weir_core::swap::Probation;
use weir_host::{CallError, Component, InputSchema, Instance, OutputColumn, Plan, StateLayout, States};

use crate::dataflow::operator::OperatorError;
use crate::nodes::keyed::layout::{can_share_keys, check_goes_back, check_readable, gives_up};
use crate::plan::job::Job;
use crate::plan::resolve::{ResolvedAggregate, ResolvedAggregateKind, ResolvedKind, ResolvedNode};

/// What an operator of a running job is to run from now on.
#[derive(Clone, Debug)]
pub struct NewVersion {
    /// The operator's name.
    pub operator: String,
    /// The component.
    pub component: Component,
    /// What `describe` gets.
    pub config: serde_json::Value,
    /// The bounds of its instances.
    pub limits: OperatorLimits,
    /// Whether it ran before: then columns that its state does not have are given up, if they can be null.
    pub goes_back: bool,
}

/// Why a swap is refused. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum SwapError {
    /// There is no such operator.
    #[error("the job has no operator {name:?}{hint}; it has {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// A name that is nearly the same.
        hint: String,
        /// Those that it has.
        known: String,
    },
    /// It runs that already.
    #[error("operator {0:?} runs that version already")]
    Same(String),
    /// The version does not fit into the job.
    #[error("operator {operator:?} cannot run that version: {reason}")]
    Unfit {
        /// Its name.
        operator: String,
        /// What does not fit, and what to do.
        reason: String,
    },
    /// It reads what does not come to it.
    #[error(
        "operator {operator:?} would need the column {column:?}, which the running job does not carry to it: deploy the pipeline \
         again, and the job goes on from a checkpoint with it"
    )]
    Column {
        /// The operator's name.
        operator: String,
        /// The column.
        column: String,
    },
    /// The old version could not come back.
    #[error(
        "operator {operator:?} could not go back: the version that runs cannot read the state of the new one ({reason}); swap \
         without probation to accept that"
    )]
    Irreversible {
        /// The operator's name.
        operator: String,
        /// What the old version says.
        reason: String,
    },
    /// An instance could not be made.
    #[error("no instance of the new version of operator {operator:?}")]
    Instance {
        /// Its name.
        operator: String,
        /// Why.
        #[source]
        error: OperatorError,
    },
    /// There is one already.
    #[error("another swap of this job is not over yet: wait for it, or roll it back")]
    UnderWay,
    /// The job does not run.
    #[error("the job does not run now: it waits to be started again, or was stopped")]
    NotRunning,
    /// The job keeps no checkpoints, which a swap is recorded in.
    #[error("the job keeps no checkpoints, and a swap is recorded in one: add [checkpoint] to the pipeline")]
    NotDurable,
}

impl Job {
    /// This job with other versions of some of its operators: the same subtasks and the same columns between them.
    ///
    /// # Errors
    /// The first version that does not fit: its inputs, its outputs, or the state that is there.
    pub fn swapped(&self, versions: &[NewVersion], probation: Probation) -> Result<Self, SwapError> {
        let mut job = self.clone();
        for version in versions {
            if let Some(place) = self.component_aggregate(&version.operator) {
                job.resolved.nodes[place.0].kind = job.swapped_aggregate(place, version, probation)?;
                continue;
            }
            let node = self.component_node(&version.operator)?;
            let kind = self.swapped_kind(node, version)?;
            job.resolved.nodes[node].kind = kind;
            let unfit = |reason: String| SwapError::Unfit { operator: version.operator.clone(), reason };
            job.check_carried(node, &version.operator)?;
            let (old, new) = (self.layout(node), job.layout(node));
            match version.goes_back {
                true => check_goes_back(&old, &new),
                false => check_readable(&old, &new),
            }
            .map_err(unfit)?;
            if probation.canary.is_some() {
                self.check_canary(node, &old, &new).map_err(|reason| unfit(reason.to_owned()))?;
            }
            if old.version != new.version {
                job.try_migration(node, &old).map_err(unfit)?;
                let back = self.try_migration(node, &new);
                if let (Err(reason), true) = (back, probation.batches > 0) {
                    return Err(SwapError::Irreversible { operator: version.operator.clone(), reason });
                }
            }
        }
        Ok(job)
    }

    /// Which version every operator with a component runs, and every aggregate that is one (`WINDOW.AGGREGATE`).
    #[must_use]
    pub fn versions(&self) -> Vec<(String, String)> {
        let versions = (0..self.resolved.nodes.len()).flat_map(|node| self.versions_of(node));
        versions.map(|(name, version, _)| (name, version)).collect()
    }

    /// The components of a node: what each is called, its version, and its bounds.
    pub(crate) fn versions_of<'a>(&'a self, node: usize) -> Vec<(String, String, &'a OperatorLimits)> {
        let ResolvedNode { name, kind, .. } = &self.resolved.nodes[node];
        match kind {
            ResolvedKind::Transform { node: spec, component, .. }
            | ResolvedKind::Keyed { node: spec, component, .. } => {
                vec![(name.clone(), component.version(&spec.config), &spec.limits)]
            }
            ResolvedKind::Window { aggregates, .. } => {
                let version = |a: &'a ResolvedAggregate| match &a.kind {
                    ResolvedAggregateKind::Component { component, config, limits } => {
                        Some((self.aggregate_name(node, a), component.version(config), limits))
                    }
                    ResolvedAggregateKind::Builtin(_) => None,
                };
                aggregates.iter().filter_map(version).collect()
            }
            ResolvedKind::Source(_) | ResolvedKind::Sink { .. } => Vec::new(),
        }
    }

    fn component_node(&self, name: &str) -> Result<usize, SwapError> {
        let runs_component =
            |kind: &ResolvedKind| matches!(kind, ResolvedKind::Transform { .. } | ResolvedKind::Keyed { .. });
        let nodes = &self.resolved.nodes;
        nodes.iter().position(|node| node.name == name && runs_component(&node.kind)).ok_or_else(|| {
            let known = self.versions();
            let known: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
            let hint = did_you_mean(name, &known);
            let known = if known.is_empty() { "none with a component".to_owned() } else { known.join(", ") };
            SwapError::Unknown { name: name.to_owned(), hint, known }
        })
    }

    /// Whether versions of it that go back give up columns of the state that `old` keeps.
    pub(super) fn gives_up_state(&self, old: &Self) -> bool {
        let gives_up = |(node, of): (usize, &ResolvedNode)| {
            matches!(of.kind, ResolvedKind::Keyed { goes_back: true, .. })
                && gives_up(&old.layout(node), &self.layout(node))
        };
        self.resolved.nodes.iter().enumerate().any(gives_up)
    }

    /// A share of the keys can have another version only if there are keys, and if both versions keep the same of them.
    fn check_canary(&self, node: usize, old: &StateLayout, new: &StateLayout) -> Result<(), &'static str> {
        match &self.resolved.nodes[node].kind {
            ResolvedKind::Keyed { .. } if can_share_keys(old, new) => Ok(()),
            ResolvedKind::Keyed { .. } => Err(
                "it keeps state in another layout, so keys cannot go from one version to the other: swap without a canary",
            ),
            _ => Err("it has no keys of which some could go first: swap without a canary, after a shadow run"),
        }
    }

    /// What a node is with another version, if that is of the same world, takes the node's input and makes the same columns.
    fn swapped_kind(&self, node: usize, version: &NewVersion) -> Result<ResolvedKind, SwapError> {
        let NewVersion { operator, component, config, limits, .. } = version;
        let unfit = |reason: String| SwapError::Unfit { operator: operator.clone(), reason };
        let mut kind = self.resolved.nodes[node].kind.clone();
        let (ResolvedKind::Transform { node: spec, component: of, plan }
        | ResolvedKind::Keyed { node: spec, component: of, plan, .. }) = &mut kind
        else {
            return Err(unfit("it runs no component".to_owned()));
        };
        if component.world() != of.world() {
            return Err(unfit(format!("it is a component of {}, and runs one of {}", component.world(), of.world())));
        }
        if of.version(&spec.config) == component.version(config) && spec.limits == *limits {
            return Err(SwapError::Same(operator.clone()));
        }
        let new = component.describe(config, &[self.input_of(node)]).map_err(|e| unfit(e.to_string()))?;
        check_outputs(plan, &new).map_err(unfit)?;
        (*of, *plan) = (component.clone(), new);
        (spec.config, spec.limits) = (config.clone(), limits.clone());
        if let ResolvedKind::Keyed { goes_back, .. } = &mut kind {
            *goes_back = version.goes_back;
        }
        Ok(kind)
    }

    fn input_of(&self, node: usize) -> InputSchema {
        let keys = match &self.resolved.nodes[node].kind {
            ResolvedKind::Keyed { keys, .. } => keys.clone(),
            _ => Vec::new(),
        };
        InputSchema { schema: self.full_input(node), keys }
    }

    fn plan_of(&self, node: usize) -> Option<&Plan> {
        match &self.resolved.nodes[node].kind {
            ResolvedKind::Transform { plan, .. } | ResolvedKind::Keyed { plan, .. } => Some(plan),
            _ => None,
        }
    }

    /// How a node keeps state; one that keeps none has a layout without columns.
    fn layout(&self, node: usize) -> StateLayout {
        let layout = self.plan_of(node).and_then(|plan| plan.state.clone());
        layout.unwrap_or_else(|| StateLayout { version: 0, schema: Arc::new(Schema::empty()) })
    }

    /// How many key columns a keyed node has, and how it keeps state; `None`: it is none.
    pub(crate) fn keyed_layout(&self, node: usize) -> Option<(usize, StateLayout)> {
        match &self.resolved.nodes[node].kind {
            ResolvedKind::Keyed { keys, .. } => Some((keys.len(), self.layout(node))),
            _ => None,
        }
    }

    /// Refuses a version that reads, or carries over, a column that does not come to it.
    fn check_carried(&self, node: usize, operator: &str) -> Result<(), SwapError> {
        let Some(plan) = self.plan_of(node) else { return Ok(()) };
        let pruned = &self.pruned.nodes[node];
        let kept = plan.outputs.iter().zip(&pruned.outputs).flat_map(|(output, needed)| {
            needed.iter().flatten().filter_map(|index| match output.columns.get(*index) {
                Some(OutputColumn::Kept { column, .. }) => Some(*column),
                _ => None,
            })
        });
        match plan.reads.iter().flatten().copied().chain(kept).find(|column| !pruned.input.contains(column)) {
            Some(column) => {
                let column = self.full_input(node).field(column).name().clone();
                Err(SwapError::Column { operator: operator.to_owned(), column })
            }
            None => Ok(()),
        }
    }

    /// Whether a node's version can read states of a layout, asked with no states at all.
    fn try_migration(&self, node: usize, from: &StateLayout) -> Result<(), String> {
        let ResolvedKind::Keyed { node: spec, component, .. } = &self.resolved.nodes[node].kind else { return Ok(()) };
        let mut instance: Instance = self
            .instance(&self.resolved.nodes[node].name, component, &spec.config, &spec.limits, vec![self.input_of(node)])
            .map_err(|e| e.to_string())?;
        let columns = from.schema.fields().iter().map(|field| arrow::array::new_empty_array(field.data_type()));
        let none = States { keys: 0, present: None, columns: columns.collect() };
        match instance.migrate(from.version, &from.schema, &none) {
            Ok(_) => Ok(()),
            Err(CallError::Call(reason)) => Err(reason),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The columns that others read must stay what they are.
pub(crate) fn check_outputs(old: &Plan, new: &Plan) -> Result<(), String> {
    for (index, output) in old.outputs.iter().enumerate() {
        let name = &output.name;
        let Some(other) = new.outputs.get(index).filter(|other| other.name == *name) else {
            return Err(format!("it has no output {name:?} in that place, which the pipeline has"));
        };
        let (old, new) = (output.schema.fields(), other.schema.fields());
        for (position, field) in old.iter().enumerate() {
            let describe = |f: &arrow::datatypes::Field| {
                let nullable = if f.is_nullable() { ", nullable" } else { "" };
                format!("{:?} {}{nullable}", f.name(), type_name(f.data_type()))
            };
            match new.get(position) {
                None => return Err(format!("its output {name:?} has no column {:?} any more", field.name())),
                Some(other) if other.name() != field.name() || other.data_type() != field.data_type() => {
                    let (was, is) = (describe(field), describe(other));
                    return Err(format!("column {position} of its output {name:?} would be {is} instead of {was}"));
                }
                Some(other) if other.is_nullable() && !field.is_nullable() => {
                    return Err(format!("the column {:?} of its output {name:?} could be null now", field.name()));
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
