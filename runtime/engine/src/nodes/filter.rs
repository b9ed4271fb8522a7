//! `[filters.NAME]`: keeps the rows that a condition holds for. Where it is null the row is not kept, as in SQL.

pub(crate) mod plan;

use arrow::datatypes::SchemaRef;
use weir_core::batch::StreamBatch;

use super::dead_letter::DeadLetters;
use super::expressions::Evaluator;
use super::step_times::StepTimes;
use crate::dataflow::operator::{Operator, OperatorError, Outputs, Progress};

/// Keeps rows. It has no state.
struct FilterOperator {
    condition: Evaluator,
    /// Where the columns that go out are among those that come in.
    columns: Vec<usize>,
    schema: SchemaRef,
    times: Option<StepTimes>,
    dead_letters: DeadLetters,
}

impl Operator for FilterOperator {
    fn process(&mut self, _input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let mut evaluated = self.condition.evaluate(batch, &self.dead_letters, out)?;
        let mut kept = evaluated.holding();
        if let Some(times) = &self.times {
            let column = evaluated.batch.rows.column(self.columns[times.column()]).clone();
            kept = evaluated.set_times(times, &column, kept, &self.dead_letters, out)?;
        }
        let columns = self.columns.iter().map(|column| evaluated.batch.rows.column(*column).clone());
        out.emit(0, evaluated.rows(&self.schema, columns, kept)?);
        Ok(Progress::Done)
    }
}
