//! A step for a caller who keeps the rows that come in: it gets the columns that the step reads, and gives those that the step makes, with
//! the rows that they belong to.

use arrow::array::RecordBatch;
use arrow::buffer::ScalarBuffer;
use weir_core::batch::StreamBatch;

use super::{SingleStep, make};
use crate::dataflow::operator::{OperatorError, Origin, OriginRows, Outputs};
use crate::plan::node::OutputRole;

/// Columns that a step has made.
#[derive(Debug)]
pub struct Computed {
    /// The index of the output.
    pub output: usize,
    /// The columns that are not carried over.
    pub made: StreamBatch,
    /// The rows that they come from.
    pub origin: Origin,
}

impl SingleStep {
    /// Of each column of an output, the column of the input that it is; `None`: the step makes it.
    #[must_use]
    pub fn carried(&self, output: usize) -> Vec<Option<usize>> {
        let carried = self.job.step(self.node).carried(output);
        let columns = self.job.step(self.node).outputs().get(output).map_or(0, |port| port.schema.fields().len());
        if carried.is_empty() { vec![None; columns] } else { carried }
    }

    /// From now on it makes no columns that are carried over, and gets no columns that it does not read.
    ///
    /// # Errors
    /// If its component cannot be started.
    pub fn without_carried(mut self) -> Result<Self, OperatorError> {
        let made = |output: usize| {
            let carried = self.carried(output).into_iter().enumerate();
            carried.filter_map(|(column, from)| from.is_none().then_some(column)).collect::<Vec<_>>()
        };
        let columns = &self.job.pruned.nodes[self.node];
        let outputs: Vec<_> =
            columns.outputs.iter().enumerate().map(|(output, read)| read.as_ref().map(|_| made(output))).collect();
        let read: Vec<_> =
            outputs.iter().map(|read| read.as_ref().map(|read| read.iter().copied().collect())).collect();
        let inputs = self.job.step(self.node).needs(&read);
        let columns = &mut self.job.pruned.nodes[self.node];
        (columns.inputs, columns.outputs) = (inputs, outputs);
        self.operator = make(&self.job, self.node, &self.metrics, &self.clock)?;
        Ok(self)
    }

    /// The columns of the source that it gets.
    #[must_use]
    pub fn reads(&self) -> &[usize] {
        self.job.pruned.nodes[self.node].inputs.first().map_or(&[], Vec::as_slice)
    }

    /// Rows come in, with the columns that it reads and their event times.
    ///
    /// # Errors
    /// If the step cannot continue, or does not know which rows its own come from.
    pub fn compute(&mut self, rows: RecordBatch, times: ScalarBuffer<i64>) -> Result<Vec<Computed>, OperatorError> {
        let (count, now) = (rows.num_rows(), self.clock.now_us());
        let (mut out, mut next) = (Outputs::with_origins(), Some(StreamBatch::new(rows, times, now)));
        let mut all = Vec::new();
        while let Some(rows) = next.take() {
            let start = (count - rows.len()) as u32;
            let progress = self.operator.process(0, rows, &mut out)?;
            self.finish(progress, &mut out)?;
            next = out.take_rest();
            let origins = out.take_origins();
            for ((output, made), origin) in out.take().into_iter().zip(origins) {
                let unknown = || OperatorError::Call("it does not say which rows its own come from".to_owned());
                let origin = origin.ok_or_else(unknown)?.behind(start);
                all.push(Computed { output, made: self.without_whole_row(output, made)?, origin });
            }
        }
        Ok(all)
    }

    /// A letter has what came in of its row in front of its reason.
    fn without_whole_row(&self, output: usize, made: StreamBatch) -> Result<StreamBatch, OperatorError> {
        if self.job.step(self.node).outputs()[output].role != OutputRole::WholeRows {
            return Ok(made);
        }
        let reason = made.rows.num_columns() - 1;
        Ok(StreamBatch { rows: made.rows.project(&[reason])?, ..made })
    }
}

impl Origin {
    /// In a batch that has so many rows before.
    fn behind(mut self, start: u32) -> Self {
        match &mut self.rows {
            OriginRows::From(first) => *first += start,
            OriginRows::Each(rows) => rows.iter_mut().for_each(|row| *row += start),
        }
        self
    }
}
