//! A subtask as a state machine: `handle(event) -> actions`. It has no thread, no channel and no clock of its own, so a test can
//! drive a whole job in one thread, in any order that the channels allow.

mod frozen;

use std::collections::VecDeque;
use std::sync::Arc;

use weir_core::batch::{Barrier, StreamElement};
use weir_core::connector::Cut;
use weir_state::{Snapshot, SubtaskSnapshot};

pub use frozen::FrozenSubtask;

use crate::dataflow::chain::{Action, Chain};
use crate::dataflow::gate::{GateError, InputGate};
use crate::dataflow::incoming::Incoming;
use crate::dataflow::operator::OperatorError;
use crate::dataflow::source::{SourceEvent, SourceHead};
use crate::dataflow::step::StepError;
use crate::replace::delivery::{Delivery, SubtaskShadow, SubtaskSwap, SwapBox};

/// One parallel instance of an operator chain.
pub struct Subtask {
    /// Its chain's name and its number.
    pub name: String,
    head: Head,
    chain: Chain,
    state: State,
    /// What has come in and is still to be done, in order.
    incoming: VecDeque<Incoming>,
    /// Elements that came while the chain was giving out what it made; a channel has one at most.
    held: VecDeque<(usize, StreamElement)>,
    polled: Vec<SourceEvent>,
    /// The last barrier's attempt.
    last_attempt: u64,
    pub(crate) swaps: Arc<SwapBox>,
}

enum Head {
    Source { name: String, head: Box<SourceHead> },
    Gate(InputGate),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    /// The end is on its way through the chain.
    Ending,
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
    /// A snapshot should begin here: see [`Subtask::begins_snapshots`].
    Trigger(Barrier),
    /// A source should end, as if its splits had.
    Drain,
    /// Nothing came for a while.
    Flush,
    /// The engine's clock has reached [`Subtask::deadline`].
    Time {
        /// Now, microseconds.
        now_us: i64,
    },
    /// What was sent has room: see [`Subtask::has_more`].
    More,
    /// More comes all the time, and something may have been held back for a while.
    Linger,
}

/// What came of an event, beside the actions.
#[derive(Debug)]
pub enum Outcome {
    /// Continue. `false`: a source had nothing to read.
    Running(bool),
    /// The snapshot of this subtask for a barrier; continue.
    Frozen(Barrier, FrozenSubtask),
    /// The subtask is done: its last state. `None`: it was done before.
    Ended(Option<FrozenSubtask>),
}

