//! A graph whose names and schemas are known, as data. It resolves nothing.

use std::sync::Arc;

use weir_core::graph::StepEventTime;

use super::node::PlanNode;

/// A graph whose names and schemas are known.
#[derive(Clone)]
pub(crate) struct Resolved {
    pub(crate) nodes: Vec<ResolvedNode>,
}

#[derive(Clone)]
pub(crate) struct ResolvedNode {
    pub(crate) name: String,
    pub(crate) inputs: Vec<InputEdge>,
    pub(crate) step: Arc<dyn PlanNode>,
    /// The event time of the rows of its main output, if it makes that.
    pub(crate) event_time: Option<StepEventTime>,
}

/// An edge into a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InputEdge {
    /// The node that it comes from.
    pub(crate) node: usize,
    /// Which of its outputs.
    pub(crate) output: usize,
    /// Which port of the node that it comes to.
    pub(crate) port: usize,
}
