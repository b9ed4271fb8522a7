//! One subtask of a job that another engine runs: that one has the threads, the network and the checkpoints, and hands in what
//! comes. Never waits but for a source's rows, and never sends: it says what goes where.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use weir_core::batch::{Barrier, StreamElement};
use weir_core::connector::{Committer, ConnectorError};
use weir_core::time::Clock;
use weir_state::checkpoint::Checkpoint;
use weir_state::{SplitSnapshot, SubtaskSnapshot};

use super::build::{Built, StartError};
use super::figures::NodeCounts;
pub use super::kept::Kept;
use crate::checkpoint::origin::Origin;
use crate::checkpoint::recovery_error::RecoveryError;
use crate::dataflow::chain::Action;
use crate::dataflow::exchange::Exchange;
use crate::dataflow::metrics::Metrics;
use crate::dataflow::subtask::{Event, Outcome, Subtask, SubtaskError};
use crate::error::StepError;
use crate::plan::job::Job;

/// A subtask that another engine runs.
pub struct EmbeddedSubtask {
    subtask: Subtask,
    /// Edges that come in.
    inputs: Vec<Input>,
    /// Edges that go out, by their index in the job, with the number of their targets.
    outputs: Vec<usize>,
    /// The names of the job's sinks.
    sinks: BTreeSet<String>,
    /// Counts of its nodes.
    counts: Vec<(String, Metrics)>,
    /// What it kept at its end.
    last: Option<SubtaskSnapshot>,
}

/// An edge that comes in.
struct Input {
    /// By index.
    edge: usize,
    /// The subtasks that send by it.
    senders: Range<usize>,
    /// The channel of the first of them.
    channel: usize,
}

/// Which run of the job a subtask is of, and what it resumes from.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmbeddedStart<'a> {
    /// The attempt at running the job: ascending, and in one sequence with the numbers of checkpoints.
    pub generation: u64,
    /// Whether checkpoints are made.
    pub durable: bool,
    /// What all subtasks of the chain kept.
    pub restored: Option<&'a Checkpoint>,
    /// Whether state of steps that the job no longer has is left out.
    pub drops_state: bool,
}

/// Something that goes to another subtask.
#[derive(Debug)]
pub struct Sent {
    /// The edge, by its index in the job.
    pub edge: usize,
    /// The subtask at its other end.
    pub target: usize,
    /// What. Never a barrier: those are the other engine's.
    pub element: StreamElement,
}

/// What came of something that was handed in.
#[derive(Debug)]
pub struct Handled {
    /// Of a poll: whether there was anything to read.
    pub had_rows: bool,
    /// What the subtask keeps at the barrier that was asked for, or at its end.
    pub kept: Option<Kept>,
}

/// Why a subtask that another engine runs cannot continue.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// It failed.
    #[error(transparent)]
    Subtask(#[from] SubtaskError),
    /// It is not one that such a thing can come to.
    #[error("{subtask:?} was sent something by edge {edge} from subtask {from}, which it does not read")]
    NoChannel {
        /// Its name.
        subtask: String,
        /// The edge.
        edge: usize,
        /// The sender.
        from: usize,
    },
    /// The other engine did not wait until it was done.
    #[error("{subtask:?} was sent something while it had more to give out")]
    Busy {
        /// Its name.
        subtask: String,
    },
}

