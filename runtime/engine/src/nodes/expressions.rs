//! What steps that evaluate expressions share: expressions of a pipeline file, and a batch whose failed rows are set aside. It knows
//! no kind of step.

use arrow::array::{Array, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, UInt8Array};
use arrow::array::{ArrayRef, AsArray};
use arrow::buffer::{BooleanBuffer, ScalarBuffer};
use arrow::compute::{FilterBuilder, FilterPredicate};
use arrow::datatypes::{DataType, Int64Type, Schema, SchemaRef, UInt8Type};
use weir_core::batch::{RowKinds, StreamBatch};
use weir_core::graph::{DEAD_LETTER_OUTPUT, LogicalGraph, MAIN_OUTPUT, Spanned};
use weir_core::pipeline::place_in_string;
use weir_expressions::{EvaluationError, Expression, ExpressionError};

use super::dead_letter::{DeadLetters, Letters, with_error_column};
use super::step_times::StepTimes;
use crate::dataflow::operator::{OperatorError, Outputs};
use crate::dataflow::source::EventTimes;
use crate::plan::error::CheckError;
use crate::plan::node::{NodeColumns, OutputPort, OutputRole};

/// An expression of a pipeline file, with the place of a mistake in the file.
pub(super) fn parsed<T>(
    graph: &LogicalGraph,
    text: &Spanned<String>,
    parse: impl FnOnce(&str) -> Result<T, ExpressionError>,
) -> Result<T, CheckError> {
    parse(&text.value).map_err(|error| {
        let place = text.span.as_ref().map(|span| place_in_string(&graph.text, span, &error.range));
        let is_of_types = error.is_of_types;
        CheckError { is_of_types, ..CheckError::at(&place, error.message) }
    })
}

/// The outputs of a step that makes rows of rows: those, and the rows that it could not process.
pub(super) fn outputs(made: SchemaRef, input: &SchemaRef) -> Vec<OutputPort> {
    vec![
        OutputPort::new(MAIN_OUTPUT, made, OutputRole::Made),
        OutputPort::new(DEAD_LETTER_OUTPUT, with_error_column(input, Letters::OfRows), OutputRole::WholeRows),
    ]
}

/// Expressions, and where the columns that they read are among those that come in.
pub(super) struct Evaluator {
    expressions: Vec<Expression>,
    /// By column of the step's input.
    positions: Vec<Option<usize>>,
}

impl Evaluator {
    pub(super) fn new(expressions: Vec<Expression>, input: &Schema, columns: &NodeColumns) -> Self {
        let positions = (0..input.fields().len()).map(|column| columns.position(0, column)).collect();
        Self { expressions, positions }
    }

    /// Evaluates the expressions over the first rows of a batch: over all of them, unless they would make too much text at once. Puts
    /// the others back, and sets the rows aside that an expression has no value for.
    pub(super) fn evaluate(
        &self,
        batch: StreamBatch,
        dead_letters: &DeadLetters,
        out: &mut Outputs,
    ) -> Result<Evaluated, OperatorError> {
        let mut rows = batch.len();
        let columns = loop {
            match self.columns(&batch.rows, rows) {
                Err(EvaluationError::TooLarge) if rows > 1 => rows = rows.div_ceil(2),
                Err(EvaluationError::Arrow(error)) => return Err(error.into()),
                Err(error) => return Err(OperatorError::Call(error.to_string())),
                Ok(columns) => break columns,
            }
        };
        let rest = batch.slice(rows, batch.len() - rows);
        let batch = if rest.is_empty() { batch } else { batch.slice(0, rows) };
        out.put_back(rest);
        let (values, mut failed): (Vec<ArrayRef>, Vec<_>) =
            columns.into_iter().map(|column| (column.column, column.failed)).unzip();
        let failed = match failed.len() {
            1 => failed.pop().unwrap_or_default(),
            // Of a row that several fail at, the first says why.
            _ => {
                let mut failed: Vec<_> = failed.into_iter().flatten().collect();
                failed.sort_by_key(|failed| failed.row);
                failed.dedup_by_key(|failed| failed.row);
                failed
            }
        };
        let mut kept = None;
        if !failed.is_empty() {
            let mut bad = Vec::new();
            let mut is_kept = vec![true; batch.len()];
            for row in failed {
                is_kept[row.row] = false;
                dead_letters.take(&batch, row.row, row.reason, &mut bad)?;
            }
            dead_letters.emit(&batch, bad, out)?;
            kept = Some(BooleanBuffer::from(is_kept));
        }
        Ok(Evaluated { batch, values, kept })
    }

