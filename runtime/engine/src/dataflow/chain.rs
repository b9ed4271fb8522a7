//! An operator chain: the operators of one subtask, connected without channels, as a tree with edges at its leaves.

mod replace;
mod routing;
#[cfg(test)]
mod tests;

use std::sync::atomic::Ordering;

use arrow::error::ArrowError;
use weir_core::batch::{Barrier, StreamBatch, StreamElement};
use weir_core::connector::Cut;
use weir_core::memory::MemoryLease;
use weir_core::time::WATERMARK_MIN;

use crate::dataflow::exchange::{Emit, Exchange};
use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, Time};
use crate::dataflow::split_times::SplitTimes;
use crate::dataflow::step::{Counts, Step, StepError};

/// The chain of one subtask. Step 0 gets what the gate or the source delivers.
///
/// What is to be done is a stack, so that the chain can stop between two parts of what an operator gives out: the caller sends what
/// is there, lets a barrier through if one waits, and has it [run](Chain::run) on.
pub struct Chain {
    steps: Vec<Step>,
    edges: Vec<Exchange>,
    /// By step: what its operator's state takes.
    memory: Vec<MemoryLease>,
    watermark: i64,
    /// What the first step made of it for all that comes after.
    forwarded: i64,
    /// The step whose main output has its event time from it, and the splits that its rows are of.
    timed: Option<(usize, SplitTimes)>,
    /// What is still to be done; the last comes first.
    work: Vec<Work>,
}

