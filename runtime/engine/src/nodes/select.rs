//! `[selects.NAME]`: makes columns of columns, row by row. It keeps every row but those that an expression has no value for.

mod columns;
pub(crate) mod plan;

use arrow::datatypes::SchemaRef;
use weir_core::batch::StreamBatch;

use super::dead_letter::DeadLetters;
use super::expressions::Evaluator;
use super::step_times::StepTimes;
use crate::dataflow::operator::{Operator, OperatorError, Outputs, Progress};

/// Makes columns. It has no state.
struct SelectOperator {
    /// One per column that goes out.
    columns: Evaluator,
    schema: SchemaRef,
    times: Option<StepTimes>,
    dead_letters: DeadLetters,
}

impl Operator for SelectOperator {
    fn process(&mut self, _input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let mut evaluated = self.columns.evaluate(batch, &self.dead_letters, out)?;
        let mut kept = evaluated.kept.clone();
        if let Some(times) = &self.times {
            let column = evaluated.values[times.column()].clone();
            kept = evaluated.set_times(times, &column, kept, &self.dead_letters, out)?;
        }
        let columns = evaluated.values.iter().cloned();
        out.emit(0, evaluated.rows(&self.schema, columns, kept)?);
        Ok(Progress::Done)
    }
}
