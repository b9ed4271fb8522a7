//! Which versions of components fit into a running job. What fits a step is the step's; what is done with state is its operator's.

use weir_core::limits::OperatorLimits;
use weir_core::names::did_you_mean;
use weir_core::swap::Probation;

use super::job::Job;
use super::node::{ComponentUse, KeyedLayout, ReplaceContext};
use crate::replace::version::{NewVersion, SwapError};

impl Job {
    /// This job with other versions of some of its operators: the same subtasks and the same columns between them.
    ///
    /// # Errors
    /// The first version that does not fit: its inputs, its outputs, or the state that is there.
    pub fn swapped(&self, versions: &[NewVersion], probation: Probation) -> Result<Self, SwapError> {
        let mut job = self.clone();
        for version in versions {
            let (node, part) = self.component_of(&version.operator)?;
            let of = &self.resolved.nodes[node];
            let (name, columns, guest_log) = (of.name.as_str(), &self.pruned.nodes[node], &self.guest_log);
            let cx = ReplaceContext { name, columns, part: part.as_deref(), probation, guest_log };
            job.resolved.nodes[node].step = of.step.replaced(&cx, version)?;
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
    pub(crate) fn versions_of(&self, node: usize) -> Vec<(String, String, &OperatorLimits)> {
        let name = &self.resolved.nodes[node].name;
        let components = self.step(node).components().into_iter();
        let version = |of: &ComponentUse<'_>| of.component.version(of.config);
        components.map(|of| (of.full_name(name), version(&of), of.limits)).collect()
    }

    /// The node of a component, and which part of it that is.
    fn component_of(&self, name: &str) -> Result<(usize, Option<String>), SwapError> {
        for (index, node) in self.resolved.nodes.iter().enumerate() {
            if let Some(of) = node.step.components().into_iter().find(|of| of.full_name(&node.name) == name) {
                return Ok((index, of.name.map(str::to_owned)));
            }
        }
        let known = self.versions();
        let known: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
        let hint = did_you_mean(name, &known);
        let known = if known.is_empty() { "none with a component".to_owned() } else { known.join(", ") };
        Err(SwapError::Unknown { name: name.to_owned(), hint, known })
    }

    /// Whether versions of it that go back give up columns of the state that `old` keeps.
    pub(super) fn gives_up_state(&self, old: &Self) -> bool {
        (0..self.resolved.nodes.len()).any(|node| match (old.step(node).keyed_state(), self.step(node).keyed_state()) {
            (Some(old), Some(KeyedLayout { layout, goes_back: true, .. })) => old.layout.loses_columns_in(&layout),
            _ => false,
        })
    }
}
