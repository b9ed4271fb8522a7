//! Instances of other versions of a job's components, by subtask: to replace those that run, or to be called beside them. How they get
//! there is [`delivery`](crate::replace::delivery)'s.

use std::sync::Arc;

use weir_core::key_group::groups_of_subtask;
use weir_core::swap::{Probation, Swap};
use weir_core::time::Clock;

use super::job::Job;
use crate::dataflow::metrics::Metrics;
use crate::replace::delivery::{PendingShadow, PendingSwap, Versions};
use crate::replace::shadow::SharedShadow;
use crate::replace::trial::SharedSwap;
use crate::replace::version::SwapError;

impl Job {
    /// Instances for every subtask of a job whose versions are to become this one's; `metrics` are its nodes'.
    pub(crate) fn pending_swap(
        &self,
        old: &Self,
        probation: Probation,
        metrics: &[Metrics],
        clock: &Arc<dyn Clock>,
    ) -> Result<PendingSwap, SwapError> {
        let asked_us = clock.now_us();
        let subtasks = self.new_versions(old, metrics, clock)?;
        let places =
            self.physical.chains.iter().flat_map(|chain| (0..chain.parallelism).map(|n| (n, chain.parallelism)));
        let participating = subtasks.iter().zip(places).filter(|(versions, _)| !versions.is_empty());
        let has_share = |(_, (number, parallelism))| {
            let mut groups = groups_of_subtask(number, parallelism, self.groups);
            probation.canary.is_none_or(|canary| groups.any(|group| canary.has(group)))
        };
        let has_share: Vec<bool> = participating.map(has_share).collect();
        let spared =
            has_share.iter().enumerate().filter(|(_, has_share)| !**has_share).map(|(participant, _)| participant);
        let swap = Swap::new(probation, has_share.len(), asked_us).sparing(spared);
        let swap = if self.gives_up_state(old) { swap.giving_up_state() } else { swap };
        Ok(PendingSwap { subtasks, swap: SharedSwap::new(swap, clock.clone()) })
    }

    /// Instances for every subtask of a job that `old` is, to be called beside those that run.
    pub(crate) fn pending_shadow(
        &self,
        old: &Self,
        until_us: i64,
        clock: &Arc<dyn Clock>,
    ) -> Result<PendingShadow, SwapError> {
        let changed = (0..self.resolved.nodes.len()).filter(|node| self.versions_of(*node) != old.versions_of(*node));
        for node in changed {
            if let Some(reason) = self.step(node).refuses_shadow() {
                let operator = self.resolved.nodes[node].name.clone();
                return Err(SwapError::Unfit { operator, reason: reason.to_owned() });
            }
        }
        // Only the running version's metrics are reported; these are dropped.
        let metrics: Vec<Metrics> = self.resolved.nodes.iter().map(|_| Metrics::default()).collect();
        let subtasks = self.new_versions(old, &metrics, clock)?;
        let participants = subtasks.iter().filter(|versions| !versions.is_empty()).count();
        let shadow = SharedShadow::new(participants, clock.clone(), until_us);
        Ok(PendingShadow { subtasks, shadow })
    }

    /// By subtask: what its steps are to run that `old` does not.
    fn new_versions(&self, old: &Self, metrics: &[Metrics], clock: &Arc<dyn Clock>) -> Result<Versions, SwapError> {
        let is_changed = |node: usize| self.versions_of(node) != old.versions_of(node);
        let mut subtasks = Vec::new();
        for chain in &self.physical.chains {
            let steps = chain.steps.iter().enumerate();
            let changed = steps.filter(|(_, plan)| is_changed(plan.node)).map(|(step, plan)| (step, plan.node));
            let changed: Vec<(usize, usize)> = changed.collect();
            for _ in 0..chain.parallelism {
                let version = |&(step, node): &(usize, usize)| {
                    let operator = || self.resolved.nodes[node].name.clone();
                    let cx = self.make_context(node, &metrics[node], clock);
                    let version = self.step(node).make_version(old.step(node), &cx);
                    Ok((step, version.map_err(|error| SwapError::Instance { operator: operator(), error })?))
                };
                subtasks.push(changed.iter().map(version).collect::<Result<_, SwapError>>()?);
            }
        }
        Ok(subtasks)
    }
}
