//! A subtask as a state machine: `handle(event) -> actions`. It has no thread, no channel and no clock of its own, so a test can
//! drive a whole job in one thread, in any order that the channels allow.

use weir_core::batch::{Barrier, StreamElement};

use crate::chain::{Action, Chain, StepError};
use crate::gate::{GateError, Gated, InputGate};
use crate::operator::{OperatorError, Snapshot};
use crate::source::{SourceEvent, SourceHead, SplitSnapshot};

/// One parallel instance of an operator chain.
pub struct Subtask {
    /// Its chain's name and its number.
    pub name: String,
    head: Head,
    chain: Chain,
    state: State,
    gated: Vec<Gated>,
    polled: Vec<SourceEvent>,
}

enum Head {
    Source { name: String, head: SourceHead },
    Gate(InputGate),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Ended,
}

/// What happens to a subtask.
#[derive(Debug)]
pub enum Event {
    /// An element came by an input channel.
    Element {
        /// Which one.
        channel: usize,
        /// The element.
        element: StreamElement,
    },
    /// A source should read. The time is microseconds on the engine's clock.
    Poll {
        /// Now.
        now_us: i64,
    },
    /// A source should begin a snapshot.
    Trigger(Barrier),
    /// A source should end, as if its splits had.
    Drain,
    /// Nothing came for a while.
    Flush,
}

/// What came of an event, beside the actions.
#[derive(Debug)]
pub enum Outcome {
    /// Go on. `false`: a source had nothing to read.
    Running(bool),
    /// The snapshot of this subtask for a barrier; go on.
    Snapshot(Barrier, SubtaskSnapshot),
    /// The subtask is done.
    Ended,
}

/// All state of one subtask.
#[derive(Clone, Debug, Default)]
pub struct SubtaskSnapshot {
    /// State of its operators, by name.
    pub operators: Vec<(String, Snapshot)>,
    /// Of a source: its name and where its splits are.
    pub splits: Option<(String, Vec<SplitSnapshot>)>,
}

