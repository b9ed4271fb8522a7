//! A swap whose barrier has begun: who has which place in it, and the barrier at which the rest of a canary follows. What is decided
//! is the swap's.

use std::sync::Arc;

use weir_core::swap::{Event, Phase};

use crate::replace::delivery::{Delivery, PendingSwap, SwapBox};
use crate::replace::trial::{SharedSwap, SwapParticipant};

/// A swap whose barrier has begun.
pub(super) struct SwapRollout {
    /// That of its last barrier.
    attempt: u64,
    swap: SharedSwap,
    /// By subtask: its place in the swap.
    participants: Vec<Option<usize>>,
}

impl SwapRollout {
    pub(super) fn new(pending: PendingSwap, attempt: u64, boxes: &[Arc<SwapBox>]) -> Self {
        let (swap, participants) = pending.deliver(attempt, boxes);
        Self { attempt, swap, participants }
    }

    pub(super) fn attempt(&self) -> u64 {
        self.attempt
    }

    /// Whether the swap is not decided yet: it has to be polled.
    pub(super) fn is_open(&self) -> bool {
        self.swap.is_open()
    }

    /// Time has passed. Returns whether another barrier is needed.
    pub(super) fn tick(&self) -> bool {
        self.swap.tell(Event::Tick);
        self.swap.phase() == Phase::Proven
    }

    /// A barrier begins: what has proven itself on some key groups gets the rest at it.
    pub(super) fn follow(&mut self, attempt: u64, boxes: &[Arc<SwapBox>]) {
        if self.swap.phase() != Phase::Proven {
            return;
        }
        self.attempt = attempt;
        self.swap.tell(Event::Follow);
        for (participant, to) in self.participants.iter().zip(boxes) {
            if let Some(subtask) = *participant {
                to.put(attempt, Delivery::Rest, SwapParticipant { swap: self.swap.clone(), subtask });
            }
        }
    }

    /// A checkpoint is complete: if the swap's last barrier is in it, so is what that put in place.
    pub(super) fn durable(&self, attempt: u64) {
        if attempt >= self.attempt {
            self.swap.tell(Event::Durable);
        }
    }

    /// Whether subtasks have given up state for nothing: no checkpoint is made of what is left.
    pub(super) fn has_lost_state(&self) -> bool {
        self.swap.has_lost_state()
    }

    /// A subtask whose stream has ended has nothing to prove.
    pub(super) fn ended(&self, subtask: usize) {
        if let Some(Some(subtask)) = self.participants.get(subtask) {
            self.swap.tell(Event::Ended { subtask: *subtask });
        }
    }
}
