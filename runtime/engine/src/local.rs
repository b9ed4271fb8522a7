//! A whole job in one thread: every step is chosen by the caller, so a test can run it in any order that channels allow, from a
//! seed, with a snapshot at any point.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use weir_core::batch::{Barrier, StreamElement};
use weir_core::connector::SinkReport;
use weir_core::time::Clock;

use crate::build::{Built, BuiltSubtask, JobSnapshot, StartError};
use crate::chain::Action;
use crate::job::Job;
use crate::operator::Metrics;
use crate::subtask::{Event, Outcome, SubtaskError, SubtaskSnapshot};

/// A job that moves only when it is told to.
pub struct LocalJob {
    subtasks: Vec<BuiltSubtask>,
    ended: Vec<bool>,
    channels: Vec<VecDeque<StreamElement>>,
    clock: Arc<dyn Clock>,
    key_groups: u32,
    /// The snapshot under way, or the last one: a part a subtask.
    snapshot: Option<(Barrier, Vec<Option<SubtaskSnapshot>>)>,
    metrics: Vec<Metrics>,
    reports: Vec<Arc<Mutex<SinkReport>>>,
}

/// One thing that can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A source reads.
    Poll(usize),
    /// A subtask takes the next element of one of its channels.
    Take {
        /// The subtask.
        subtask: usize,
        /// The channel, in the order of its gate.
        channel: usize,
    },
}

/// Elements that a channel holds before its sender has to wait.
const QUEUE_MAX: usize = 4;

impl LocalJob {
    /// Builds the subtasks, from a snapshot if there is one.
    ///
    /// # Errors
    /// As [`Job::start_from`].
    pub fn new(job: &Job, clock: Arc<dyn Clock>, snapshot: Option<&JobSnapshot>) -> Result<Self, StartError> {
        let built = Built::new(job, &clock, snapshot)?;
        Ok(Self {
            ended: vec![false; built.subtasks.len()],
            subtasks: built.subtasks,
            channels: vec![VecDeque::new(); built.channels],
            clock,
            key_groups: job.groups,
            snapshot: None,
            metrics: built.metrics,
            reports: built.reports,
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
            if subtask.subtask.is_source() {
                choices.push(Choice::Poll(index));
            }
            for (channel, number) in subtask.inputs.iter().enumerate() {
                if subtask.subtask.is_open(channel) && !self.channels[*number].is_empty() {
                    choices.push(Choice::Take { subtask: index, channel });
                }
            }
        }
        choices
    }

    /// Does one thing.
    ///
    /// # Errors
    /// As the subtask says.
    pub fn step(&mut self, choice: Choice) -> Result<(), SubtaskError> {
        let (index, event) = match choice {
            Choice::Poll(index) => (index, Event::Poll { now_us: self.clock.now_us() }),
            Choice::Take { subtask, channel } => {
                let number = self.subtasks[subtask].inputs[channel];
                let Some(element) = self.channels[number].pop_front() else { return Ok(()) };
                (subtask, Event::Element { channel, element })
            }
        };
        self.handle(index, event)
    }

    /// Runs to the end; `choose` picks one of so many choices.
    ///
    /// # Errors
    /// As [`LocalJob::step`].
    pub fn run(&mut self, mut choose: impl FnMut(usize) -> usize) -> Result<(), SubtaskError> {
        loop {
            let choices = self.choices();
            let Some(choice) = choices.get(choose(choices.len().max(1)).min(choices.len().saturating_sub(1))) else {
                return Ok(());
            };
            self.step(*choice)?;
        }
    }

    /// Has every source begin a snapshot.
    ///
    /// # Errors
    /// As [`LocalJob::step`].
    pub fn trigger(&mut self, checkpoint: u64) -> Result<(), SubtaskError> {
        let barrier = Barrier { checkpoint };
        self.snapshot = Some((barrier, vec![None; self.subtasks.len()]));
        for index in 0..self.subtasks.len() {
            if self.ended[index] {
                self.part_of_ended(index)?;
            } else if self.subtasks[index].subtask.is_source() {
                self.handle(index, Event::Trigger(barrier))?;
            }
        }
        Ok(())
    }

    /// The snapshot that was triggered last, once every subtask has given its part.
    #[must_use]
    pub fn snapshot(&self) -> Option<JobSnapshot> {
        let (_, parts) = self.snapshot.as_ref()?;
        parts
            .iter()
            .cloned()
            .collect::<Option<Vec<_>>>()
            .map(|subtasks| JobSnapshot { key_groups: self.key_groups, subtasks })
    }

    /// A subtask that ended before a barrier reached it.
    fn part_of_ended(&mut self, index: usize) -> Result<(), SubtaskError> {
        if let Some((_, parts)) = &mut self.snapshot
            && parts[index].is_none()
        {
            parts[index] = Some(self.subtasks[index].subtask.snapshot()?);
        }
        Ok(())
    }

    /// Rows that came too late, over all operators.
    #[must_use]
    pub fn rows_late(&self) -> u64 {
        self.metrics.iter().map(|m| m.rows_late.load(std::sync::atomic::Ordering::Relaxed)).sum()
    }

    /// What the sinks did, added up.
    #[must_use]
    pub fn reports(&self) -> Vec<SinkReport> {
        self.reports.iter().map(|r| r.lock().unwrap_or_else(PoisonError::into_inner).clone()).collect()
    }

    fn handle(&mut self, index: usize, event: Event) -> Result<(), SubtaskError> {
        let BuiltSubtask { subtask, outputs, .. } = &mut self.subtasks[index];
        let (mut actions, mut ended) = (Vec::new(), false);
        match subtask.handle(event, &mut actions)? {
            Outcome::Running(_) => {}
            Outcome::Ended => {
                self.ended[index] = true;
                ended = true;
            }
            Outcome::Snapshot(barrier, part) => {
                if let Some((_, parts)) = self.snapshot.as_mut().filter(|(b, _)| *b == barrier) {
                    parts[index] = Some(part);
                }
            }
        }
        for Action::Send { edge, target, element } in actions {
            if let Some(channel) = outputs[edge][target] {
                self.channels[channel].push_back(element);
            }
        }
        if ended { self.part_of_ended(index) } else { Ok(()) }
    }
}
