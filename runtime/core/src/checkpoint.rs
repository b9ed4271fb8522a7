//! When a checkpoint begins, when it is whole, and when it is given up: the coordinator as a pure state machine. It never sees a
//! row, a thread, a clock or a disk; a shell does what it commands and tells what happened to it.

use std::collections::BTreeSet;

#[cfg(test)]
mod tests;

/// Coordinates the checkpoints of one job, one at a time.
#[derive(Clone, Debug)]
pub struct Coordinator {
    timing: Timing,
    subtasks: usize,
    ended: BTreeSet<usize>,
    phase: Phase,
    /// The last attempt's number.
    attempt: u64,
    /// No attempt begins by itself before this time.
    due_us: i64,
    /// After a failure: none that is asked for, or the last, begins before this time.
    retry_us: i64,
    asked: bool,
    /// Whether the attempt under way was asked for.
    answers: bool,
    /// Attempts that failed since the last complete checkpoint.
    failures: u32,
}

/// When checkpoints are made; microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// From the beginning of one to the beginning of the next; `None`: only when asked, and at the end.
    pub interval_us: Option<i64>,
    /// At least this long between the end of one and the beginning of the next, so that the job also gets on.
    pub min_pause_us: i64,
    /// An attempt that takes longer is given up.
    pub timeout_us: i64,
    /// So many attempts may fail one after the other.
    pub failures_max: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    /// The barrier is under way. `last`: so far every part is the last one of a subtask that has ended.
    Collecting {
        since_us: i64,
        missing: BTreeSet<usize>,
        last: bool,
    },
    /// All parts are there; the whole is being made durable.
    Completing {
        since_us: i64,
        last: bool,
    },
    /// The last checkpoint of a job that ended is complete, or the coordinator has given up.
    Over,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Time has passed.
    Tick,
    /// Somebody wants a checkpoint now.
    Ask,
    /// A subtask's part of an attempt is durable.
    Part {
        /// Of which attempt.
        attempt: u64,
        /// Of which subtask.
        subtask: usize,
    },
    /// A part could not be made or kept.
    PartFailed {
        /// Of which attempt.
        attempt: u64,
    },
    /// A subtask has ended; its last part is its part in every attempt to which it has not given one.
    Ended {
        /// Which one.
        subtask: usize,
    },
    /// [`Command::Complete`] was done.
    Completed {
        /// Of which attempt.
        attempt: u64,
    },
    /// [`Command::Complete`] could not be done.
    NotCompleted {
        /// Of which attempt.
        attempt: u64,
    },
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Have every source that still runs send a barrier.
    Trigger {
        /// The new attempt.
        attempt: u64,
    },
    /// Every part is there: make the checkpoint durable as a whole, then commit what sinks have prepared.
    Complete {
        /// Whose parts.
        attempt: u64,
        /// Every part is the last of its subtask: nothing follows.
        last: bool,
    },
    /// The attempt is over without a checkpoint; its parts are of no use. The job continues.
    Abort {
        /// Which attempt.
        attempt: u64,
        /// Why.
        reason: AbortReason,
    },
    /// Too many attempts have failed: the job cannot keep its promises.
    GiveUp {
        /// How many.
        failures: u32,
    },
}

/// Why an attempt was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AbortReason {
    /// It took too long.
    TimedOut {
        /// The subtasks whose part was missing.
        missing: Vec<usize>,
    },
    /// A part could not be made or kept.
    PartFailed,
    /// It could not be made durable as a whole.
    NotCompleted,
}

impl Coordinator {
    /// For a job of so many subtasks that starts now.
    #[must_use]
    pub fn new(timing: Timing, subtasks: usize, now_us: i64) -> Self {
        let due_us = timing.interval_us.map_or(i64::MAX, |interval| now_us.saturating_add(interval));
        Self {
            timing,
            subtasks,
            ended: BTreeSet::new(),
            phase: Phase::Idle,
            attempt: 0,
            due_us,
            retry_us: i64::MIN,
            asked: false,
            answers: false,
            failures: 0,
        }
    }

    /// The attempt under way, or the last one; 0 before the first.
    #[must_use]
    pub fn attempt(&self) -> u64 {
        self.attempt
    }

    /// Whether the last checkpoint of a job that ended is complete.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// When time alone would bring something about: an attempt that begins, or one that is given up; microseconds. `i64::MAX`: never.
    #[must_use]
    pub fn due_us(&self) -> i64 {
        match &self.phase {
            Phase::Idle if self.asked || self.has_ended() => self.due_us.min(self.retry_us),
            Phase::Idle => self.due_us,
            Phase::Collecting { since_us, .. } => since_us.saturating_add(self.timing.timeout_us).saturating_add(1),
            Phase::Completing { .. } | Phase::Over => i64::MAX,
        }
    }

