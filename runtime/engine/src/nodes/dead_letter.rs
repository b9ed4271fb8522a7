//! What happens to rows that an operator cannot process, as `on-error` says.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray, UInt32Array, new_null_array};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use weir_core::batch::StreamBatch;
use weir_core::graph::OnError;
use weir_core::time::utc_text;
use weir_host::TimeDomain;

use crate::dataflow::exchange::take_rows;
use crate::dataflow::metrics::Metrics;
use crate::dataflow::operator::{OperatorError, Origin, OriginRows, Outputs};
use crate::dataflow::row_text::{cell_text, row_text};

/// What the reason of a timer's letter begins with; the timer's time follows.
const OF_TIMERS: [&str; 2] = ["timer of event time at ", "timer of processing time at "];

/// Sets bad rows aside.
pub(crate) struct DeadLetters {
    on_error: OnError,
    output: usize,
    metrics: Metrics,
    letters: Letters,
}

/// What a step's dead letters are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Letters {
    /// Rows that came in.
    OfRows,
    /// Also timers or results, which are no rows: their letters have only the columns of the key, so every column may be null.
    OfKeys,
}

/// A row of the current batch, and why it could not be processed.
pub(crate) type BadRow = (u32, String);

impl DeadLetters {
    /// `output`: the index of the operator's dead-letter output.
    pub(crate) fn new(on_error: OnError, output: usize, metrics: Metrics, letters: Letters) -> Self {
        Self { on_error, output, metrics, letters }
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

    /// Timers could not be processed. Each has a row with the columns of its key (see [`key_rows`]), its time, and its reason.
    ///
    /// # Errors
    /// [`OperatorError::Timer`], if `on-error` is `fail`.
    pub(crate) fn take_timers(
        &self,
        domain: TimeDomain,
        timers: StreamBatch,
        mut reasons: Vec<String>,
        out: &mut Outputs,
    ) -> Result<(), OperatorError> {
        if self.fails() && !reasons.is_empty() {
            self.metrics.rows_failed.fetch_add(1, Ordering::Relaxed);
            return Err(OperatorError::Timer { time: timers.event_times[0], reason: reasons.swap_remove(0) });
        }
        let of = OF_TIMERS[usize::from(domain == TimeDomain::ProcessingTime)];
        for (reason, time) in reasons.iter_mut().zip(timers.event_times.iter()) {
            *reason = format!("{of}{}: {reason}", utc_text(*time));
        }
        self.take_results(timers, reasons, out)
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
                let bad: Vec<BadRow> = reasons.enumerate().map(|(row, reason)| (row as u32, reason)).collect();
                if !bad.is_empty() {
                    out.emit(self.output, self.letters(&batch, &bad)?);
                }
                Ok(())
            }
        }
    }

    /// Emits the rows that were set aside: their columns and the reason. Each is a letter of its own, whatever its kind.
    ///
    /// # Errors
    /// If a column kernel refuses.
    pub(crate) fn emit(&self, batch: &StreamBatch, bad: Vec<BadRow>, out: &mut Outputs) -> Result<(), OperatorError> {
        if !bad.is_empty() {
            let letters = self.letters(batch, &bad)?;
            let rows = || OriginRows::Each(bad.into_iter().map(|(row, _)| row).collect());
            out.emit_from(self.output, letters, || Origin { rows: rows(), has_own_times: false });
        }
        Ok(())
    }

    fn letters(&self, batch: &StreamBatch, bad: &[BadRow]) -> Result<StreamBatch, OperatorError> {
        let indices: UInt32Array = bad.iter().map(|(row, _)| Some(*row)).collect();
        let reasons = StringArray::from_iter_values(bad.iter().map(|(_, reason)| reason));
        let rows = take_rows(batch, &indices)?;
        let mut columns: Vec<ArrayRef> = rows.rows.columns().to_vec();
        columns.push(Arc::new(reasons));
        let schema = with_error_column(&rows.rows.schema(), self.letters);
        Ok(StreamBatch { rows: RecordBatch::try_new(schema, columns)?, row_kinds: None, key_hashes: None, ..rows })
    }
}

/// The key of each row in words, `id = 7`; empty: there are no key columns. `keys` has one for each of `key_columns`.
pub(crate) fn key_texts(input: &SchemaRef, key_columns: &[usize], keys: &[ArrayRef], rows: usize) -> Vec<String> {
    let text = |row: usize| {
        let names = key_columns.iter().zip(keys);
        let key = names.map(|(column, key)| format!("{} = {}", input.field(*column).name(), cell_text(key, row)));
        key.collect::<Vec<_>>().join(", ")
    };
    (0..rows).map(text).collect()
}

/// The columns of a step's dead-letter output: its input's, and the reason.
pub(crate) fn with_error_column(input: &SchemaRef, letters: Letters) -> SchemaRef {
    let has_nulls = |field: &Arc<Field>| match letters {
        Letters::OfRows => Arc::clone(field),
        Letters::OfKeys => Arc::new(Field::clone(field).with_nullable(true)),
    };
    let mut fields: Vec<Arc<Field>> = input.fields().iter().map(has_nulls).collect();
    fields.push(Arc::new(Field::new("error", DataType::Utf8, false)));
    Arc::new(Schema::new(Fields::from(fields)))
}

/// Rows of an input of which only the columns of the key are known: the others are null. `keys` has one for each of `key_columns`.
///
/// # Errors
/// None but those of Arrow, for keys that have the types of their columns.
pub(crate) fn key_rows(
    input: &SchemaRef,
    key_columns: &[usize],
    keys: &[ArrayRef],
    times: Vec<i64>,
    ingested_at: i64,
) -> Result<StreamBatch, OperatorError> {
    let columns = input.fields().iter().enumerate().map(|(index, field)| {
        let key = key_columns.iter().position(|column| *column == index).and_then(|key| keys.get(key));
        key.cloned().unwrap_or_else(|| new_null_array(field.data_type(), times.len()))
    });
    let fields: Vec<_> = input.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(times.len()));
    let rows = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns.collect(), &options)?;
    Ok(StreamBatch::new(rows, times.into(), ingested_at))
}

/// Whether the reason of a dead letter is that of a timer, which is no row of the step's input.
#[must_use]
pub fn is_letter_of_timer(reason: &str) -> bool {
    OF_TIMERS.iter().any(|of| reason.starts_with(of))
}