impl Job {
    /// One subtask of a chain, alone: by the chain's index and the subtask's number.
    ///
    /// # Errors
    /// If a split, a writer or an operator cannot be made, or what it resumes from is not this pipeline's.
    pub fn embedded(
        &self,
        chain: usize,
        number: usize,
        clock: &Arc<dyn Clock>,
        start: EmbeddedStart<'_>,
    ) -> Result<EmbeddedSubtask, StartError> {
        let EmbeddedStart { generation, durable, restored, drops_state } = start;
        if let Some(checkpoint) = restored {
            self.check_restored(checkpoint, drops_state, clock).map_err(|error| without_discarding(error.into()))?;
        }
        let snapshot = restored.map(|checkpoint| &checkpoint.snapshot);
        let origin = Origin { generation, durable, apart: true, snapshot, ..Origin::default() };
        let (subtask, metrics) = Built::alone(self, (chain, number), clock, origin).map_err(without_discarding)?;
        let plan = &self.physical.chains[chain];
        let mut channel = 0;
        let input = |edge: &usize| {
            let from = self.physical.chains[self.physical.edges[*edge].from].parallelism;
            let partitioning = &self.physical.edges[*edge].partitioning;
            let senders = match self.channels_into(*edge) {
                all if all == from => 0..from,
                // Forward: the one with its number.
                _ => Exchange::reach(partitioning, number, from),
            };
            let first = channel;
            channel += senders.len();
            Input { edge: *edge, senders, channel: first }
        };
        Ok(EmbeddedSubtask {
            subtask,
            inputs: plan.inputs.iter().map(input).collect(),
            outputs: plan.outputs.clone(),
            sinks: self.sinks().map(|(node, _)| self.resolved.nodes[node].name.clone()).collect(),
            counts: self.resolved.nodes.iter().map(|node| node.name.clone()).zip(metrics).collect(),
            last: None,
        })
    }

    /// What makes visible what the writers of a sink prepare; `None`: there is nothing that it would have to do. `resumes`: the job
    /// resumes from a checkpoint.
    ///
    /// # Errors
    /// If there is no such sink, or the system that takes the rows cannot be reached.
    pub fn embedded_committer(
        &self,
        sink: &str,
        generation: u64,
        resumes: bool,
    ) -> Result<Option<Box<dyn Committer>>, ConnectorError> {
        let found = self.sinks().find(|(node, _)| self.resolved.nodes[*node].name == sink);
        let (_, found) = found.ok_or_else(|| ConnectorError::Data(format!("the pipeline has no sink {sink:?}")))?;
        found.committer_apart(&self.name, generation, resumes)
    }

    /// A checkpoint is complete in which splits of a source were there: it may tell another system how far it is.
    pub fn embedded_completed(&self, source: &str, splits: &[SplitSnapshot]) {
        let positions: Vec<_> = splits.iter().map(SplitSnapshot::position).collect();
        self.sources().iter().filter(|(name, _)| name == source).for_each(|(_, source)| source.completed(&positions));
    }
}

/// Another engine discards the state of whole steps, and no part of one.
fn without_discarding(error: StartError) -> StartError {
    match error {
        StartError::Recovery(RecoveryError::Layout { checkpoint, operator, error }) => {
            StartError::Recovery(RecoveryError::Layout { checkpoint, operator, error: error.without_discarding() })
        }
        StartError::Restore(SubtaskError::Step(StepError { operator, error })) => {
            StartError::Restore(SubtaskError::Step(StepError { operator, error: error.without_discarding() }))
        }
        error => error,
    }
}