    /// The same rows with these columns in the place of theirs: columns and fields of them, which every row has a value for.
    pub(super) fn fields(&self, batch: StreamBatch, schema: &SchemaRef) -> Result<StreamBatch, OperatorError> {
        let columns = self.columns(&batch.rows, batch.len()).map_err(|error| OperatorError::Call(error.to_string()))?;
        let columns = columns.into_iter().map(|column| column.column).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.len()));
        let rows = RecordBatch::try_new_with_options(schema.clone(), columns, &options)?;
        Ok(StreamBatch { rows, key_hashes: None, ..batch })
    }

    fn columns(&self, rows: &RecordBatch, count: usize) -> Result<Vec<weir_expressions::Evaluated>, EvaluationError> {
        let column = |column: usize| {
            let column = rows.columns().get((*self.positions.get(column)?)?)?;
            Some(if count == column.len() { column.clone() } else { column.slice(0, count) })
        };
        self.expressions.iter().map(|expression| expression.evaluate(count, &column)).collect()
    }
}

/// Rows, and what the expressions are for them.
pub(super) struct Evaluated {
    /// The rows that were evaluated.
    pub(super) batch: StreamBatch,
    /// One column per expression.
    pub(super) values: Vec<ArrayRef>,
    /// The rows that did not fail; `None`: all.
    pub(super) kept: Option<BooleanBuffer>,
}

impl Evaluated {
    /// Gives the rows in `kept` (`None`: all) the event times that a column says, and takes out and sets aside those without one.
    pub(super) fn set_times(
        &mut self,
        times: &StepTimes,
        column: &ArrayRef,
        kept: Option<BooleanBuffer>,
        dead_letters: &DeadLetters,
        out: &mut Outputs,
    ) -> Result<Option<BooleanBuffer>, OperatorError> {
        let EventTimes { times: event_times, mut missing } = times.read(column, dead_letters.metrics());
        if let Some(kept) = &kept {
            missing.retain(|row| kept.value(*row));
        }
        self.batch.event_times = event_times;
        if missing.is_empty() {
            return Ok(kept);
        }
        let mut is_kept = kept.map_or_else(|| vec![true; column.len()], |kept| kept.iter().collect());
        let mut bad = Vec::new();
        for row in missing {
            is_kept[row] = false;
            dead_letters.take(&self.batch, row, times.reason(column, row), &mut bad)?;
        }
        dead_letters.emit(&self.batch, bad, out)?;
        Ok(Some(BooleanBuffer::from(is_kept)))
    }

    /// The rows for which a condition holds, of those that did not fail; `None`: all.
    pub(super) fn holding(&self) -> Option<BooleanBuffer> {
        let condition = self.values.first()?;
        let holds = match condition.data_type() {
            // `null` as written.
            DataType::Null => BooleanBuffer::new_unset(condition.len()),
            _ => {
                let condition = condition.as_boolean();
                match condition.nulls() {
                    None => condition.values().clone(),
                    Some(nulls) => condition.values() & nulls.inner(),
                }
            }
        };
        let holds = match &self.kept {
            None => holds,
            Some(kept) => &holds & kept,
        };
        (holds.count_set_bits() != holds.len()).then_some(holds)
    }

    /// Rows of these columns, of those in `kept`, with all that belongs to a row.
    pub(super) fn rows(
        &self,
        schema: &SchemaRef,
        columns: impl Iterator<Item = ArrayRef>,
        kept: Option<BooleanBuffer>,
    ) -> Result<StreamBatch, OperatorError> {
        let batch = &self.batch;
        let Some(kept) = kept else {
            let options = RecordBatchOptions::new().with_row_count(Some(batch.len()));
            let rows = RecordBatch::try_new_with_options(schema.clone(), columns.collect(), &options)?;
            return Ok(StreamBatch { rows, key_hashes: None, ..batch.clone() });
        };
        let filter = FilterBuilder::new(&BooleanArray::new(kept, None)).optimize().build();
        let columns = columns.map(|column| filter.filter(&column)).collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(filter.count()));
        let row_kinds = batch.row_kinds.as_ref().map(|kinds| filtered_kinds(kinds, &filter)).transpose()?;
        Ok(StreamBatch {
            rows: RecordBatch::try_new_with_options(schema.clone(), columns, &options)?,
            event_times: filtered_times(&batch.event_times, &filter)?,
            ingested_at: batch.ingested_at,
            row_kinds: row_kinds.flatten(),
            key_hashes: None,
        })
    }
}

fn filtered_times(times: &ScalarBuffer<i64>, filter: &FilterPredicate) -> Result<ScalarBuffer<i64>, OperatorError> {
    let times = filter.filter(&Int64Array::new(times.clone(), None))?;
    Ok(times.as_primitive::<Int64Type>().values().clone())
}

fn filtered_kinds(kinds: &RowKinds, filter: &FilterPredicate) -> Result<Option<RowKinds>, OperatorError> {
    let kinds = filter.filter(&UInt8Array::new(kinds.bytes().clone(), None))?;
    Ok(RowKinds::new(kinds.as_primitive::<UInt8Type>().values().clone()))
}
