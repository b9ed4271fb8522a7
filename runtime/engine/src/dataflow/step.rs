//! One operator in its chain: where its outputs go, and which of its rows count. What runs it is the chain's.

use arrow::error::ArrowError;
use weir_core::batch::StreamBatch;

use super::metrics::Metrics;
use super::operator::Operator;
pub use crate::error::StepError;

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

impl Route {
    /// The columns that the consumer needs.
    ///
    /// # Errors
    /// If there is no such column.
    pub(crate) fn project(&self, batch: &StreamBatch) -> Result<StreamBatch, ArrowError> {
        Ok(match &self.projection {
            None => batch.clone(),
            Some(columns) => StreamBatch { rows: batch.rows.project(columns)?, key_hashes: None, ..batch.clone() },
        })
    }
}

/// The consumer of an output.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// An input of a later step of the same chain.
    Step {
        /// The step.
        step: usize,
        /// Which of its inputs.
        input: usize,
    },
    /// An edge to other subtasks, by its index in the chain.
    Edge(usize),
}