    /// One step. Commands are to be done in order. Events of an attempt that is over are ignored.
    pub fn handle(&mut self, now_us: i64, event: Event) -> Vec<Command> {
        let mut commands = Vec::new();
        match event {
            Event::Tick => self.check_time(now_us, &mut commands),
            Event::Ask => self.asked = true,
            Event::Part { attempt, subtask } if attempt == self.attempt => {
                self.take_part(subtask, false, &mut commands)
            }
            Event::PartFailed { attempt } if self.is_collecting(attempt) => {
                self.abort(now_us, AbortReason::PartFailed, &mut commands);
            }
            Event::Ended { subtask } => {
                self.ended.insert(subtask);
                self.take_part(subtask, true, &mut commands);
            }
            Event::Completed { attempt } if self.is_completing(attempt) => self.completed(now_us),
            Event::NotCompleted { attempt } if self.is_completing(attempt) => {
                self.abort(now_us, AbortReason::NotCompleted, &mut commands);
            }
            Event::Part { .. } | Event::PartFailed { .. } | Event::Completed { .. } | Event::NotCompleted { .. } => {}
        }
        self.begin(now_us, &mut commands);
        commands
    }

    fn is_collecting(&self, attempt: u64) -> bool {
        attempt == self.attempt && matches!(self.phase, Phase::Collecting { .. })
    }

    fn is_completing(&self, attempt: u64) -> bool {
        attempt == self.attempt && matches!(self.phase, Phase::Completing { .. })
    }

    fn has_ended(&self) -> bool {
        self.ended.len() == self.subtasks
    }

    /// Begins an attempt if none is under way and one is due, was asked for, or is the last.
    fn begin(&mut self, now_us: i64, commands: &mut Vec<Command>) {
        let waited_for = self.asked || self.has_ended();
        let wanted = now_us >= self.due_us || (waited_for && now_us >= self.retry_us);
        if self.phase != Phase::Idle || !wanted {
            return;
        }
        self.attempt += 1;
        self.answers = std::mem::take(&mut self.asked);
        let missing: BTreeSet<usize> = (0..self.subtasks).filter(|s| !self.ended.contains(s)).collect();
        if !missing.is_empty() {
            commands.push(Command::Trigger { attempt: self.attempt });
        }
        self.phase = Phase::Collecting { since_us: now_us, missing, last: true };
        self.complete_if_whole(commands);
    }

    /// A subtask that has given its part at the barrier, and then ends, has its last part in the next checkpoint: what it did after
    /// the barrier is not in this one.
    fn take_part(&mut self, subtask: usize, is_last: bool, commands: &mut Vec<Command>) {
        if let Phase::Collecting { missing, last, .. } = &mut self.phase
            && missing.remove(&subtask)
        {
            *last &= is_last;
            self.complete_if_whole(commands);
        }
    }

    fn complete_if_whole(&mut self, commands: &mut Vec<Command>) {
        if let Phase::Collecting { since_us, missing, last } = &self.phase
            && missing.is_empty()
        {
            let (since_us, last) = (*since_us, *last);
            self.phase = Phase::Completing { since_us, last };
            commands.push(Command::Complete { attempt: self.attempt, last });
        }
    }

    fn completed(&mut self, now_us: i64) {
        if let Phase::Completing { since_us, last } = self.phase {
            self.failures = 0;
            self.due_us = self.timing.interval_us.map_or(i64::MAX, |interval| {
                since_us.saturating_add(interval).max(now_us.saturating_add(self.timing.min_pause_us))
            });
            self.phase = if last { Phase::Over } else { Phase::Idle };
        }
    }

    fn check_time(&mut self, now_us: i64, commands: &mut Vec<Command>) {
        if let Phase::Collecting { since_us, missing, .. } = &self.phase
            && now_us.saturating_sub(*since_us) > self.timing.timeout_us
        {
            let missing = missing.iter().copied().collect();
            self.abort(now_us, AbortReason::TimedOut { missing }, commands);
        }
    }

    fn abort(&mut self, now_us: i64, reason: AbortReason, commands: &mut Vec<Command>) {
        commands.push(Command::Abort { attempt: self.attempt, reason });
        self.failures += 1;
        if self.failures > self.timing.failures_max {
            self.phase = Phase::Over;
            commands.push(Command::GiveUp { failures: self.failures });
            return;
        }
        // What failed just now is likely to fail again at once.
        let wait = self.timing.interval_us.unwrap_or(0).max(self.timing.min_pause_us).max(RETRY_US);
        self.due_us = now_us.saturating_add(wait);
        self.retry_us = now_us.saturating_add(RETRY_US);
        self.asked |= self.answers;
        self.phase = Phase::Idle;
    }
}

/// How long after a failed attempt the next one begins, at least: a full disk is not asked many times a second.
const RETRY_US: i64 = 1_000_000;
