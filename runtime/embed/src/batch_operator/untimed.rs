//! Rows without an event time follow `on-error`, as a source of a pipeline has them. It decides nothing else of a row.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray};
use arrow::compute::{filter_record_batch, not};
use weir_core::batch::StreamBatch;
use weir_core::time::Clock as _;
use weir_engine::single_step::Emitted;

use super::{BatchOperator, DEAD_LETTER};
use crate::error::EmbedError;

const NO_TIME: &str = "it has no event time";

impl BatchOperator {
    /// The rows that have an event time, and the dead letters of the others. If they are to fail, all rows: the step says which one.
    pub(super) fn set_untimed_aside(&self, rows: RecordBatch) -> Result<(RecordBatch, Emitted), EmbedError> {
        let missing = self.step.rows_without_event_time(&rows);
        if missing.is_empty() || !["skip", DEAD_LETTER].contains(&self.on_error.as_str()) {
            return Ok((rows, Vec::new()));
        }
        let mut is_missing = vec![false; rows.num_rows()];
        missing.iter().for_each(|row| is_missing.get_mut(*row).into_iter().for_each(|is| *is = true));
        let is_missing = BooleanArray::from(is_missing);
        let failed = |error: arrow::error::ArrowError| EmbedError::Operator(error.to_string());
        let timed = not(&is_missing).and_then(|timed| filter_record_batch(&rows, &timed)).map_err(failed)?;
        let Some(letters) = self.outputs.iter().position(|(name, _)| name == DEAD_LETTER) else {
            return Ok((timed, Vec::new()));
        };
        let untimed = filter_record_batch(&rows, &is_missing).map_err(failed)?;
        let reasons: ArrayRef = Arc::new(StringArray::from(vec![NO_TIME; untimed.num_rows()]));
        let (schema, reads) = (&self.outputs[letters].1, untimed.schema());
        // The columns of a letter are those of the row that the step reads, and the reason is the last.
        let columns = schema.fields().iter().map(|field| {
            reads.index_of(field.name()).map_or_else(|_| Arc::clone(&reasons), |column| untimed.column(column).clone())
        });
        let letter = RecordBatch::try_new(Arc::clone(schema), columns.collect()).map_err(failed)?;
        let now = self.clock.now_us();
        let times = vec![now; letter.num_rows()].into();
        Ok((timed, vec![(letters, StreamBatch::new(letter, times, now))]))
    }
}