/// One thing that is to be done.
enum Work {
    /// Rows into an input of a step.
    Rows { step: usize, input: usize, batch: StreamBatch },
    /// Rows that a step has put back.
    Rest { step: usize, input: usize, batch: StreamBatch },
    /// The next part of what a step gives out.
    More { step: usize },
    /// An input of the first step has brought all that there was at the start.
    CaughtUp { input: usize },
    /// Something that happens to a step, and then to those after it.
    Each { step: usize, what: Happening },
    /// Rows of the main output of the step that gives them their event time.
    Timed { step: usize, batch: StreamBatch },
    /// A watermark, through all steps.
    Advance(i64),
    /// What the first step held back of the watermark, if it holds it back no longer.
    Released,
    /// An element for all channels, after what all steps have made.
    Broadcast(StreamElement),
    /// Rows that wait in exchanges for a batch to fill.
    Exchanges(fn(&mut Exchange, &mut Emit<'_>) -> Result<(), ArrowError>),
}

/// What happens to all steps of a chain, one after the other.
#[derive(Clone, Copy)]
enum Happening {
    Time(Time),
    End,
    Flush,
}

/// What one [`Chain::run`] puts into channels at most, beyond what one call of an operator makes.
const ACTIONS_MAX: usize = 64;

/// What the chain wants done, in order.
#[derive(Debug)]
pub enum Action {
    /// Put an element into a channel.
    Send {
        /// Which edge of the chain.
        edge: usize,
        /// Which subtask at its other end.
        target: usize,
        /// What.
        element: StreamElement,
    },
}

impl Chain {
    /// Steps in an order in which a step comes after the one that feeds it.
    #[must_use]
    pub fn new(steps: Vec<Step>, edges: Vec<Exchange>) -> Self {
        let memory = steps.iter().map(|step| step.metrics.memory.lease()).collect();
        Self { steps, edges, memory, watermark: WATERMARK_MIN, forwarded: WATERMARK_MIN, timed: None, work: Vec::new() }
    }

    /// The chain with a step, by index, that gives the rows of its main output their event time: watermarks follow from it.
    #[must_use]
    pub fn timed_by(mut self, step: usize, times: SplitTimes) -> Self {
        self.timed = Some((step, times));
        self
    }

    /// The last watermark that went through, or is on its way through.
    #[must_use]
    pub fn watermark(&self) -> i64 {
        self.watermark
    }

    /// Whether something is still to be done before anything else can be.
    #[must_use]
    pub fn has_work(&self) -> bool {
        !self.work.is_empty()
    }

    /// Whether all that came so far is in the steps' state, or has left: then the state can be frozen, and a barrier forwarded.
    /// Not before a watermark is through all steps: a source that has ended says only the last one again.
    #[must_use]
    pub fn can_freeze(&self) -> bool {
        let unfinished = |work: &Work| {
            matches!(
                work,
                Work::Rows { .. }
                    | Work::Rest { .. }
                    | Work::Timed { .. }
                    | Work::Each { what: Happening::Time(_), .. }
            )
        };
        !self.work.iter().any(unfinished)
    }

    /// The earliest processing time that a step waits for.
    #[must_use]
    pub fn deadline(&self) -> Option<i64> {
        self.steps.iter().filter_map(|step| step.operator.as_ref()?.deadline()).min()
    }

    /// Rows into an input of the first step.
    ///
    /// # Errors
    /// As the operators say, with the name of the one that failed.
    pub fn process(&mut self, input: usize, batch: StreamBatch, actions: &mut Vec<Action>) -> Result<(), StepError> {
        self.work.push(Work::Rows { step: 0, input, batch });
        self.run(actions)
    }

    /// Rows of a side output of the first step, such as records that a source could not read.
    ///
    /// # Errors
    /// As [`Chain::process`].
    pub fn emit(&mut self, output: usize, batch: StreamBatch, actions: &mut Vec<Action>) -> Result<(), StepError> {
        self.route(0, vec![(output, batch)], actions)?;
        self.run(actions)
    }

    /// A watermark through all steps, each after what it emits at it. One that is not above the last only says that the stream
    /// is active again.
    ///
    /// # Errors
    /// As [`Chain::process`].
    pub fn advance(&mut self, watermark: i64, actions: &mut Vec<Action>) -> Result<(), StepError> {
        self.work.push(Work::Advance(watermark));
        self.run(actions)
    }

    /// The engine's clock has reached a time that a step waits for.
    ///
    /// # Errors
    /// As [`Chain::process`].
    pub fn on_processing_time(&mut self, now_us: i64, actions: &mut Vec<Action>) -> Result<(), StepError> {
        self.work.push(Work::Each { step: 0, what: Happening::Time(Time::Processing(now_us)) });
        self.run(actions)
    }

    /// The stream is idle: event time downstream does not wait for it.
    ///
    /// # Errors
    /// As [`Chain::process`].
    pub fn idle(&mut self, actions: &mut Vec<Action>) -> Result<(), StepError> {
        self.broadcast(&StreamElement::Idle, actions)
    }

    /// An input of the first step has brought all that there was at the start; the watermark that was held back for that passes.
    ///
    /// # Errors
    /// As [`Chain::process`].
    pub fn caught_up(&mut self, input: usize, actions: &mut Vec<Action>) -> Result<(), StepError> {
        self.work.push(Work::Released);
        self.work.push(Work::CaughtUp { input });
        self.run(actions)
    }

    /// The end of the stream through all steps.
    ///
    /// # Errors
    /// As [`Chain::process`].
    pub fn end(&mut self, actions: &mut Vec<Action>) -> Result<(), StepError> {
        self.work.push(Work::Broadcast(StreamElement::End));
        self.work.push(Work::Each { step: 0, what: Happening::End });
        self.run(actions)
    }

    /// Flushes what steps have buffered, and rows that wait for a batch to fill, while the input is idle.
    ///
    /// # Errors
    /// As [`Chain::process`].
    pub fn flush(&mut self, actions: &mut Vec<Action>) -> Result<(), StepError> {
        self.work.push(Work::Exchanges(Exchange::flush));
        self.work.push(Work::Each { step: 0, what: Happening::Flush });
        self.run(actions)
    }

    /// As [`Chain::flush`], while more comes: rows wait on where batches fill fast.
    ///
    /// # Errors
    /// As [`Chain::process`].
    pub fn linger(&mut self, actions: &mut Vec<Action>) -> Result<(), StepError> {
        self.work.push(Work::Exchanges(Exchange::linger));
        self.work.push(Work::Each { step: 0, what: Happening::Flush });
        self.run(actions)
    }

    /// Whether rows wait for a batch to fill.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        self.edges.iter().any(Exchange::is_holding)
    }

    /// Continues with what is to be done, until that is all, or the next part of a step's output would come.
    ///
    /// # Errors
    /// As [`Chain::process`].
    pub fn run(&mut self, actions: &mut Vec<Action>) -> Result<(), StepError> {
        let mut first = true;
        while let Some(work) = self.work.pop() {
            if !first && (actions.len() >= ACTIONS_MAX || matches!(work, Work::More { .. } | Work::Rest { .. })) {
                self.work.push(work);
                break;
            }
            first = false;
            self.work(work, actions)?;
        }
        Ok(())
    }

    fn work(&mut self, work: Work, actions: &mut Vec<Action>) -> Result<(), StepError> {
        match work {
            Work::Rows { step, input, batch } => self.deliver(step, input, batch, actions),
            Work::Rest { step, input, batch } => self.call_with_rows(step, input, batch, actions),
            Work::More { step } => self.call(step, None, actions, |operator, out| operator.more(out)),
            Work::CaughtUp { input } => self.call(0, None, actions, |operator, out| operator.on_caught_up(input, out)),
            Work::Released => {
                let forwarded = self.forwards(self.watermark);
                if forwarded > self.forwarded {
                    self.forwarded = forwarded;
                    self.work.push(Work::Broadcast(StreamElement::Watermark(forwarded)));
                    if self.steps.len() > 1 {
                        self.work.push(Work::Each { step: 1, what: Happening::Time(Time::Watermark(forwarded)) });
                    }
                }
                Ok(())
            }
            Work::Each { step, what } => {
                if let Some(what) = self.for_next(step, what).filter(|_| step + 1 < self.steps.len()) {
                    self.work.push(Work::Each { step: step + 1, what });
                }
                self.call(step, None, actions, |operator, out| match what {
                    Happening::Time(at) => operator.on_time(at, out),
                    Happening::End => operator.on_end(out),
                    Happening::Flush => operator.flush(out).map(|()| Progress::Done),
                })
            }
            Work::Timed { step, batch } => self.observe(step, batch, actions),
            Work::Advance(watermark) => {
                let rises = watermark > self.watermark;
                self.watermark = self.watermark.max(watermark);
                self.work.push(Work::Broadcast(StreamElement::Watermark(self.forwards(self.watermark))));
                if rises {
                    self.work.push(Work::Each { step: 0, what: Happening::Time(Time::Watermark(watermark)) });
                }
                Ok(())
            }
            Work::Broadcast(element) => self.broadcast(&element, actions),
            Work::Exchanges(flush) => self.each_edge(actions, flush),
        }
    }

    /// The watermark behind the first step.
    fn forwards(&self, watermark: i64) -> i64 {
        let first = self.steps.first().and_then(|step| step.operator.as_ref());
        first.map_or(watermark, |operator| operator.forwards(watermark))
    }

    /// What is passed on to the steps after one; `None`: nothing, because their event time does not advance.
    fn for_next(&mut self, step: usize, what: Happening) -> Option<Happening> {
        let Happening::Time(Time::Watermark(watermark)) = what else { return Some(what) };
        if step > 0 {
            return Some(what);
        }
        let forwarded = self.forwards(watermark);
        let before = std::mem::replace(&mut self.forwarded, forwarded);
        (self.forwarded > before).then_some(Happening::Time(Time::Watermark(self.forwarded)))
    }

    /// Every step's state, by name.
    ///
    /// # Errors
    /// As [`Chain::process`].
    pub fn freeze(&mut self, cut: Cut) -> Result<Vec<(String, Frozen)>, StepError> {
        let mut parts = Vec::with_capacity(self.steps.len());
        for step in &mut self.steps {
            if let Some(operator) = &mut step.operator {
                parts.push((step.name.clone(), operator.freeze(cut).map_err(|e| StepError::new(&step.name, e))?));
            }
        }
        Ok(parts)
    }

    /// Forwards a barrier to the subtasks downstream.
    ///
    /// # Errors
    /// As [`Chain::process`].
    pub fn forward(&mut self, barrier: Barrier, actions: &mut Vec<Action>) -> Result<(), StepError> {
        self.broadcast(&StreamElement::Barrier(barrier), actions)
    }

    /// Hands every step the parts with its name. What a step had begun to give out comes first when the chain [runs](Chain::run).
    ///
    /// # Errors
    /// If a part does not fit its operator.
    pub fn restore(&mut self, mut parts_of: impl FnMut(&str) -> Snapshot) -> Result<(), StepError> {
        for (step, memory) in self.steps.iter_mut().zip(&mut self.memory) {
            if let Some(operator) = &mut step.operator {
                let restored = operator.restore(parts_of(&step.name));
                let restored = restored.and_then(|()| Ok(memory.keep(operator.state_bytes())?));
                restored.map_err(|e| StepError::new(&step.name, e))?;
            }
        }
        // The last step first: none gets rows before it has given out what it was frozen with.
        self.work.extend((0..self.steps.len()).map(|step| Work::More { step }));
        Ok(())
    }

    fn deliver(
        &mut self,
        index: usize,
        input: usize,
        batch: StreamBatch,
        actions: &mut Vec<Action>,
    ) -> Result<(), StepError> {
        let Some(step) = self.steps.get_mut(index) else { return Ok(()) };
        if step.counts != Counts::Out {
            step.metrics.rows_in.fetch_add(batch.len() as u64, Ordering::Relaxed);
            step.metrics.bytes_in.fetch_add(batch.bytes(), Ordering::Relaxed);
        }
        match step.operator {
            Some(_) => self.call_with_rows(index, input, batch, actions),
            None => self.route(index, vec![(0, batch)], actions),
        }
    }

    fn call_with_rows(
        &mut self,
        step: usize,
        input: usize,
        batch: StreamBatch,
        actions: &mut Vec<Action>,
    ) -> Result<(), StepError> {
        self.call(step, Some(input), actions, |operator, out| operator.process(input, batch, out))
    }

    /// Calls an operator, perhaps with rows of an input. What it emits is routed; what it has not given out yet comes after that.
    fn call(
        &mut self,
        index: usize,
        input: Option<usize>,
        actions: &mut Vec<Action>,
        call: impl FnOnce(&mut dyn Operator, &mut Outputs) -> Result<Progress, OperatorError>,
    ) -> Result<(), StepError> {
        let Some(Step { operator: Some(operator), name, .. }) = self.steps.get_mut(index) else { return Ok(()) };
        let mut out = Outputs::default();
        let progress = call(operator.as_mut(), &mut out).and_then(|progress| {
            self.memory[index].resize(operator.state_bytes())?;
            Ok(progress)
        });
        let progress = progress.map_err(|e| StepError::new(name, e))?;
        if progress == Progress::More {
            self.work.push(Work::More { step: index });
        }
        if let (Some(input), Some(batch)) = (input, out.take_rest()) {
            self.work.push(Work::Rest { step: index, input, batch });
        }
        self.route(index, out.take(), actions)
    }
}
