//! Replacing versions of operators while their stream runs, as a pure state machine: cut over at a barrier, probation, done or
//! rolled back; with a canary first for some of the key groups, then, at another barrier, for the rest. It never sees a row, a
//! component, a thread or a clock; subtasks tell what happened to them and do what the phase says.

mod canary;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub use canary::Canary;

/// One swap, of one operator or of several at once. All of it is kept or all of it is rolled back.
#[derive(Clone, Debug)]
pub struct Swap {
    probation: Probation,
    subtasks: Vec<Progress>,
    phase: Phase,
    /// Failures of the new version that the old one does not have.
    regressions: u64,
    asked_us: i64,
    cut_over: CutOver,
    /// Subtasks that own none of the key groups that go first.
    spared: BTreeSet<usize>,
    /// No checkpoint of its last barrier, or of a later one, is complete yet, and one is needed before it is over.
    awaits_checkpoint: bool,
    /// Its new versions do not keep all that the old ones do.
    gives_up_state: bool,
    /// Why it was kept before its time.
    no_return: Option<String>,
}

/// What it took to put new versions in place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct CutOver {
    /// From the wish for it until the last subtask ran the new version (of a canary: for its share), microseconds; `None`: not all
    /// do.
    pub took_us: Option<i64>,
    /// The longest time that a subtask stood still for it, microseconds: state is converted meanwhile.
    pub pause_max_us: i64,
}

/// How long a new version has to prove itself, and what it may do wrong meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probation {
    /// Batches of each subtask.
    pub batches: u64,
    /// After this long it is kept even if not all subtasks have had so many batches, microseconds.
    pub time_max_us: i64,
    /// Batches that the new version may fail at and the old one not.
    pub regressions_max: u64,
    /// Who gets it first, for a probation of its own; `None`: all at once.
    pub canary: Option<Canary>,
}

impl Probation {
    /// None: the new version is kept as soon as every subtask runs it, before a checkpoint says so. The caller that asks for that has it
    /// written down that the new one continues.
    pub const NONE: Self = Self { batches: 0, time_max_us: 0, regressions_max: u64::MAX, canary: None };
}

/// How far a swap is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its barrier is under way: some subtasks run the new version, others still the old one.
    CuttingOver,
    /// Every subtask runs the new version for the first of the key groups.
    Canary {
        /// When the last one took it over, microseconds.
        since_us: i64,
    },
    /// These were no worse for it: the rest is to follow at a barrier, which has not begun yet.
    Proven,
    /// That barrier is under way: some subtasks run the new version for all key groups, others still for the first.
    Following,
    /// Every subtask runs the new version, with the old one beside it.
    Probation {
        /// When the last one took it over, microseconds.
        since_us: i64,
    },
    /// The new version is kept; the old one is of no use any more, once the swap is not [under way](Swap::is_under_way): until then
    /// subtasks that the barrier has not come to are still to get the new one, and may refuse it.
    Done,
    /// Every subtask goes back to the old version before its next batch.
    RolledBack(RollbackReason),
}

/// Why the old version was put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RollbackReason {
    /// A subtask could not take over the state.
    Refused(String),
    /// The new version failed where the old one did not.
    Regressed(String),
    /// A person wanted it.
    Asked,
}

/// What a subtask has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// It waits for the barrier.
    Before,
    /// It runs the new version and has had so many batches of it.
    After(u64),
    /// Its stream has ended: it has nothing to prove.
    Ended,
}

