//! Getting other versions of a job's components to every subtask: to replace those that run at one barrier, or to be called beside
//! them. Never decides whether they fit.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use weir_core::swap::Event;

use super::replaceable::Version;
use super::shadow::SharedShadow;
use super::trial::{SharedSwap, SwapParticipant};
use crate::error::StepError;

/// By subtask: versions for its steps.
pub(crate) type Versions = Vec<Vec<(usize, Version)>>;

/// A swap whose barrier has not begun yet.
pub(crate) struct PendingSwap {
    pub(crate) subtasks: Versions,
    pub(crate) swap: SharedSwap,
}

/// A shadow run whose barrier has not begun yet.
pub(crate) struct PendingShadow {
    pub(crate) subtasks: Versions,
    pub(crate) shadow: SharedShadow,
}

impl PendingShadow {
    /// Puts the versions where the subtasks find them at their next barriers.
    pub(crate) fn deliver(self, boxes: &[Arc<SwapBox>]) {
        for (versions, to) in self.subtasks.into_iter().zip(boxes).filter(|(versions, _)| !versions.is_empty()) {
            *lock(&to.shadow) = Some(SubtaskShadow { versions, shadow: self.shadow.clone() });
        }
    }
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
    pub(crate) participant: SwapParticipant,
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
    /// Puts the versions where the subtasks find them; by subtask, its participant in the swap.
    pub(crate) fn deliver(self, attempt: u64, boxes: &[Arc<SwapBox>]) -> (SharedSwap, Vec<Option<usize>>) {
        let mut next = 0;
        let participants = self.subtasks.into_iter().zip(boxes).map(|(versions, to)| {
            let subtask = next;
            if versions.is_empty() {
                return None;
            }
            next += 1;
            let participant = SwapParticipant { swap: self.swap.clone(), subtask };
            to.put(attempt, Delivery::Versions(versions), participant);
            Some(subtask)
        });
        let participants = participants.collect();
        (self.swap, participants)
    }
}

impl SwapBox {
    /// Puts something in place at the barrier of an attempt.
    pub(crate) fn put(&self, attempt: u64, what: Delivery, participant: SwapParticipant) {
        *lock(&self.swap) = Some(SubtaskSwap { attempt, what, participant });
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
    /// Says what happened to it, and how long that took.
    pub(crate) fn tell(participant: &SwapParticipant, outcome: &Result<(), StepError>, since_us: i64) {
        let (subtask, pause_us) = (participant.subtask, participant.swap.now_us().saturating_sub(since_us));
        participant.swap.tell(match outcome {
            Ok(()) => Event::Landed { subtask, pause_us },
            Err(error) => Event::Refused { reason: format!("{error}: {}", error.error) },
        });
    }
}
