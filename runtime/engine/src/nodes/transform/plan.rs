//! A stateless component, to the planner.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{TransformGuest, TransformOperator};
use crate::dataflow::operator::Operator;
use crate::error::OperatorError;
use crate::nodes::component::ComponentStep;
use crate::plan::node::{ComponentUse, InputPort, MakeContext, MakeError, OutputPort, PlanNode, ReplaceContext};
use crate::replace::replaceable::Version;
use crate::replace::version::{NewVersion, SwapError};

/// Runs a component of the world `transform-operator`.
pub(crate) struct TransformStep {
    pub(crate) step: ComponentStep,
}

impl TransformStep {
    fn guest(&self, cx: &MakeContext<'_>) -> Result<TransformGuest, OperatorError> {
        Ok(TransformGuest {
            version: self.step.version(),
            instance: self.step.metered(cx)?,
            reads: self.step.reads(cx.columns),
            outputs: self.step.output_maps(cx.columns, &|column| cx.columns.position(0, column)),
            times: self.step.times.as_ref().and_then(|times| times.among(cx.columns)),
            metrics: cx.metrics.clone(),
        })
    }
}

impl PlanNode for TransformStep {
    fn kind(&self) -> &'static str {
        "transform"
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

    fn carried(&self, output: usize) -> Vec<Option<usize>> {
        self.step.carried(output)
    }

    fn components(&self) -> Vec<ComponentUse<'_>> {
        vec![self.step.component_use()]
    }

    fn make(&self, cx: &MakeContext<'_>) -> Result<Option<Box<dyn Operator>>, MakeError> {
        Ok(Some(Box::new(TransformOperator::new(self.guest(cx)?, self.step.dead_letters(cx)))))
    }

    fn replaced(&self, cx: &ReplaceContext<'_>, version: &NewVersion) -> Result<Arc<dyn PlanNode>, SwapError> {
        let step = self.step.replaced(cx, version)?;
        if cx.probation.canary.is_some() {
            let reason = "it has no keys of which some could go first: swap without a canary, after a shadow run";
            return Err(SwapError::Unfit { operator: version.operator.clone(), reason: reason.to_owned() });
        }
        Ok(Arc::new(Self { step }))
    }

    fn make_version(&self, _: &dyn PlanNode, cx: &MakeContext<'_>) -> Result<Version, OperatorError> {
        Ok(Version::new(self.guest(cx)?))
    }
}