/// What happened. Subtasks are numbered among those that have an operator of the swap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The barrier has come to a subtask, and it runs the new version now; of a canary: for its share, or for the rest too.
    Landed {
        /// Which one.
        subtask: usize,
        /// How long it stood still for that, microseconds.
        pause_us: i64,
    },
    /// The barrier has come to a subtask, and it could not take over the state.
    Refused {
        /// Why.
        reason: String,
    },
    /// The new version has done a batch.
    Batch {
        /// Of which subtask.
        subtask: usize,
    },
    /// The barrier at which the rest of the key groups follows begins.
    Follow,
    /// A checkpoint of the last barrier, or of a later one, is complete.
    Durable,
    /// The new version has failed at something that the old one does not fail at.
    Regressed {
        /// Why.
        reason: String,
    },
    /// The job has failed, which it did not before, or nobody can say whether there is a way back.
    Failed {
        /// Why.
        reason: String,
    },
    /// The new version has made a state that the old one could not hold.
    NoReturn {
        /// Why not.
        reason: String,
    },
    /// The stream of a subtask has ended.
    Ended {
        /// Which one.
        subtask: usize,
    },
    /// A person wants the old version back.
    RollBack,
    /// Time has passed.
    Tick,
}

impl Swap {
    /// A swap whose new versions are ready on so many subtasks, and whose barrier is about to begin; when it was asked for,
    /// microseconds.
    #[must_use]
    pub fn new(probation: Probation, subtasks: usize, asked_us: i64) -> Self {
        Self {
            probation,
            subtasks: vec![Progress::Before; subtasks],
            phase: Phase::CuttingOver,
            regressions: 0,
            asked_us,
            cut_over: CutOver::default(),
            spared: BTreeSet::new(),
            awaits_checkpoint: probation.batches > 0,
            gives_up_state: false,
            no_return: None,
        }
    }

    /// These subtasks own none of the key groups that go first: until the rest follows they have nothing to prove.
    #[must_use]
    pub fn sparing(self, subtasks: impl IntoIterator<Item = usize>) -> Self {
        Self { spared: subtasks.into_iter().collect(), ..self }
    }

    /// Its new versions give up state that the old ones keep. Nothing is tried then, for nothing could go back: they are kept as soon
    /// as every subtask runs them, and it is over when a checkpoint holds that. A job that fails before continues without them.
    #[must_use]
    pub fn giving_up_state(self) -> Self {
        Self { gives_up_state: true, ..self }
    }

    /// Who gets the new version first.
    #[must_use]
    pub fn canary(&self) -> Option<Canary> {
        self.probation.canary
    }

    /// How far it is.
    #[must_use]
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// What it took to put the new versions in place.
    #[must_use]
    pub fn cut_over(&self) -> CutOver {
        self.cut_over
    }

    /// How many subtasks run the new version, or did when they ended.
    #[must_use]
    pub fn landed(&self) -> usize {
        self.subtasks.iter().filter(|progress| **progress != Progress::Before).count()
    }

    /// Why it was kept before its time: a state that the old version could not hold, and so no way back.
    #[must_use]
    pub fn no_return(&self) -> Option<&str> {
        self.no_return.as_deref()
    }

