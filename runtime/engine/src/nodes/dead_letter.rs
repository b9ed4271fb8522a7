//! What happens to rows that an operator cannot process, as `on-error` says.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray, UInt32Array, new_null_array};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use weir_core::batch::StreamBatch;
use weir_core::graph::OnError;

use crate::dataflow::exchange::take_rows;
use crate::dataflow::metrics::Metrics;
use crate::dataflow::operator::{OperatorError, Outputs};
use crate::dataflow::row_text::{cell_text, row_text};

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

/// Rows of which only the key is known, with the columns of an operator's input: the others are null. Of each its key in words too;
/// empty: there are no key columns.
///
/// # Errors
/// If the columns do not fit the input.
pub(crate) fn key_rows(
    (input, key_columns): (&SchemaRef, &[usize]),
    keys: &[ArrayRef],
    times: ScalarBuffer<i64>,
    ingested_at: i64,
) -> Result<(StreamBatch, Vec<String>), OperatorError> {
    let text = |row: usize| {
        let names = key_columns.iter().zip(keys);
        let key = names.map(|(column, key)| format!("{} = {}", input.field(*column).name(), cell_text(key, row)));
        key.collect::<Vec<_>>().join(", ")
    };
    let texts = (0..times.len()).map(text).collect();
    let columns = input.fields().iter().enumerate().map(|(index, field)| {
        let key = key_columns.iter().position(|column| *column == index).and_then(|key| keys.get(key));
        key.cloned().unwrap_or_else(|| new_null_array(field.data_type(), times.len()))
    });
    let fields: Vec<_> = input.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(times.len()));
    let rows = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns.collect(), &options)?;
    Ok((StreamBatch::new(rows, times, ingested_at), texts))
}

/// The columns of an operator's dead-letter output: its input's, and the reason.
pub(crate) fn with_error_column(input: &SchemaRef) -> SchemaRef {
    let mut fields: Vec<Arc<Field>> = input.fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("error", DataType::Utf8, false)));
    Arc::new(Schema::new(Fields::from(fields)))
}
