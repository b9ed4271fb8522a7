//! `[operators.NAME]`: a step that runs a component, as a transform or as a keyed operator, whichever world the component is of.

use std::sync::Arc;

use weir_core::graph::{Node, NodeKind, OperatorNode};
use weir_host::World;

use super::component::{ComponentStep, load};
use super::keyed::plan::KeyedStep;
use super::transform::plan::TransformStep;
use crate::plan::error::{CheckError, CheckErrors, check_distinct, key_column};
use crate::plan::node::{PlanContext, PlanNode, PortInput, StepKind};

/// The section `operators`.
pub(crate) struct OperatorKind;

impl StepKind for OperatorKind {
    fn section(&self) -> &'static str {
        "operators"
    }

    fn plan(&self, cx: &PlanContext<'_>, node: &Node, inputs: &[PortInput]) -> Result<Arc<dyn PlanNode>, CheckErrors> {
        let (spec, [input]) = (spec_of(node)?, inputs) else {
            return Err(CheckError::at(&node.span, "an operator has one input").into());
        };
        let keys = spec.key_by.iter().flatten().map(|key| key_column(&input.schema, key));
        let component = load(cx.host, &spec.component).map_err(CheckErrors::from);
        let (component, keys) = CheckErrors::both(component, CheckErrors::all(keys))?;
        if let (Some(exchange), Some(_)) = (&spec.exchange, &spec.key_by) {
            return Err(
                CheckError::at(&exchange.span, "a keyed operator gets its rows by key: remove `exchange`").into()
            );
        }
        check_distinct(&cx.graph.text, "key-by", spec.key_by.as_deref().unwrap_or_default())?;
        let refuse = |message: &str| Err(CheckError::at(&spec.component.span, message).into());
        match (component.world(), &spec.key_by) {
            (World::Transform, None) => {
                let step = ComponentStep::new(cx, node, spec, component, input, keys)?;
                Ok(Arc::new(TransformStep { step }))
            }
            (World::Keyed, Some(_)) => {
                let step = ComponentStep::new(cx, node, spec, component, input, keys)?;
                Ok(Arc::new(KeyedStep { step, goes_back: false }))
            }
            (World::Keyed, None) => refuse("this component is a keyed operator: add `key-by = [COLUMNS]`"),
            (World::Transform, Some(_)) => refuse("this component is a stateless transform: remove `key-by`"),
            (World::Aggregate, _) => {
                refuse("this component is an aggregate: use it in a window, as `aggregates.NAME = { component = ... }`")
            }
        }
    }

    fn check_alone(&self, cx: &PlanContext<'_>, node: &Node) -> Result<(), CheckErrors> {
        Ok(load(cx.host, &spec_of(node)?.component).map(drop)?)
    }
}

fn spec_of(node: &Node) -> Result<&OperatorNode, CheckError> {
    match &node.kind {
        NodeKind::Operator(spec) => Ok(spec),
        _ => Err(CheckError::at(&node.span, "this is no operator")),
    }
}
