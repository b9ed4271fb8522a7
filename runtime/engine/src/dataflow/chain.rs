//! An operator chain: the operators of one subtask, connected without channels, as a tree with edges at its leaves.

use std::sync::atomic::Ordering;

use arrow::error::ArrowError;
use weir_core::batch::{Barrier, StreamBatch, StreamElement};
use weir_core::connector::Cut;
use weir_core::time::WATERMARK_MIN;

use crate::dataflow::exchange::{Emit, Exchange};
use crate::dataflow::metrics::Metrics;
use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, Time};
use crate::replace::replaceable::{Replaceable, Version};
use crate::replace::shadow::ShadowSeat;
use crate::replace::shadow::SharedShadow;
use crate::replace::trial::Seat;

/// The chain of one subtask. Step 0 gets what the gate or the source delivers.
pub struct Chain {
    steps: Vec<Step>,
    edges: Vec<Exchange>,
    watermark: i64,
}

/// One operator in its chain.
pub struct Step {
    /// Its node's name.
    pub name: String,
    /// The operator; `None` passes rows on as they are (a source's own step).
    pub operator: Option<Box<dyn Operator>>,
    /// Where each of its outputs goes.
    pub routes: Vec<Vec<Route>>,
    /// Its node's counts.
    pub metrics: Metrics,
    /// Which of its rows are its node's.
    pub counts: Counts,
}

/// Which rows of a step count as its node's: a window that is aggregated ahead of its exchange has two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// Those that come in and those that go out.
    Both,
    /// Those that come in.
    In,
    /// Those that go out.
    Out,
}

/// One consumer of an output.
#[derive(Clone, Debug)]
pub struct Route {
    /// The columns that the consumer needs; `None`: all, as they are.
    pub projection: Option<Vec<usize>>,
    /// Who it is.
    pub to: Target,
}

