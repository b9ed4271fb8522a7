//! Where the rows of a chain's steps go, and which watermarks follow from them. Calls no operator.

use std::sync::atomic::Ordering;

use arrow::error::ArrowError;
use weir_core::batch::{StreamBatch, StreamElement};
use weir_core::time::Merged;

use super::{Action, Chain, Work};
use crate::dataflow::exchange::{Emit, Exchange};
use crate::dataflow::step::{Counts, StepError, Target};

impl Chain {
    /// Sends rows to where a step's outputs go. Those for steps of this chain are put on the stack, the first on top.
    pub(super) fn route(
        &mut self,
        index: usize,
        emitted: Vec<(usize, StreamBatch)>,
        actions: &mut Vec<Action>,
    ) -> Result<(), StepError> {
        let first = self.work.len();
        for (output, batch) in emitted {
            match &self.timed {
                Some((step, _)) if (*step, 0) == (index, output) => self.work.push(Work::Timed { step: index, batch }),
                _ => self.route_one(index, output, &batch, actions)?,
            }
        }
        self.work[first..].reverse();
        Ok(())
    }

    fn route_one(
        &mut self,
        index: usize,
        output: usize,
        batch: &StreamBatch,
        actions: &mut Vec<Action>,
    ) -> Result<(), StepError> {
        let Some(step) = self.steps.get_mut(index) else { return Ok(()) };
        if step.counts != Counts::In {
            step.metrics.rows_out.fetch_add(batch.len() as u64, Ordering::Relaxed);
            step.metrics.bytes_out.fetch_add(batch.bytes(), Ordering::Relaxed);
        }
        // Taken and put back: a step never routes to itself, and the routes are not copied for each batch.
        let Some(routes) = step.routes.get_mut(output).map(std::mem::take) else { return Ok(()) };
        for route in &routes {
            let projected = route.project(batch).map_err(|e| StepError::new(&self.steps[index].name, e.into()))?;
            match route.to {
                Target::Step { step, input } => self.work.push(Work::Rows { step, input, batch: projected }),
                Target::Edge(edge) => self.send(index, edge, projected, actions)?,
            }
        }
        self.steps[index].routes[output] = routes;
        Ok(())
    }

    /// Sends rows on as far as the watermark does not matter to them, then the watermark, then the others.
    pub(super) fn observe(
        &mut self,
        step: usize,
        batch: StreamBatch,
        actions: &mut Vec<Action>,
    ) -> Result<(), StepError> {
        let Some((_, times)) = &self.timed else { return Ok(()) };
        let (taken, merged) = times.observe_current(&batch.event_times);
        let said = match merged {
            Merged::Watermark(watermark) => Some(watermark),
            // At the watermark that was said before.
            Merged::Active => Some(times.merged()),
            Merged::Idle { .. } | Merged::Unchanged => None,
        };
        let first = self.work.len();
        self.route_one(step, 0, &batch.slice(0, taken), actions)?;
        self.work.extend(said.map(Work::Advance));
        if taken < batch.len() {
            self.work.push(Work::Timed { step, batch: batch.slice(taken, batch.len() - taken) });
        }
        self.work[first..].reverse();
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

    pub(super) fn broadcast(&mut self, element: &StreamElement, actions: &mut Vec<Action>) -> Result<(), StepError> {
        self.each_edge(actions, |exchange, send| exchange.pass(element, send))
    }

    pub(super) fn each_edge(
        &mut self,
        actions: &mut Vec<Action>,
        mut call: impl FnMut(&mut Exchange, &mut Emit<'_>) -> Result<(), ArrowError>,
    ) -> Result<(), StepError> {
        for (edge, exchange) in self.edges.iter_mut().enumerate() {
            call(exchange, &mut |target, element| actions.push(Action::Send { edge, target, element })).map_err(
                // Rows that wait are of any step; the last is nearest to the edge.
                |e| StepError::new(self.steps.last().map_or("", |step| &step.name), e.into()),
            )?;
        }
        Ok(())
    }
}
