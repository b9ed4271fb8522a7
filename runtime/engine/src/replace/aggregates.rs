//! Which versions fit an aggregate of a window that is a component. Its accumulators stay as they are, so both versions must keep
//! the same.

use std::sync::Arc;

use weir_core::swap::Probation;
use weir_host::InputSchema;

use crate::nodes::keyed::layout::{check_readable, is_same};
use crate::plan::job::Job;
use crate::plan::resolve::{ResolvedAggregateKind, ResolvedKind};
use crate::replace::swap::{NewVersion, SwapError, check_outputs};

impl Job {
    /// The window, and which of its aggregates is called `WINDOW.AGGREGATE` and is a component.
    pub(super) fn component_aggregate(&self, name: &str) -> Option<(usize, usize)> {
        let (window, aggregate) = name.split_once('.')?;
        let node = self.resolved.nodes.iter().position(|node| node.name == window)?;
        let ResolvedKind::Window { aggregates, .. } = &self.resolved.nodes[node].kind else { return None };
        let is_it = |kind: &ResolvedAggregateKind| matches!(kind, ResolvedAggregateKind::Component { .. });
        Some((node, aggregates.iter().position(|a| a.name == aggregate && is_it(&a.kind))?))
    }

    /// What a window is with another version of one of its aggregates, if that takes the same columns, makes the same one and keeps
    /// the same accumulators.
    pub(super) fn swapped_aggregate(
        &self,
        (node, aggregate): (usize, usize),
        version: &NewVersion,
        probation: Probation,
    ) -> Result<ResolvedKind, SwapError> {
        let unfit = |reason: String| SwapError::Unfit { operator: version.operator.clone(), reason };
        let full = self.full_input(node);
        let mut kind = self.resolved.nodes[node].kind.clone();
        let ResolvedKind::Window { aggregates, .. } = &mut kind else { return Ok(kind) };
        let columns = aggregates[aggregate].columns.clone();
        let ResolvedAggregateKind::Component { component, config, limits } = &mut aggregates[aggregate].kind else {
            return Ok(kind);
        };
        let (was, is) = (component.world(), version.component.world());
        if was != is {
            return Err(unfit(format!("it is a component of {is}, and runs one of {was}")));
        }
        if component.version(config) == version.component.version(&version.config) && *limits == version.limits {
            return Err(SwapError::Same(version.operator.clone()));
        }
        if probation.canary.is_some() {
            let reason = "windows give a new version of an aggregate all their groups at once: swap without a canary";
            return Err(unfit(reason.to_owned()));
        }
        let schema = full.project(&columns).map_err(|e| unfit(e.to_string()))?;
        let inputs = [InputSchema { schema: Arc::new(schema), keys: Vec::new() }];
        let old = component.describe(config, &inputs).map_err(|e| unfit(e.to_string()))?;
        let new = version.component.describe(&version.config, &inputs).map_err(|e| unfit(e.to_string()))?;
        check_outputs(&old, &new).map_err(unfit)?;
        let is_same =
            |(old, new)| is_same(old, new) && check_readable(old, new).is_ok() && check_readable(new, old).is_ok();
        if !old.state.iter().zip(&new.state).all(is_same) {
            let reason = "it keeps accumulators of another layout, and nothing converts those of windows that are open: give the \
                          aggregate another name, and deploy the pipeline again";
            return Err(unfit(reason.to_owned()));
        }
        (*component, *config, *limits) = (version.component.clone(), version.config.clone(), version.limits.clone());
        Ok(kind)
    }
}