/// Why a subtask cannot continue.
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
        Self::new(name, Head::Source { name: source, head: Box::new(head) }, chain)
    }

    /// A subtask that reads channels.
    #[must_use]
    pub fn with_channels(name: String, gate: InputGate, chain: Chain) -> Self {
        Self::new(name, Head::Gate(gate), chain)
    }

    fn new(name: String, head: Head, chain: Chain) -> Self {
        Self {
            name,
            head,
            chain,
            state: State::Running,
            incoming: VecDeque::new(),
            held: VecDeque::new(),
            polled: Vec::new(),
            last_attempt: 0,
            swaps: Arc::default(),
        }
    }

    /// Whether it reads a source.
    #[must_use]
    pub fn is_source(&self) -> bool {
        matches!(self.head, Head::Source { .. })
    }

    /// Whether snapshots begin here, because no barrier can arrive: it reads a source, or all its channels have ended.
    #[must_use]
    pub fn begins_snapshots(&self) -> bool {
        let ends = |channel| self.held.iter().any(|held| matches!(held, (c, StreamElement::End) if *c == channel));
        match &self.head {
            Head::Source { .. } => true,
            Head::Gate(gate) => gate.is_at_end(ends),
        }
    }

    /// The last attempt whose barrier has passed; 0 before the first.
    #[must_use]
    pub fn last_attempt(&self) -> u64 {
        self.last_attempt
    }

    /// Whether elements of this channel may be taken now.
    #[must_use]
    pub fn is_open(&self, channel: usize) -> bool {
        let is_held = self.held.iter().any(|(held, _)| *held == channel);
        !is_held && matches!(&self.head, Head::Gate(gate) if gate.is_open(channel))
    }

    /// Whether it has stopped between two parts of what it gives out: after its actions are done it is to be handed
    /// [`Event::More`]. Elements and barriers may be handed to it meanwhile.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.chain.has_work() || !self.incoming.is_empty() || !self.held.is_empty()
    }

    /// The processing time at which it wants [`Event::Time`].
    #[must_use]
    pub fn deadline(&self) -> Option<i64> {
        self.chain.deadline()
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
        self.read().map_or(0, SourceHead::waited_us)
    }

    /// Of a source, how far it is, from 0 to 1.
    #[must_use]
    pub fn progress(&self) -> Option<f64> {
        self.read().and_then(SourceHead::progress)
    }

    /// What it reads, if it reads a source.
    #[must_use]
    pub fn read(&self) -> Option<&SourceHead> {
        match &self.head {
            Head::Source { head, .. } => Some(head),
            Head::Gate(_) => None,
        }
    }

    /// Resumes from a snapshot: `parts_of` gives, by operator, the state of the key groups that this subtask owns.
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
        Ok(FrozenSubtask::new(self.chain.freeze(cut)?, rest))
    }

    /// One step. Actions are appended in the order in which they must be done.
    ///
    /// # Errors
    /// If the job cannot continue.
    pub fn handle(&mut self, event: Event, actions: &mut Vec<Action>) -> Result<Outcome, SubtaskError> {
        if self.state == State::Ended {
            return Ok(Outcome::Ended(None));
        }
        let is_idle = !self.has_more();
        if let Event::Trigger(barrier) = event {
            if self.begins_snapshots() {
                self.begin_snapshot(barrier);
                return self.proceed(actions, true);
            }
            return Ok(Outcome::Running(false));
        }
        match (event, &mut self.head) {
            (Event::Element { channel, element }, Head::Gate(_)) => match element {
                // A barrier may pass between two parts.
                StreamElement::Barrier(_) => self.take(channel, element)?,
                _ if is_idle => self.take(channel, element)?,
                _ => self.held.push_back((channel, element)),
            },
            (Event::Poll { now_us }, Head::Source { name, head }) if is_idle => {
                let had = head
                    .poll(now_us, &mut self.polled)
                    .map_err(|error| SubtaskError::Source { source_name: name.clone(), error })?;
                self.incoming.extend(self.polled.drain(..).map(|event| match event {
                    SourceEvent::Rows(batch) => Incoming::Rows { input: 0, batch },
                    SourceEvent::DeadLetters(batch) => Incoming::DeadLetters(batch),
                    SourceEvent::Watermark(watermark) => Incoming::Watermark(watermark),
                    SourceEvent::Idle => Incoming::Idle,
                    SourceEvent::End => Incoming::End,
                }));
                return self.proceed(actions, had);
            }
            (Event::Drain, Head::Source { .. }) if self.state == State::Running => {
                self.incoming.retain(|incoming| !matches!(incoming, Incoming::End));
                self.incoming.extend([Incoming::Watermark(i64::MAX), Incoming::End]);
            }
            (Event::Flush, _) if is_idle => self.chain.flush(actions)?,
            (Event::Linger, _) if is_idle => self.chain.linger(actions)?,
            (Event::Time { now_us }, _) if is_idle => self.chain.on_processing_time(now_us, actions)?,
            (Event::More, _) => {}
            // A gate is not polled, a source has no channels: nothing to do.
            _ => return Ok(Outcome::Running(false)),
        }
        self.proceed(actions, true)
    }

    fn begin_snapshot(&mut self, barrier: Barrier) {
        let is_known =
            |incoming: &Incoming| matches!(incoming, Incoming::Barrier(known) if known.attempt >= barrier.attempt);
        // The last source may have sent it before it ended.
        if barrier.attempt <= self.last_attempt || self.incoming.iter().any(is_known) {
            return;
        }
        // Where the source is now is after the rows that it has handed over.
        let after = self.incoming.iter().rposition(Incoming::has_rows).map_or(0, |last| last + 1);
        self.incoming.insert(after, Incoming::Barrier(barrier));
    }

    fn take(&mut self, channel: usize, element: StreamElement) -> Result<(), SubtaskError> {
        let Head::Gate(gate) = &mut self.head else { return Ok(()) };
        gate.take(channel, element, &mut self.incoming)?;
        Ok(())
    }

    /// Does what has come in, until that is done, or the chain has more to give out than is sent at once.
    fn proceed(&mut self, actions: &mut Vec<Action>, had: bool) -> Result<Outcome, SubtaskError> {
        let mut has_run = false;
        loop {
            let is_barrier = matches!(self.incoming.front(), Some(Incoming::Barrier(_)));
            if self.chain.has_work() && !(is_barrier && self.chain.can_freeze()) {
                if has_run {
                    return Ok(Outcome::Running(had));
                }
                has_run = true;
                self.chain.run(actions)?;
                continue;
            }
            if self.state == State::Ending && !self.chain.has_work() {
                self.state = State::Ended;
                // A number that no barrier of this subtask has had, for what its sinks name after it.
                let frozen = self.freeze(Cut { attempt: self.last_attempt + 1, last: true })?;
                return Ok(Outcome::Ended(Some(frozen)));
            }
            let Some(incoming) = self.incoming.pop_front() else {
                let Some((channel, element)) = self.held.pop_front() else { return Ok(Outcome::Running(had)) };
                self.take(channel, element)?;
                continue;
            };
            has_run = true;
            match incoming {
                Incoming::Rows { input, batch } => self.chain.process(input, batch, actions)?,
                Incoming::DeadLetters(batch) => self.chain.emit(1, batch, actions)?,
                Incoming::Watermark(watermark) => self.chain.advance(watermark, actions)?,
                Incoming::Idle => self.chain.idle(actions)?,
                Incoming::CaughtUp { input } => self.chain.caught_up(input, actions)?,
                Incoming::Barrier(barrier) => return self.on_barrier(barrier, actions),
                Incoming::End => {
                    self.state = State::Ending;
                    self.chain.end(actions)?;
                }
            }
        }
    }

    fn on_barrier(&mut self, barrier: Barrier, actions: &mut Vec<Action>) -> Result<Outcome, SubtaskError> {
        self.last_attempt = barrier.attempt;
        let swap = self.swaps.take(barrier.attempt);
        if let Some(SubtaskSwap { what, participant, .. }) = swap.filter(|swap| !swap.participant.is_rolled_back()) {
            let since_us = participant.swap.now_us();
            let swapped = match what {
                Delivery::Versions(versions) => {
                    let mut versions = versions.into_iter();
                    versions.try_for_each(|(step, version)| self.chain.swap(step, version, participant.clone()))
                }
                Delivery::Rest => {
                    self.chain.follow();
                    Ok(())
                }
            };
            SubtaskSwap::tell(&participant, &swapped, since_us);
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
}
