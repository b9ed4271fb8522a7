//! A whole job in one thread: every step is chosen by the caller, so a test can run it in any order that channels allow, from a
//! seed, with checkpoints and crashes at any point.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, PoisonError};

use weir_core::batch::{Barrier, StreamElement};
use weir_core::swap::Probation;
use weir_core::time::Clock;

use crate::checkpoint::checkpointer::Checkpointer;
use crate::checkpoint::failure::CheckpointFailure;
use crate::checkpoint::origin::Origin;
use crate::checkpoint::recovery::Durable;
use crate::checkpoint::status::CheckpointStatus;
use crate::dataflow::chain::Action;
use crate::dataflow::metrics::Metrics;
use crate::dataflow::subtask::{Event, Outcome, SubtaskError};
use crate::plan::job::Job;
use crate::replace::shadow::SharedShadow;
use crate::replace::trial::SharedSwap;
use crate::replace::version::SwapError;
use crate::runtime::build::{Built, BuiltSubtask, StartError};
use crate::runtime::launch::Launch;
use crate::runtime::worker::FrozenPart;

/// A job that moves only when it is told to. Dropping it is a crash.
pub struct LocalJob {
    subtasks: Vec<BuiltSubtask>,
    ended: Vec<bool>,
    channels: Vec<VecDeque<StreamElement>>,
    clock: Arc<dyn Clock>,
    checkpointer: Checkpointer,
    /// Parts that wait to be kept.
    parts: VecDeque<FrozenPart>,
    /// The newest attempt at a checkpoint, and the last that each source has begun.
    attempt: u64,
    begun: Vec<u64>,
    /// The attempt that was asked for last.
    asked: Option<u64>,
    metrics: Vec<Metrics>,
}

/// One thing that can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A source reads.
    Poll(usize),
    /// A source begins a checkpoint.
    Trigger(usize),
    /// A subtask takes the next element of one of its channels.
    Take {
        /// The subtask.
        subtask: usize,
        /// The channel, in the order of its gate.
        channel: usize,
    },
    /// A subtask continues with what it has stopped in.
    More(usize),
    /// The clock has reached a time that a subtask waits for.
    Time(usize),
    /// Rows of a subtask that wait for a batch to fill are sent.
    Flush(usize),
    /// The oldest part of a checkpoint is kept; with the last one the checkpoint is completed and committed.
    Keep,
}

