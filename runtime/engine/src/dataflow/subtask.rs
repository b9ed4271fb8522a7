//! A subtask as a state machine: `handle(event) -> actions`. It has no thread, no channel and no clock of its own, so a test can
//! drive a whole job in one thread, in any order that the channels allow.

use std::sync::Arc;

use weir_core::batch::{Barrier, StreamElement};
use weir_core::connector::Cut;
use weir_state::{Snapshot, SubtaskSnapshot};

use crate::dataflow::chain::{Action, Chain, StepError};
use crate::dataflow::gate::{GateError, Gated, InputGate};
use crate::dataflow::operator::{Frozen, OperatorError};
use crate::dataflow::source::{SourceEvent, SourceHead};
use crate::replace::delivery::{Delivery, SubtaskShadow, SubtaskSwap, SwapBox};

/// One parallel instance of an operator chain.
pub struct Subtask {
    /// Its chain's name and its number.
    pub name: String,
    head: Head,
    chain: Chain,
    state: State,
    gated: Vec<Gated>,
    polled: Vec<SourceEvent>,
    /// The last barrier's attempt.
    cut: u64,
    pub(crate) swaps: Arc<SwapBox>,
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
    /// More comes all the time, and something may have been held back for a while.
    Linger,
}

/// What came of an event, beside the actions.
#[derive(Debug)]
pub enum Outcome {
    /// Go on. `false`: a source had nothing to read.
    Running(bool),
    /// The snapshot of this subtask for a barrier; go on.
    Frozen(Barrier, FrozenSubtask),
    /// The subtask is done: its last state. `None`: it was done before.
    Ended(Option<FrozenSubtask>),
}

/// All state of one subtask, frozen.
#[derive(Debug)]
pub struct FrozenSubtask {
    operators: Vec<(String, Frozen)>,
    rest: SubtaskSnapshot,
}

impl FrozenSubtask {
    /// Its state in the form in which it is kept. This takes a while, and the stream goes on beside it.
    ///
    /// # Errors
    /// If an operator's state cannot be put together, or a sink cannot keep what it has written.
    pub fn make(self) -> Result<SubtaskSnapshot, SubtaskError> {
        let made = |(name, frozen): (String, Frozen)| match frozen.make() {
            Ok(snapshot) => Ok((name, snapshot)),
            Err(error) => Err(StepError::new(&name, error)),
        };
        let operators = self.operators.into_iter().map(made).collect::<Result<_, _>>()?;
        Ok(SubtaskSnapshot { operators, ..self.rest })
    }
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
        Self {
            name,
            head,
            chain,
            state: State::Running,
            gated: Vec::new(),
            polled: Vec::new(),
            cut: 0,
            swaps: Arc::default(),
        }
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

    /// Whether [`Event::Flush`] would send rows on that wait for a batch to fill.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        self.chain.is_holding()
    }

    /// The last watermark that went through.
    #[must_use]
    pub fn watermark(&self) -> i64 {
        self.chain.watermark()
    }

    /// Of a source, how long its last poll waited for rows.
    #[must_use]
    pub fn waited_us(&self) -> u64 {
        match &self.head {
            Head::Source { head, .. } => head.waited_us(),
            Head::Gate(_) => 0,
        }
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

    /// All its state now. A subtask that has ended still has a part in every checkpoint: where its splits ended, and what its
    /// sinks wrote last.
    fn freeze(&mut self, cut: Cut) -> Result<FrozenSubtask, SubtaskError> {
        let splits = match &self.head {
            Head::Source { name, head } => Some((name.clone(), head.snapshot())),
            Head::Gate(_) => None,
        };
        let (subtask, watermark) = (self.name.clone(), self.chain.watermark());
        let rest = SubtaskSnapshot { subtask, watermark, operators: Vec::new(), splits };
        Ok(FrozenSubtask { operators: self.chain.freeze(cut)?, rest })
    }

    /// One step. Actions are appended in the order in which they must be done.
    ///
    /// # Errors
    /// If the job cannot go on.
    pub fn handle(&mut self, event: Event, actions: &mut Vec<Action>) -> Result<Outcome, SubtaskError> {
        if self.state == State::Ended {
            return Ok(Outcome::Ended(None));
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
            (Event::Linger, _) => {
                self.chain.linger(actions)?;
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
                Gated::Idle => self.chain.idle(actions)?,
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
                SourceEvent::Idle => self.chain.idle(actions)?,
                SourceEvent::End => outcome = self.end(actions)?,
            }
        }
        self.polled = polled;
        Ok(outcome)
    }

    fn cut(&mut self, barrier: Barrier, actions: &mut Vec<Action>) -> Result<Outcome, SubtaskError> {
        self.cut = barrier.attempt;
        let swap = self.swaps.take(barrier.attempt);
        if let Some(SubtaskSwap { what, seat, .. }) = swap.filter(|swap| !swap.seat.is_rolled_back()) {
            let since_us = seat.swap.now_us();
            let swapped = match what {
                Delivery::Versions(versions) => {
                    let mut versions = versions.into_iter();
                    versions.try_for_each(|(step, version)| self.chain.swap(step, version, seat.clone()))
                }
                Delivery::Rest => {
                    self.chain.follow();
                    Ok(())
                }
            };
            SubtaskSwap::tell(&seat, &swapped, since_us);
        }
        if let Some(SubtaskShadow { versions, shadow }) = self.swaps.take_shadow() {
            versions.into_iter().try_for_each(|(step, version)| self.chain.shadow(step, version, &shadow))?;
            shadow.landed();
        }
        self.chain.settle()?;
        let frozen = self.freeze(Cut { attempt: barrier.attempt, last: false })?;
        self.chain.forward(barrier, actions)?;
        Ok(Outcome::Frozen(barrier, frozen))
    }

    fn end(&mut self, actions: &mut Vec<Action>) -> Result<Outcome, SubtaskError> {
        self.chain.end(actions)?;
        self.state = State::Ended;
        // A number that no barrier of this subtask has had, for what its sinks name after it.
        let frozen = self.freeze(Cut { attempt: self.cut + 1, last: true })?;
        Ok(Outcome::Ended(Some(frozen)))
    }
}
