//! What happens to rows that an operator cannot process, as `on-error` says.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use weir_core::batch::StreamBatch;
use weir_core::graph::OnError;

use crate::dataflow::exchange::take_rows;
use crate::dataflow::metrics::Metrics;
use crate::dataflow::operator::{OperatorError, Outputs};
use crate::dataflow::row_text::row_text;

/// Sets bad rows aside.
pub(crate) struct DeadLetters {
    on_error: OnError,
    output: usize,
    metrics: Metrics,
}

/// A row of the current batch, and why it could not be processed.
pub(crate) type BadRow = (u32, String);

impl DeadLetters {
    /// `output`: the index of the operator's dead-letter output.
    pub(crate) fn new(on_error: OnError, output: usize, metrics: Metrics) -> Self {
        Self { on_error, output, metrics }
    }

    /// Where rows are counted.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Whether the first row that cannot be processed ends the job.
    pub(crate) fn fails(&self) -> bool {
        self.on_error == OnError::Fail
    }

    /// One row could not be processed.
    ///
    /// # Errors
    /// [`OperatorError::Row`], if `on-error` is `fail`.
    pub(crate) fn take(
        &self,
        batch: &StreamBatch,
        row: usize,
        reason: String,
        bad: &mut Vec<BadRow>,
    ) -> Result<(), OperatorError> {
        self.metrics.rows_failed.fetch_add(1, Ordering::Relaxed);
        match self.on_error {
            OnError::Fail => return Err(OperatorError::Row { row: row_text(&batch.rows, row), reason }),
            OnError::Skip => {}
            OnError::DeadLetter => bad.push((row as u32, reason)),
        }
        Ok(())
    }

    /// A timer could not be processed. It has no row that could be set aside: it is dropped and counted.
    ///
    /// # Errors
    /// [`OperatorError::Timer`], if `on-error` is `fail`.
    pub(crate) fn take_timer(&self, time: i64, reason: String) -> Result<(), OperatorError> {
        self.metrics.rows_failed.fetch_add(1, Ordering::Relaxed);
        if self.on_error == OnError::Fail { Err(OperatorError::Timer { time, reason }) } else { Ok(()) }
    }

    /// Results could not be made. Each has a row with the columns of the input, as far as it has them, and its reason.
    ///
    /// # Errors
    /// [`OperatorError::Result`], if `on-error` is `fail`.
    pub(crate) fn take_results(
        &self,
        batch: StreamBatch,
        reasons: Vec<String>,
        out: &mut Outputs,
    ) -> Result<(), OperatorError> {
        self.metrics.rows_failed.fetch_add(reasons.len() as u64, Ordering::Relaxed);
        match (self.on_error, reasons.into_iter()) {
            (OnError::Fail, mut reasons) => Err(OperatorError::Result(reasons.next().unwrap_or_default())),
            (OnError::Skip, _) => Ok(()),
            (OnError::DeadLetter, reasons) => {
                self.emit(&batch, reasons.enumerate().map(|(row, reason)| (row as u32, reason)).collect(), out)
            }
        }
    }

    /// Emits the rows that were set aside: their columns and the reason. Each is a letter of its own, whatever its kind.
    ///
    /// # Errors
    /// If a column kernel refuses.
    pub(crate) fn emit(&self, batch: &StreamBatch, bad: Vec<BadRow>, out: &mut Outputs) -> Result<(), OperatorError> {
        if bad.is_empty() {
            return Ok(());
        }
        let indices: UInt32Array = bad.iter().map(|(row, _)| Some(*row)).collect();
        let reasons = StringArray::from_iter_values(bad.iter().map(|(_, reason)| reason));
        let rows = take_rows(batch, &indices)?;
        let mut columns: Vec<ArrayRef> = rows.rows.columns().to_vec();
        columns.push(Arc::new(reasons));
        let schema = with_error_column(&rows.rows.schema());
        let rows =
            StreamBatch { rows: RecordBatch::try_new(schema, columns)?, row_kinds: None, key_hashes: None, ..rows };
        out.emit(self.output, rows);
        Ok(())
    }
}

/// The columns of an operator's dead-letter output: its input's, and the reason.
pub(crate) fn with_error_column(input: &SchemaRef) -> SchemaRef {
    let mut fields: Vec<Arc<Field>> = input.fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("error", DataType::Utf8, false)));
    Arc::new(Schema::new(Fields::from(fields)))
}
