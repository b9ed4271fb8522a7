//! A swap as a job's thread follows it: begun in the engine, looked at until it is decided, written into the catalog, and told then.

use weir_core::swap::{Phase, RollbackReason};
use weir_engine::{GuestResources, SharedSwap, Supervisor, SwapError};
use weir_host::{LogLevel, printable};

use super::Thread;
use crate::jobs::SwapCommand;
use crate::model::{SwapPhase, SwapStatus};
use crate::problem::chain;

/// A swap that is not over yet, or not written down.
pub(super) struct OpenSwap {
    pub(super) swap: SharedSwap,
    status: SwapStatus,
    back: u64,
    /// Room for guests of the new versions beside the old ones.
    pub(super) second_room: GuestResources,
    /// What it has come to could not be written down so far.
    is_unwritten: bool,
}

impl OpenSwap {
    /// Whether it will soon be further: its barrier is under way, or it is to be written down.
    pub(super) fn is_moving(&self) -> bool {
        !matches!(self.swap.phase(), Phase::Canary { .. } | Phase::Probation { .. })
    }
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
            let second_room = job.job().second_guest_resources(&versions);
            self.swap = Some(OpenSwap { swap, status: status.clone(), back, second_room, is_unwritten: false });
            let guest_resources = Some(self.guest_resources(job));
            self.update(|live| (live.swap, live.guest_resources) = (Some(status), guest_resources));
        });
        let has_begun = answer.is_ok();
        if reply.send(answer).is_err() && has_begun {
            // The request has timed out, and was answered with an error.
            job.roll_back();
        }
    }

    /// Looks how far the swap is.
    pub(super) fn follow_swap(&mut self) {
        let Some(mut open) = self.swap.take() else { return };
        // Asked first: what is over does not change any more.
        let is_under_way = open.swap.is_under_way();
        let (phase, reason) = match open.swap.phase() {
            Phase::CuttingOver => (SwapPhase::CuttingOver, None),
            Phase::Canary { .. } | Phase::Proven | Phase::Following => (SwapPhase::Canary, None),
            Phase::Probation { .. } => (SwapPhase::Probation, None),
            Phase::Done if is_under_way => (SwapPhase::CuttingOver, None),
            Phase::Done => (SwapPhase::Done, open.swap.no_return().map(|reason| kept_reason(&reason))),
            Phase::RolledBack(reason) => (SwapPhase::RolledBack, Some(rollback_reason(&reason))),
        };
        if !phase.is_open() {
            self.swap = self.decide(open, phase, reason);
            return;
        }
        if open.status.phase != phase {
            open.status.phase = phase;
            let of = if phase == SwapPhase::Canary { " for some of the keys" } else { "" };
            self.tell(LogLevel::Info, &format!("{} is on trial{of}", told(&open.status)));
            let status = open.status.clone();
            self.update(|live| live.swap = Some(status));
        }
        self.swap = Some(open);
    }

    /// Writes down what a swap has come to, and tells it then. What cannot be written down is tried again: it comes back.
    pub(super) fn decide(&self, mut open: OpenSwap, phase: SwapPhase, reason: Option<String>) -> Option<OpenSwap> {
        let (job, revision) = (&self.slot.name, open.status.revision.unwrap_or_default());
        let why = reason.as_deref();
        let written = match phase {
            SwapPhase::Done => self.start.catalog.keep(job, revision, why),
            _ => self.start.catalog.roll_back(job, revision, open.back, why.unwrap_or_default()),
        };
        if let Err(error) = written {
            if !std::mem::replace(&mut open.is_unwritten, true) {
                let why = chain(&error);
                self.tell(LogLevel::Error, &format!("cannot record yet what happened to a swap: {why}"));
            }
            return Some(open);
        }
        let (level, became) = match phase {
            SwapPhase::Done => (LogLevel::Info, "is kept"),
            _ => (LogLevel::Warn, "was rolled back"),
        };
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        self.tell(level, &format!("{} {became}{why}", told(&open.status)));
        let status = SwapStatus { phase, reason, ..open.status };
        self.update(|live| live.swap = Some(status));
        None
    }
}

/// A swap in words.
fn told(status: &SwapStatus) -> String {
    let versions: Vec<_> =
        status.operators.iter().map(|(operator, version)| format!("{operator} -> {version}")).collect();
    format!("the swap {}", versions.join(", "))
}

fn kept_reason(reason: &str) -> String {
    printable(&format!("the old version could not hold a state that the new one has made: {reason}"))
}

fn rollback_reason(reason: &RollbackReason) -> String {
    printable(&match reason {
        RollbackReason::Refused(reason) => format!("it could not take over the state: {reason}"),
        RollbackReason::Regressed(reason) => format!("it failed where the old version does not: {reason}"),
        RollbackReason::Asked => "a user asked for it".to_owned(),
    })
}
