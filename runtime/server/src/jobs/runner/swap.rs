//! A swap as a job's thread follows it: begun in the engine, looked at until it is decided, written into the catalog, and told then.

use weir_core::swap::{Phase, RollbackReason};
use weir_engine::{SharedSwap, Supervisor, SwapError};
use weir_host::{LogLevel, printable};

use super::Thread;
use crate::jobs::SwapCommand;
use crate::model::{SwapPhase, SwapStatus};
use crate::problem::chain;

/// A swap that is not decided yet, or not written down.
pub(super) struct OpenSwap {
    pub(super) swap: SharedSwap,
    status: SwapStatus,
    back: u64,
    /// What it has come to could not be written down so far.
    is_unwritten: bool,
}

impl Thread {
    /// Begins one, if there is none.
    pub(super) fn begin_swap(&mut self, command: SwapCommand, job: &mut Supervisor) {
        let SwapCommand { versions, probation, status, back, reply } = command;
        let begun = match &self.swap {
            Some(_) => Err(SwapError::UnderWay),
            None => job.swap(&versions, probation),
        };
        let answer = begun.map(|swap| {
            self.tell(LogLevel::Info, &format!("{} begins", told(&status)));
            self.slot.update(|live| live.swap = Some(status.clone()));
            self.swap = Some(OpenSwap { swap, status, back, is_unwritten: false });
        });
        let has_begun = answer.is_ok();
        if reply.send(answer).is_err()
            && let Some(open) = self.swap.as_ref().filter(|_| has_begun)
        {
            // Who asked has been told that it is not to be.
            open.swap.roll_back();
        }
    }

    /// Looks how far the swap is.
    pub(super) fn follow_swap(&mut self) {
        let Some(mut open) = self.swap.take() else { return };
        let (phase, reason) = match open.swap.phase() {
            Phase::CuttingOver => (SwapPhase::CuttingOver, None),
            Phase::Canary { .. } | Phase::Proven | Phase::Following => (SwapPhase::Canary, None),
            Phase::Probation { .. } => (SwapPhase::Probation, None),
            Phase::Done => (SwapPhase::Done, None),
            Phase::RolledBack(reason) => (SwapPhase::RolledBack, Some(rollback_reason(&reason))),
        };
        if !phase.is_open() {
            self.swap = self.decide(open, reason);
            return;
        }
        if open.status.phase != phase {
            open.status.phase = phase;
            let of = if phase == SwapPhase::Canary { " for some of the keys" } else { "" };
            self.tell(LogLevel::Info, &format!("{} is on trial{of}", told(&open.status)));
            let status = open.status.clone();
            self.slot.update(|live| live.swap = Some(status));
        }
        self.swap = Some(open);
    }

    /// Writes down what a swap has come to, and tells it then. What cannot be written down is tried again: it comes back.
    pub(super) fn decide(&self, mut open: OpenSwap, reason: Option<String>) -> Option<OpenSwap> {
        let revision = open.status.revision.unwrap_or_default();
        let written = match &reason {
            None => self.start.catalog.keep(&self.slot.name, revision),
            Some(reason) => self.start.catalog.roll_back(&self.slot.name, revision, open.back, reason),
        };
        if let Err(error) = written {
            if !std::mem::replace(&mut open.is_unwritten, true) {
                let why = chain(&error);
                self.tell(LogLevel::Error, &format!("what became of a swap cannot be written down yet: {why}"));
            }
            return Some(open);
        }
        let mut status = open.status;
        match &reason {
            None => self.tell(LogLevel::Info, &format!("{} is kept", told(&status))),
            Some(reason) => self.tell(LogLevel::Warn, &format!("{} was rolled back: {reason}", told(&status))),
        }
        status.phase = if reason.is_none() { SwapPhase::Done } else { SwapPhase::RolledBack };
        status.reason = reason;
        self.slot.update(|live| live.swap = Some(status));
        None
    }
}

/// A swap in words.
fn told(status: &SwapStatus) -> String {
    let versions: Vec<_> =
        status.operators.iter().map(|(operator, version)| format!("{operator} -> {version}")).collect();
    format!("the swap {}", versions.join(", "))
}

fn rollback_reason(reason: &RollbackReason) -> String {
    printable(&match reason {
        RollbackReason::Refused(reason) => format!("it could not take over the state: {reason}"),
        RollbackReason::Regressed(reason) => format!("it failed where the old version does not: {reason}"),
        RollbackReason::Asked => "somebody asked for it".to_owned(),
    })
}