impl EmbeddedSubtask {
    /// Its chain's name and its number.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.subtask.name
    }

    /// Whether [`EmbeddedSubtask::more`] is to be called before anything else but a barrier.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.last.is_none() && self.subtask.has_more()
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.last.is_some()
    }

    /// Whether rows wait for a batch to fill.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        self.subtask.is_holding()
    }

    /// The processing time at which it wants [`EmbeddedSubtask::time`], microseconds.
    #[must_use]
    pub fn deadline(&self) -> Option<i64> {
        self.subtask.deadline()
    }

    /// What its nodes counted.
    #[must_use]
    pub fn counts(&self) -> Vec<NodeCounts> {
        self.counts.iter().map(|(name, metrics)| NodeCounts::of(name, metrics)).collect()
    }

    /// Has a source read; it waits for rows for the pipeline's linger time at most.
    ///
    /// # Errors
    /// [`EmbeddedError`].
    pub fn poll(&mut self, now_us: i64, sent: &mut Vec<Sent>) -> Result<Handled, EmbeddedError> {
        self.idle()?;
        self.handle(Event::Poll { now_us }, sent)
    }

    /// An element came by an edge, from a subtask at its other end.
    ///
    /// # Errors
    /// [`EmbeddedError`].
    pub fn element(
        &mut self,
        edge: usize,
        from: usize,
        element: StreamElement,
        sent: &mut Vec<Sent>,
    ) -> Result<Handled, EmbeddedError> {
        self.idle()?;
        let input = self.inputs.iter().find(|input| input.edge == edge && input.senders.contains(&from));
        let Some(Input { senders, channel, .. }) = input else {
            return Err(EmbeddedError::NoChannel { subtask: self.subtask.name.clone(), edge, from });
        };
        let channel = channel + from - senders.start;
        self.handle(Event::Element { channel, element }, sent)
    }

    /// Continues with what it has to give out.
    ///
    /// # Errors
    /// [`EmbeddedError`].
    pub fn more(&mut self, sent: &mut Vec<Sent>) -> Result<Handled, EmbeddedError> {
        self.handle(Event::More, sent)
    }

    /// The clock has reached the deadline.
    ///
    /// # Errors
    /// [`EmbeddedError`].
    pub fn time(&mut self, now_us: i64, sent: &mut Vec<Sent>) -> Result<Handled, EmbeddedError> {
        self.idle()?;
        self.handle(Event::Time { now_us }, sent)
    }

    /// Sends rows that wait for a batch to fill. `comes`: while more comes all the time, of which full batches are made soon.
    ///
    /// # Errors
    /// [`EmbeddedError`].
    pub fn flush(&mut self, comes: bool, sent: &mut Vec<Sent>) -> Result<Handled, EmbeddedError> {
        self.idle()?;
        self.handle(if comes { Event::Linger } else { Event::Flush }, sent)
    }

    /// Has a source end as if its input had.
    ///
    /// # Errors
    /// [`EmbeddedError`].
    pub fn drain(&mut self, sent: &mut Vec<Sent>) -> Result<Handled, EmbeddedError> {
        self.handle(Event::Drain, sent)
    }

    /// A barrier has come by all its edges, or begins here. If nothing is kept at once, [`EmbeddedSubtask::more`] gives it: what is sent
    /// until then is before the barrier. One that has ended gives what it kept then.
    ///
    /// # Errors
    /// [`EmbeddedError`].
    pub fn barrier(&mut self, attempt: u64, sent: &mut Vec<Sent>) -> Result<Handled, EmbeddedError> {
        if self.last.is_some() {
            return Ok(Handled { had_rows: false, kept: self.kept_at_end() });
        }
        let barrier = Barrier { attempt };
        if self.subtask.begins_snapshots() {
            return self.handle(Event::Trigger(barrier), sent);
        }
        let channels = self.inputs.iter().map(|input| input.senders.len()).sum::<usize>();
        let mut handled = Handled { had_rows: false, kept: None };
        for channel in 0..channels {
            if self.subtask.is_open(channel) {
                let element = StreamElement::Barrier(barrier);
                let next = self.handle(Event::Element { channel, element }, sent)?;
                handled.kept = next.kept.or(handled.kept);
            }
        }
        Ok(handled)
    }

    fn kept_at_end(&self) -> Option<Kept> {
        let last = self.last.clone()?;
        Some(Kept::of_ended(last, |name| self.sinks.contains(name)))
    }

    fn idle(&self) -> Result<(), EmbeddedError> {
        match self.has_more() {
            true => Err(EmbeddedError::Busy { subtask: self.subtask.name.clone() }),
            false => Ok(()),
        }
    }

    fn handle(&mut self, event: Event, sent: &mut Vec<Sent>) -> Result<Handled, EmbeddedError> {
        let mut actions = Vec::new();
        let outcome = self.subtask.handle(event, &mut actions)?;
        for Action::Send { edge, target, element } in actions {
            if !matches!(element, StreamElement::Barrier(_)) {
                sent.push(Sent { edge: self.outputs[edge], target, element });
            }
        }
        Ok(match outcome {
            Outcome::Running(had_rows) => Handled { had_rows, kept: None },
            Outcome::Frozen(_, frozen) => {
                Handled { had_rows: true, kept: Some(Kept::new(frozen, |name| self.sinks.contains(name))?) }
            }
            Outcome::Ended(frozen) => {
                if let Some(frozen) = frozen {
                    self.last = Some(frozen.make(true)?);
                }
                Handled { had_rows: true, kept: self.kept_at_end() }
            }
        })
    }
}
