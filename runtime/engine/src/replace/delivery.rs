//! Getting other versions of a job's components to every subtask: to replace those that run at one barrier, or to be called beside
//! them. Never decides whether they fit.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use weir_core::key_group::groups_of_subtask;
use weir_core::swap::{Event, Probation, Swap};
use weir_core::time::Clock;

use crate::dataflow::metrics::Metrics;
use crate::dataflow::step::StepError;
use crate::plan::job::Job;
use crate::replace::replaceable::Version;
use crate::replace::shadow::SharedShadow;
use crate::replace::trial::{Seat, SharedSwap};
use crate::replace::version::SwapError;

/// By subtask: versions for its steps.
type Versions = Vec<Vec<(usize, Version)>>;

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
        let seated = subtasks.iter().zip(places).filter(|(versions, _)| !versions.is_empty());
        let has_share = |(_, (number, parallelism))| {
            let mut groups = groups_of_subtask(number, parallelism, self.groups);
            probation.canary.is_none_or(|canary| groups.any(|group| canary.has(group)))
        };
        let has_share: Vec<bool> = seated.map(has_share).collect();
        let spared = has_share.iter().enumerate().filter(|(_, has_share)| !**has_share).map(|(seat, _)| seat);
        let swap = Swap::new(probation, has_share.len(), asked_us).sparing(spared);
        let swap = if self.gives_up_state(old) { swap.giving_up_state() } else { swap };
        Ok(PendingSwap { subtasks, swap: SharedSwap::new(swap, clock.clone()) })
    }

    /// Puts instances where the subtasks find them at their next barriers, each to be called beside the one that runs.
    pub(crate) fn shadow(
        &self,
        old: &Self,
        until_us: i64,
        clock: &Arc<dyn Clock>,
        boxes: &[Arc<SwapBox>],
    ) -> Result<SharedShadow, SwapError> {
        let changed = (0..self.resolved.nodes.len()).filter(|node| self.versions_of(*node) != old.versions_of(*node));
        for node in changed {
            if let Some(reason) = self.step(node).refuses_shadow() {
                let operator = self.resolved.nodes[node].name.clone();
                return Err(SwapError::Unfit { operator, reason: reason.to_owned() });
            }
        }
        // What runs is what is told of.
        let metrics: Vec<Metrics> = self.resolved.nodes.iter().map(|_| Metrics::default()).collect();
        let subtasks = self.new_versions(old, &metrics, clock)?;
        let seats = subtasks.iter().filter(|versions| !versions.is_empty()).count();
        let shadow = SharedShadow::new(seats, clock.clone(), until_us);
        for (versions, to) in subtasks.into_iter().zip(boxes).filter(|(versions, _)| !versions.is_empty()) {
            *lock(&to.shadow) = Some(SubtaskShadow { versions, shadow: shadow.clone() });
        }
        Ok(shadow)
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

/// A swap whose barrier has not begun yet.
pub(crate) struct PendingSwap {
    subtasks: Versions,
    pub(crate) swap: SharedSwap,
}

/// Where a subtask finds what it is to put in place at a barrier.
#[derive(Default)]
pub(crate) struct SwapBox {
    swap: Mutex<Option<SubtaskSwap>>,
    shadow: Mutex<Option<SubtaskShadow>>,
}

/// What a subtask puts in place at the first barrier that is not older than an attempt.
pub(crate) struct SubtaskSwap {
    attempt: u64,
    pub(crate) what: Delivery,
    pub(crate) seat: Seat,
}

/// What comes to a subtask at the barrier of a swap.
pub(crate) enum Delivery {
    /// New versions for its steps.
    Versions(Vec<(usize, Version)>),
    /// The rest of the key groups, for the versions that had the first of them.
    Rest,
}

/// What a subtask calls beside what it runs, from its next barrier on.
pub(crate) struct SubtaskShadow {
    pub(crate) versions: Vec<(usize, Version)>,
    pub(crate) shadow: SharedShadow,
}

impl PendingSwap {
    /// Puts the versions where the subtasks find them; by subtask, its seat in the swap.
    pub(crate) fn deliver(self, attempt: u64, boxes: &[Arc<SwapBox>]) -> (SharedSwap, Vec<Option<usize>>) {
        let mut next = 0;
        let seats = self.subtasks.into_iter().zip(boxes).map(|(versions, to)| {
            let subtask = next;
            if versions.is_empty() {
                return None;
            }
            next += 1;
            let seat = Seat { swap: self.swap.clone(), subtask };
            to.put(attempt, Delivery::Versions(versions), seat);
            Some(subtask)
        });
        let seats = seats.collect();
        (self.swap, seats)
    }
}

impl SwapBox {
    /// Puts something in place at the barrier of an attempt.
    pub(crate) fn put(&self, attempt: u64, what: Delivery, seat: Seat) {
        *lock(&self.swap) = Some(SubtaskSwap { attempt, what, seat });
    }

    /// What is to be put in place at a barrier.
    pub(crate) fn take(&self, attempt: u64) -> Option<SubtaskSwap> {
        lock(&self.swap).take_if(|swap| swap.attempt <= attempt)
    }

    /// What is to be called beside what runs.
    pub(crate) fn take_shadow(&self) -> Option<SubtaskShadow> {
        lock(&self.shadow).take()
    }
}

fn lock<T>(held: &Mutex<Option<T>>) -> MutexGuard<'_, Option<T>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SubtaskSwap {
    /// Says what became of it, and how long that took.
    pub(crate) fn tell(seat: &Seat, outcome: &Result<(), StepError>, since_us: i64) {
        let (subtask, pause_us) = (seat.subtask, seat.swap.now_us().saturating_sub(since_us));
        seat.swap.tell(match outcome {
            Ok(()) => Event::Landed { subtask, pause_us },
            Err(error) => Event::Refused { reason: format!("{error}: {}", error.error) },
        });
    }
}