/// Why a job cannot continue.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// A subtask failed.
    #[error(transparent)]
    Subtask(#[from] SubtaskError),
    /// A checkpoint failed, and the job with it.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointFailure),
    /// A swap was refused.
    #[error(transparent)]
    Swap(#[from] SwapError),
}

/// Elements that a channel holds before its sender has to wait.
const QUEUE_MAX: usize = 4;

impl LocalJob {
    /// As [`Job::start`].
    ///
    /// # Errors
    /// As [`Job::start`].
    pub fn new(job: &Job, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        Self::build(job, clock, Launch::UNKEPT, Origin::default())
    }

    /// As [`Job::resume`].
    ///
    /// # Errors
    /// As [`Job::resume`].
    pub fn resume(job: &Job, clock: Arc<dyn Clock>, durable: &Durable) -> Result<Self, StartError> {
        let recovered = durable.recover(job, &mut None, &clock)?;
        let checkpoint = recovered.checkpoint;
        let origin = Origin::of(&recovered.lease, checkpoint.as_ref());
        drop(recovered.memory);
        Self::build(job, clock, Launch::kept(job, durable, recovered.lease), origin)
    }

    fn build(job: &Job, clock: Arc<dyn Clock>, launch: Launch, origin: Origin<'_>) -> Result<Self, StartError> {
        let built = Built::new(job, &clock, origin)?;
        let subtasks = built.subtasks.len();
        let boxes = built.subtasks.iter().map(|built| built.subtask.swaps.clone()).collect();
        let Launch { timing, storage } = launch;
        Ok(Self {
            ended: vec![false; subtasks],
            channels: vec![VecDeque::new(); built.channels],
            checkpointer: Checkpointer::new(timing, storage, built.sinks, job.sources(), boxes, clock.clone()),
            clock,
            parts: VecDeque::new(),
            attempt: 0,
            begun: vec![0; subtasks],
            asked: None,
            metrics: built.metrics,
            subtasks: built.subtasks,
        })
    }

    /// All that can happen now; empty when the job is done.
    #[must_use]
    pub fn choices(&self) -> Vec<Choice> {
        let mut choices = Vec::new();
        for (index, subtask) in self.subtasks.iter().enumerate() {
            let blocked = subtask.outputs.iter().flatten().flatten().any(|c| self.channels[*c].len() >= QUEUE_MAX);
            if self.ended[index] || blocked {
                continue;
            }
            let has_more = subtask.subtask.has_more();
            if has_more {
                choices.push(Choice::More(index));
            } else if subtask.subtask.deadline().is_some_and(|deadline| deadline <= self.clock.now_us()) {
                choices.push(Choice::Time(index));
            }
            if subtask.subtask.is_source() && !has_more {
                choices.push(Choice::Poll(index));
            }
            if subtask.subtask.begins_snapshots() && self.begun(index) < self.attempt {
                choices.push(Choice::Trigger(index));
            }
            if subtask.subtask.is_holding() && !has_more {
                choices.push(Choice::Flush(index));
            }
            for (channel, number) in subtask.inputs.iter().enumerate() {
                if subtask.subtask.is_open(channel) && !self.channels[*number].is_empty() {
                    choices.push(Choice::Take { subtask: index, channel });
                }
            }
        }
        if !self.parts.is_empty() {
            choices.push(Choice::Keep);
        }
        choices
    }

    /// Does one thing, and begins a checkpoint if the clock says so.
    ///
    /// # Errors
    /// If the job cannot continue.
    pub fn step(&mut self, choice: Choice) -> Result<(), LocalError> {
        match choice {
            Choice::Poll(index) => self.handle(index, Event::Poll { now_us: self.clock.now_us() })?,
            Choice::Trigger(index) => {
                // As a source's thread does: the barrier of a swap is not left out.
                let swap = self.checkpointer.swap_attempt();
                let is_next = (self.begun(index) + 1..self.attempt).contains(&swap);
                let attempt = if is_next { swap } else { self.attempt };
                self.begun[index] = attempt;
                self.handle(index, Event::Trigger(Barrier { attempt }))?;
            }
            Choice::Take { subtask, channel } => {
                let number = self.subtasks[subtask].inputs[channel];
                if let Some(element) = self.channels[number].pop_front() {
                    self.handle(subtask, Event::Element { channel, element })?;
                }
            }
            Choice::More(index) => self.handle(index, Event::More)?,
            Choice::Time(index) => self.handle(index, Event::Time { now_us: self.clock.now_us() })?,
            Choice::Flush(index) => self.handle(index, Event::Flush)?,
            Choice::Keep => {
                if let Some(FrozenPart { subtask, attempt, frozen }) = self.parts.pop_front() {
                    let triggered = self.checkpointer.frozen(subtask, attempt, frozen)?;
                    self.trigger(triggered);
                }
            }
        }
        self.tick()
    }

    /// Begins a checkpoint if the clock says so.
    ///
    /// # Errors
    /// As [`LocalJob::step`].
    pub fn tick(&mut self) -> Result<(), LocalError> {
        let triggered = self.checkpointer.tick()?;
        self.trigger(triggered);
        Ok(())
    }

    /// Runs until nothing can happen; `choose` picks one of so many choices.
    ///
    /// # Errors
    /// As [`LocalJob::step`].
    pub fn run(&mut self, mut choose: impl FnMut(usize) -> usize) -> Result<(), LocalError> {
        loop {
            let choices = self.choices();
            let Some(choice) = choices.get(choose(choices.len().max(1)).min(choices.len().saturating_sub(1))) else {
                return Ok(());
            };
            self.step(*choice)?;
        }
    }

    /// Wants a checkpoint now.
    ///
    /// # Errors
    /// As [`LocalJob::step`].
    pub fn ask(&mut self) -> Result<(), LocalError> {
        self.ask_for(Vec::new())
    }

    /// As [`JobHandle::savepoint`](crate::JobHandle::savepoint).
    ///
    /// # Errors
    /// As [`LocalJob::step`].
    pub fn savepoint(&mut self, tell: SyncSender<u64>) -> Result<(), LocalError> {
        self.ask_for(vec![tell])
    }

    /// As [`JobHandle::swap`](crate::JobHandle::swap).
    ///
    /// # Errors
    /// If an instance cannot be made, or as [`LocalJob::step`].
    pub fn swap(&mut self, old: &Job, new: &Job, probation: Probation) -> Result<SharedSwap, LocalError> {
        let pending = new.pending_swap(old, probation, &self.metrics, &self.clock)?;
        let swap = pending.swap.clone();
        let triggered = self.checkpointer.swap(pending)?;
        self.trigger(triggered);
        Ok(swap)
    }

    /// As [`JobHandle::shadow`](crate::JobHandle::shadow).
    ///
    /// # Errors
    /// If an instance cannot be made, or as [`LocalJob::step`].
    pub fn shadow(&mut self, old: &Job, new: &Job, until_us: i64) -> Result<SharedShadow, LocalError> {
        let boxes: Vec<_> = self.subtasks.iter().map(|built| built.subtask.swaps.clone()).collect();
        let pending = new.pending_shadow(old, until_us, &self.clock)?;
        let shadow = pending.shadow.clone();
        pending.deliver(&boxes);
        self.ask()?;
        Ok(shadow)
    }

    /// Whether the checkpoint that was asked for is complete.
    #[must_use]
    pub fn has_answered(&self) -> bool {
        self.asked.is_some_and(|asked| self.checkpointer.has_completed(asked))
    }

    /// What a person is told of its checkpoints.
    #[must_use]
    pub fn checkpoints(&self) -> CheckpointStatus {
        self.checkpointer.status().lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the job has ended and its last checkpoint is complete.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.checkpointer.is_over()
    }

    /// Rows that came too late, over all operators.
    #[must_use]
    pub fn rows_late(&self) -> u64 {
        self.metrics.iter().map(|m| m.rows_late.load(Ordering::Relaxed)).sum()
    }

    fn ask_for(&mut self, savepoints: Vec<SyncSender<u64>>) -> Result<(), LocalError> {
        self.asked = Some(self.checkpointer.next_attempt());
        let triggered = self.checkpointer.ask(savepoints)?;
        self.trigger(triggered);
        Ok(())
    }

    /// The last attempt that a subtask has begun, or passed on.
    fn begun(&self, index: usize) -> u64 {
        self.begun[index].max(self.subtasks[index].subtask.last_attempt())
    }

    fn trigger(&mut self, attempt: Option<u64>) {
        self.attempt = attempt.unwrap_or(self.attempt);
    }

    fn handle(&mut self, index: usize, event: Event) -> Result<(), SubtaskError> {
        let mut actions = Vec::new();
        let (attempt, frozen) = match self.subtasks[index].subtask.handle(event, &mut actions)? {
            Outcome::Running(_) | Outcome::Ended(None) => (None, None),
            Outcome::Ended(Some(frozen)) => {
                self.ended[index] = true;
                (None, Some(frozen))
            }
            Outcome::Frozen(barrier, frozen) => (Some(barrier.attempt), Some(frozen)),
        };
        self.parts.extend(frozen.map(|frozen| FrozenPart { subtask: index, attempt, frozen }));
        for Action::Send { edge, target, element } in actions {
            if let Some(channel) = self.subtasks[index].outputs[edge][target] {
                self.channels[channel].push_back(element);
            }
        }
        Ok(())
    }
}