/// Why a subtask cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SubtaskError {
    /// An operator failed.
    #[error(transparent)]
    Step(#[from] StepError),
    /// The source failed.
    #[error("source {source_name:?}")]
    Source {
        /// Its name.
        source_name: String,
        /// Why.
        #[source]
        error: OperatorError,
    },
    /// Channels broke the rules of the stream.
    #[error(transparent)]
    Gate(#[from] GateError),
}

impl Subtask {
    /// A subtask that reads a source.
    #[must_use]
    pub fn source(name: String, source: String, head: SourceHead, chain: Chain) -> Self {
        Self::new(name, Head::Source { name: source, head }, chain)
    }

    /// A subtask that reads channels.
    #[must_use]
    pub fn gated(name: String, channels: usize, chain: Chain) -> Self {
        Self::new(name, Head::Gate(InputGate::new(channels)), chain)
    }

    fn new(name: String, head: Head, chain: Chain) -> Self {
        Self { name, head, chain, state: State::Running, gated: Vec::new(), polled: Vec::new() }
    }

    /// Whether it reads a source.
    #[must_use]
    pub fn is_source(&self) -> bool {
        matches!(self.head, Head::Source { .. })
    }

    /// Whether elements of this channel may be taken now.
    #[must_use]
    pub fn is_open(&self, channel: usize) -> bool {
        matches!(&self.head, Head::Gate(gate) if gate.is_open(channel))
    }

    /// The last watermark that went through.
    #[must_use]
    pub fn watermark(&self) -> i64 {
        self.chain.watermark()
    }

    /// Of a source, how far it is, from 0 to 1.
    #[must_use]
    pub fn progress(&self) -> Option<f64> {
        match &self.head {
            Head::Source { head, .. } => head.progress(),
            Head::Gate(_) => None,
        }
    }

    /// Goes on from a snapshot: `parts_of` gives, by operator, the state of the key groups that this subtask owns.
    ///
    /// # Errors
    /// If a part does not fit its operator.
    pub fn restore(&mut self, parts_of: impl FnMut(&str) -> Snapshot) -> Result<(), SubtaskError> {
        Ok(self.chain.restore(parts_of)?)
    }

    /// All its state now. A subtask that has ended still has a part in a snapshot: where its splits ended.
    ///
    /// # Errors
    /// If an operator's state cannot be read.
    pub fn snapshot(&mut self) -> Result<SubtaskSnapshot, SubtaskError> {
        let splits = match &self.head {
            Head::Source { name, head } => Some((name.clone(), head.snapshot())),
            Head::Gate(_) => None,
        };
        Ok(SubtaskSnapshot { operators: self.chain.snapshot()?, splits })
    }

    /// One step. Actions are appended in the order in which they must be done.
    ///
    /// # Errors
    /// If the job cannot go on.
    pub fn handle(&mut self, event: Event, actions: &mut Vec<Action>) -> Result<Outcome, SubtaskError> {
        if self.state == State::Ended {
            return Ok(Outcome::Ended);
        }
        match (event, &mut self.head) {
            (Event::Element { channel, element }, Head::Gate(gate)) => {
                gate.take(channel, element, &mut self.gated)?;
                self.after_gate(actions)
            }
            (Event::Poll { now_us }, Head::Source { name, head }) => {
                let had = head
                    .poll(now_us, &mut self.polled)
                    .map_err(|error| SubtaskError::Source { source_name: name.clone(), error })?;
                self.after_poll(had, actions)
            }
            (Event::Drain, Head::Source { .. }) => {
                self.chain.advance(i64::MAX, actions)?;
                self.end(actions)
            }
            (Event::Trigger(barrier), Head::Source { .. }) => self.cut(barrier, actions),
            (Event::Flush, _) => {
                self.chain.flush(actions)?;
                Ok(Outcome::Running(true))
            }
            // A gate is not polled, a source has no channels: nothing to do.
            _ => Ok(Outcome::Running(false)),
        }
    }

    fn after_gate(&mut self, actions: &mut Vec<Action>) -> Result<Outcome, SubtaskError> {
        let mut outcome = Outcome::Running(true);
        let mut gated = std::mem::take(&mut self.gated);
        for event in gated.drain(..) {
            match event {
                Gated::Batch(batch) => self.chain.process(batch, actions)?,
                Gated::Watermark(watermark) => self.chain.advance(watermark, actions)?,
                Gated::Idle => self.chain.idle(actions),
                Gated::Barrier(barrier) => outcome = self.cut(barrier, actions)?,
                Gated::End => outcome = self.end(actions)?,
            }
        }
        self.gated = gated;
        Ok(outcome)
    }

    fn after_poll(&mut self, had: bool, actions: &mut Vec<Action>) -> Result<Outcome, SubtaskError> {
        let mut outcome = Outcome::Running(had);
        let mut polled = std::mem::take(&mut self.polled);
        for event in polled.drain(..) {
            match event {
                SourceEvent::Rows(batch) => self.chain.process(batch, actions)?,
                SourceEvent::DeadLetters(batch) => self.chain.emit(1, batch, actions)?,
                SourceEvent::Watermark(watermark) => self.chain.advance(watermark, actions)?,
                SourceEvent::Idle => self.chain.idle(actions),
                SourceEvent::End => outcome = self.end(actions)?,
            }
        }
        self.polled = polled;
        Ok(outcome)
    }

    fn cut(&mut self, barrier: Barrier, actions: &mut Vec<Action>) -> Result<Outcome, SubtaskError> {
        let snapshot = self.snapshot()?;
        self.chain.forward(barrier, actions);
        Ok(Outcome::Snapshot(barrier, snapshot))
    }

    fn end(&mut self, actions: &mut Vec<Action>) -> Result<Outcome, SubtaskError> {
        self.chain.end(actions)?;
        self.state = State::Ended;
        Ok(Outcome::Ended)
    }
}