    /// Whether it is not over yet: it is open, or kept while the barrier is still on its way to some subtasks, or while the checkpoint
    /// is not complete that has to be. Until it is over it may still be rolled back.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        let is_whole = !self.subtasks.contains(&Progress::Before) && !self.awaits_checkpoint;
        self.is_open() || (self.phase == Phase::Done && !is_whole)
    }

    /// Whether some subtasks have given up state for versions that are rolled back. They fail, and no checkpoint is to hold what is left.
    #[must_use]
    pub fn has_lost_state(&self) -> bool {
        self.gives_up_state && matches!(self.phase, Phase::RolledBack(_)) && self.landed() > 0
    }

    /// Whether it is still to be decided.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.phase, Phase::Done | Phase::RolledBack(_))
    }

    /// One step. What is said of a swap that is over decides nothing.
    pub fn handle(&mut self, now_us: i64, event: Event) {
        match event {
            Event::Landed { subtask, pause_us } => {
                let is_spared = self.phase == Phase::CuttingOver && self.spared.contains(&subtask);
                self.set(subtask, Progress::After(if is_spared { u64::MAX } else { 0 }));
                self.cut_over.pause_max_us = self.cut_over.pause_max_us.max(pause_us);
            }
            Event::Ended { subtask } => self.set(subtask, Progress::Ended),
            Event::Durable => self.awaits_checkpoint = false,
            // One that is kept and not over yet is in no checkpoint, so the job can still go back to one.
            Event::Refused { reason } if self.is_under_way() => self.roll_back(RollbackReason::Refused(reason)),
            Event::Failed { reason } if self.is_under_way() => self.roll_back(RollbackReason::Regressed(reason)),
            _ if !self.is_open() => {}
            Event::Batch { subtask } => {
                if let Some(Progress::After(batches)) = self.subtasks.get_mut(subtask) {
                    *batches = batches.saturating_add(1);
                }
            }
            Event::Regressed { reason } => {
                self.regressions += 1;
                if self.regressions > self.probation.regressions_max {
                    self.roll_back(RollbackReason::Regressed(reason));
                }
            }
            Event::RollBack => self.roll_back(RollbackReason::Asked),
            // Either version reads a checkpoint of the one that is kept.
            Event::NoReturn { reason } => {
                (self.no_return, self.awaits_checkpoint) = (Some(reason), false);
                self.phase = Phase::Done;
            }
            Event::Follow if self.phase == Phase::Proven => {
                self.phase = Phase::Following;
                self.awaits_checkpoint = self.probation.batches > 0;
                let on_trial = self.subtasks.iter_mut().filter(|progress| matches!(progress, Progress::After(_)));
                on_trial.for_each(|progress| *progress = Progress::Before);
            }
            Event::Follow | Event::Tick | Event::Refused { .. } | Event::Failed { .. } => {}
        }
        self.advance(now_us);
    }

    fn roll_back(&mut self, reason: RollbackReason) {
        self.no_return = None;
        self.phase = Phase::RolledBack(reason);
    }

    fn set(&mut self, subtask: usize, progress: Progress) {
        if let Some(current) = self.subtasks.get_mut(subtask) {
            *current = progress;
        }
    }

    fn advance(&mut self, now_us: i64) {
        let has_come = !self.subtasks.contains(&Progress::Before);
        let has_ended = self.subtasks.iter().all(|progress| *progress == Progress::Ended);
        // What is left is the last checkpoint, which nothing can come after.
        self.awaits_checkpoint &= !has_ended;
        if has_come && self.cut_over.took_us.is_none() && !matches!(self.phase, Phase::RolledBack(_)) {
            self.cut_over.took_us = Some(now_us.saturating_sub(self.asked_us));
        }
        if self.phase == Phase::CuttingOver && has_come {
            self.phase = match self.probation.canary {
                Some(_) => Phase::Canary { since_us: now_us },
                None => Phase::Probation { since_us: now_us },
            };
        }
        if self.phase == Phase::Following && has_come {
            self.phase = Phase::Probation { since_us: now_us };
        }
        match self.phase {
            Phase::Probation { since_us } if self.is_proven(since_us, now_us) && self.may_end() => {
                self.phase = Phase::Done;
            }
            Phase::Canary { since_us } if self.is_proven(since_us, now_us) => self.phase = Phase::Proven,
            _ => {}
        }
        // No barrier comes any more if all streams have ended.
        if self.phase == Phase::Proven && has_ended {
            self.phase = Phase::Done;
        }
    }

    /// A trial continues until a checkpoint holds what was tried.
    fn may_end(&self) -> bool {
        !self.awaits_checkpoint || self.gives_up_state
    }

    fn is_proven(&self, since_us: i64, now_us: i64) -> bool {
        let Probation { batches, time_max_us, .. } = self.probation;
        let is_proven = |progress: &Progress| !matches!(progress, Progress::After(had) if *had < batches);
        self.gives_up_state || self.subtasks.iter().all(is_proven) || now_us.saturating_sub(since_us) >= time_max_us
    }
}
