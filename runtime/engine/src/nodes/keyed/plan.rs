//! A keyed component, to the planner.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::new_empty_array;
use arrow::datatypes::Schema;
use weir_host::{CallError, StateLayout, States};

use super::guest::KeyedGuest;
use super::layout::{can_share_keys, check_goes_back, check_readable};
use super::{KeyedOperator, KeyedSpec, maps};
use crate::dataflow::operator::Operator;
use crate::error::OperatorError;
use crate::nodes::component::ComponentStep;
use crate::plan::node::{
    ComponentUse, InputPort, KeyedLayout, MakeContext, MakeError, OutputPort, PlanNode, ReplaceContext,
};
use crate::replace::replaceable::Version;
use crate::replace::version::{NewVersion, SwapError};

/// Runs a component of the world `keyed-operator`.
#[derive(Clone)]
pub(crate) struct KeyedStep {
    pub(crate) step: ComponentStep,
    /// Whether a swap has put it back: then it may give up columns of the state that it resumes from.
    pub(crate) goes_back: bool,
}

impl KeyedStep {
    fn guest(&self, cx: &MakeContext<'_>) -> Result<KeyedGuest, OperatorError> {
        let of_keys = |column: usize| self.step.keys.iter().position(|k| *k == column);
        Ok(KeyedGuest {
            version: self.step.version(),
            goes_back: self.goes_back,
            instance: self.step.metered(cx)?,
            reads: self.step.reads(cx.columns),
            outputs: self.step.output_maps(cx.columns, &|column| cx.columns.position(0, column)),
            timer_outputs: self.step.output_maps(cx.columns, &of_keys),
        })
    }

    /// One that keeps no state has a layout without columns.
    fn layout(&self) -> StateLayout {
        let layout = self.step.plan.state.clone();
        layout.unwrap_or_else(|| StateLayout { version: 0, schema: Arc::new(Schema::empty()) })
    }

    /// Whether it can read states of a layout, asked with no states at all.
    fn try_migration(&self, cx: &ReplaceContext<'_>, from: &StateLayout) -> Result<(), String> {
        let mut instance = self.step.instance(cx.name, cx.guest_log).map_err(|e| e.to_string())?;
        let columns = from.schema.fields().iter().map(|field| new_empty_array(field.data_type()));
        let none = States { keys: 0, present: None, columns: columns.collect() };
        match instance.migrate(from.version, &from.schema, &none) {
            Ok(_) => Ok(()),
            Err(CallError::Call(reason)) => Err(reason),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl PlanNode for KeyedStep {
    fn kind(&self) -> &'static str {
        "keyed operator"
    }

    fn inputs(&self) -> &[InputPort] {
        &self.step.inputs
    }

    fn outputs(&self) -> &[OutputPort] {
        &self.step.outputs
    }

    fn parallelism(&self) -> usize {
        self.step.parallelism
    }

    fn needs(&self, read: &[Option<BTreeSet<usize>>]) -> Vec<Vec<usize>> {
        vec![self.step.needs(read).into_iter().collect()]
    }

    fn components(&self) -> Vec<ComponentUse<'_>> {
        vec![self.step.component_use()]
    }

    fn keyed_state(&self) -> Option<KeyedLayout> {
        Some(KeyedLayout {
            keys: self.step.keys.len(),
            layout: self.layout(),
            maps: self.step.plan.maps.clone(),
            goes_back: self.goes_back,
        })
    }

    fn state_bytes_max(&self) -> u64 {
        self.step.spec.limits.state_bytes
    }

    fn make(&self, cx: &MakeContext<'_>) -> Result<Option<Box<dyn Operator>>, MakeError> {
        let input = self.step.schema().project(cx.columns.inputs.first().map_or(&[], Vec::as_slice));
        let spec = KeyedSpec {
            name: cx.name.to_owned(),
            guest: self.guest(cx)?,
            input: Arc::new(input.map_err(OperatorError::from)?),
            keys: cx.columns.positions(0, &self.step.keys),
            dead_letters: self.step.dead_letters(cx),
            key_groups: cx.key_groups,
            memory: Arc::clone(&cx.metrics.memory),
        };
        Ok(Some(Box::new(KeyedOperator::new(spec, cx.clock.clone())?)))
    }

    fn replaced(&self, cx: &ReplaceContext<'_>, version: &NewVersion) -> Result<Arc<dyn PlanNode>, SwapError> {
        let new = Self { step: self.step.replaced(cx, version)?, goes_back: version.goes_back };
        let unfit = |reason: String| SwapError::Unfit { operator: version.operator.clone(), reason };
        let (old_layout, new_layout) = (self.layout(), new.layout());
        let fits = if version.goes_back { check_goes_back } else { check_readable };
        maps::check_same(&self.step.plan.maps, &new.step.plan.maps).map_err(unfit)?;
        fits(&old_layout, &new_layout).map_err(unfit)?;
        if cx.probation.canary.is_some() && !can_share_keys(&old_layout, &new_layout) {
            let reason = "it keeps state in another layout, so keys cannot go from one version to the other: swap without a canary";
            return Err(unfit(reason.to_owned()));
        }
        if old_layout.version != new_layout.version {
            new.try_migration(cx, &old_layout).map_err(unfit)?;
            let back = self.try_migration(cx, &new_layout);
            if let (Err(reason), true) = (back, cx.probation.batches > 0) {
                return Err(SwapError::Irreversible { operator: version.operator.clone(), reason });
            }
        }
        Ok(Arc::new(new))
    }

    fn going_back(&self) -> Option<Arc<dyn PlanNode>> {
        Some(Arc::new(Self { goes_back: true, ..self.clone() }))
    }

    fn make_version(&self, _: &dyn PlanNode, cx: &MakeContext<'_>) -> Result<Version, OperatorError> {
        Ok(Version::new(self.guest(cx)?))
    }
}