/// The consumer of an output.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// A later step of the same chain.
    Step(usize),
    /// An edge to other subtasks, by its index in the chain.
    Edge(usize),
}

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
        Self { steps, edges, watermark: WATERMARK_MIN }
    }

    /// The last watermark that went through.
    #[must_use]
    pub fn watermark(&self) -> i64 {
        self.watermark
    }

    /// Rows into the first step.
    ///
    /// # Errors
    /// As the operators say, with the name of the one that failed.
    pub fn process(&mut self, batch: StreamBatch, actions: &mut Vec<Action>) -> Result<(), StepError> {
        self.deliver(0, batch, actions)
    }

    /// Rows of a side output of the first step, such as records that a source could not read.
    ///
    /// # Errors
    /// As [`Chain::process`].
    pub fn emit(&mut self, output: usize, batch: StreamBatch, actions: &mut Vec<Action>) -> Result<(), StepError> {
        self.route(0, vec![(output, batch)], actions)
    }

    /// A watermark through all steps, each after what it emits at it. One that is not above the last only says that the stream
    /// is active again.
    ///
    /// # Errors
    /// As [`Chain::process`].
    pub fn advance(&mut self, watermark: i64, actions: &mut Vec<Action>) -> Result<(), StepError> {
        if watermark > self.watermark {
            self.watermark = watermark;
            self.each_step(actions, |operator, out| operator.on_time(Time::Watermark(watermark), out))?;
        }
        self.broadcast(&StreamElement::Watermark(self.watermark), actions)
    }

    /// The stream has nothing to say for now.
    ///
    /// # Errors
    /// As [`Chain::process`].
    pub fn idle(&mut self, actions: &mut Vec<Action>) -> Result<(), StepError> {
        self.broadcast(&StreamElement::Idle, actions)
    }

    /// The end of the stream through all steps.
    ///
    /// # Errors
    /// As [`Chain::process`].
    pub fn end(&mut self, actions: &mut Vec<Action>) -> Result<(), StepError> {
        self.each_step(actions, |operator, out| operator.on_end(out))?;
        self.broadcast(&StreamElement::End, actions)
    }

    /// Nothing to do for now: sinks show what they hold, and rows that wait for a batch to fill leave.
    ///
    /// # Errors
    /// As [`Chain::process`].
    pub fn flush(&mut self, actions: &mut Vec<Action>) -> Result<(), StepError> {
        self.each_step(actions, |operator, out| operator.flush(out).map(|()| Progress::Done))?;
        self.each_edge(actions, |exchange, send| exchange.flush(send))
    }

    /// As [`Chain::flush`], while more comes: rows wait on where batches fill fast.
    ///
    /// # Errors
    /// As [`Chain::process`].
    pub fn linger(&mut self, actions: &mut Vec<Action>) -> Result<(), StepError> {
        self.each_step(actions, |operator, out| operator.flush(out).map(|()| Progress::Done))?;
        self.each_edge(actions, |exchange, send| exchange.linger(send))
    }

    /// Whether rows wait for a batch to fill.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        self.edges.iter().any(Exchange::is_holding)
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

    /// A barrier goes on to the subtasks that follow.
    ///
    /// # Errors
    /// As [`Chain::process`].
    pub fn forward(&mut self, barrier: Barrier, actions: &mut Vec<Action>) -> Result<(), StepError> {
        self.broadcast(&StreamElement::Barrier(barrier), actions)
    }

    /// Hands every step the parts with its name.
    ///
    /// # Errors
    /// If a part does not fit its operator.
    pub fn restore(&mut self, mut parts_of: impl FnMut(&str) -> Snapshot) -> Result<(), StepError> {
        for step in &mut self.steps {
            if let Some(operator) = &mut step.operator {
                operator.restore(parts_of(&step.name)).map_err(|e| StepError::new(&step.name, e))?;
            }
        }
        Ok(())
    }

    /// Puts another version of its component into a step.
    ///
    /// # Errors
    /// As [`Replaceable::swap`].
    pub fn swap(&mut self, step: usize, to: Version, seat: Seat) -> Result<(), StepError> {
        self.replace(step, |operator, _| operator.swap(to, seat))
    }

    /// New versions that had a share of the key groups have all of them from now on.
    pub fn follow(&mut self) {
        let operators = self.steps.iter_mut().filter_map(|step| step.operator.as_mut()?.replaceable());
        operators.for_each(Replaceable::follow);
    }

    /// Calls another version of its component beside that of a step.
    ///
    /// # Errors
    /// As [`Replaceable::shadow`].
    pub fn shadow(&mut self, step: usize, by: Version, shadow: &SharedShadow) -> Result<(), StepError> {
        self.replace(step, |operator, name| {
            operator.shadow(by, ShadowSeat { shadow: shadow.clone(), operator: name.to_owned() })
        })
    }

    /// Every operator does what its swap has decided.
    ///
    /// # Errors
    /// As [`Replaceable::settle`].
    pub fn settle(&mut self) -> Result<(), StepError> {
        (0..self.steps.len()).try_for_each(|step| self.replace(step, |operator, _| operator.settle()))
    }

    /// Changes what a step runs, if it runs a component.
    fn replace(
        &mut self,
        step: usize,
        change: impl FnOnce(&mut dyn Replaceable, &str) -> Result<(), OperatorError>,
    ) -> Result<(), StepError> {
        let Some(Step { operator: Some(operator), name, .. }) = self.steps.get_mut(step) else { return Ok(()) };
        match operator.replaceable() {
            Some(operator) => change(operator, name).map_err(|e| StepError::new(name, e)),
            None => Ok(()),
        }
    }

    /// Runs `call` on every step in order; what a step emits has passed the steps after it before their turn comes.
    fn each_step(
        &mut self,
        actions: &mut Vec<Action>,
        mut call: impl FnMut(&mut dyn Operator, &mut Outputs) -> Result<Progress, OperatorError>,
    ) -> Result<(), StepError> {
        for index in 0..self.steps.len() {
            let mut out = Outputs::default();
            let mut progress = Progress::Done;
            if let Some(Step { operator: Some(operator), name, .. }) = self.steps.get_mut(index) {
                progress = call(operator.as_mut(), &mut out).map_err(|e| StepError::new(name, e))?;
            }
            self.route(index, out.take(), actions)?;
            self.drain(index, progress, actions)?;
        }
        Ok(())
    }

    fn deliver(&mut self, index: usize, batch: StreamBatch, actions: &mut Vec<Action>) -> Result<(), StepError> {
        let Some(step) = self.steps.get_mut(index) else { return Ok(()) };
        if step.counts != Counts::Out {
            step.metrics.rows_in.fetch_add(batch.len() as u64, Ordering::Relaxed);
            step.metrics.bytes_in.fetch_add(batch.bytes(), Ordering::Relaxed);
        }
        let mut out = Outputs::default();
        let progress = match &mut step.operator {
            Some(operator) => operator.process(0, batch, &mut out).map_err(|e| StepError::new(&step.name, e))?,
            None => {
                out.emit(0, batch);
                Progress::Done
            }
        };
        self.route(index, out.take(), actions)?;
        self.drain(index, progress, actions)
    }

    /// Has a step give out all of what it has begun to.
    fn drain(&mut self, index: usize, mut progress: Progress, actions: &mut Vec<Action>) -> Result<(), StepError> {
        while let (Progress::More, Some(Step { operator: Some(operator), name, .. })) =
            (progress, self.steps.get_mut(index))
        {
            let mut out = Outputs::default();
            progress = operator.more(&mut out).map_err(|e| StepError::new(name, e))?;
            self.route(index, out.take(), actions)?;
        }
        Ok(())
    }

    fn route(
        &mut self,
        index: usize,
        emitted: Vec<(usize, StreamBatch)>,
        actions: &mut Vec<Action>,
    ) -> Result<(), StepError> {
        for (output, batch) in emitted {
            let Some(step) = self.steps.get_mut(index) else { break };
            if step.counts != Counts::In {
                step.metrics.rows_out.fetch_add(batch.len() as u64, Ordering::Relaxed);
                step.metrics.bytes_out.fetch_add(batch.bytes(), Ordering::Relaxed);
            }
            // Taken and put back: a step never routes to itself, and the routes are not copied a batch.
            let Some(routes) = step.routes.get_mut(output).map(std::mem::take) else { continue };
            for route in &routes {
                let projected = project(&batch, route.projection.as_deref())
                    .map_err(|e| StepError::new(&self.steps[index].name, e.into()))?;
                match route.to {
                    Target::Step(next) => self.deliver(next, projected, actions)?,
                    Target::Edge(edge) => self.send(index, edge, projected, actions)?,
                }
            }
            self.steps[index].routes[output] = routes;
        }
        Ok(())
    }

    fn send(
        &mut self,
        index: usize,
        edge: usize,
        batch: StreamBatch,
        actions: &mut Vec<Action>,
    ) -> Result<(), StepError> {
        let Some(exchange) = self.edges.get_mut(edge) else { return Ok(()) };
        exchange
            .rows(batch, &mut |target, element| actions.push(Action::Send { edge, target, element }))
            .map_err(|e| StepError::new(&self.steps[index].name, e.into()))
    }

    fn broadcast(&mut self, element: &StreamElement, actions: &mut Vec<Action>) -> Result<(), StepError> {
        self.each_edge(actions, |exchange, send| exchange.pass(element, send))
    }

    fn each_edge(
        &mut self,
        actions: &mut Vec<Action>,
        mut call: impl FnMut(&mut Exchange, &mut Emit<'_>) -> Result<(), ArrowError>,
    ) -> Result<(), StepError> {
        for (edge, exchange) in self.edges.iter_mut().enumerate() {
            call(exchange, &mut |target, element| actions.push(Action::Send { edge, target, element })).map_err(
                |e| {
                    // Rows that wait are of any step; the last is nearest to the edge.
                    StepError::new(self.steps.last().map_or("", |step| &step.name), e.into())
                },
            )?;
        }
        Ok(())
    }
}

fn project(batch: &StreamBatch, projection: Option<&[usize]>) -> Result<StreamBatch, arrow::error::ArrowError> {
    Ok(match projection {
        None => batch.clone(),
        Some(columns) => StreamBatch { rows: batch.rows.project(columns)?, key_hashes: None, ..batch.clone() },
    })
}

/// An operator of a chain failed.
#[derive(Debug, thiserror::Error)]
#[error("operator {operator:?}")]
pub struct StepError {
    /// Its node's name.
    pub operator: String,
    /// Why.
    #[source]
    pub error: OperatorError,
}

impl StepError {
    pub(crate) fn new(operator: &str, error: OperatorError) -> Self {
        Self { operator: operator.to_owned(), error }
    }
}
