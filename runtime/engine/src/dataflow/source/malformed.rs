//! What happens to records that are no rows, as `on-error` of the source says.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use weir_core::batch::StreamBatch;
use weir_core::connector::Malformed;
use weir_core::graph::OnError;

use super::{SourceEvent, SourceHead};
use crate::dataflow::operator::OperatorError;

impl SourceHead {
    pub(super) fn malformed(
        &self,
        malformed: &[Malformed],
        now_us: i64,
        out: &mut Vec<SourceEvent>,
    ) -> Result<(), OperatorError> {
        let Some(first) = malformed.first() else { return Ok(()) };
        self.metrics.rows_failed.fetch_add(malformed.len() as u64, Ordering::Relaxed);
        match self.settings.on_error {
            OnError::Skip => Ok(()),
            OnError::Fail => Err(OperatorError::Malformed { at: first.at.clone(), reason: first.reason.clone() }),
            OnError::DeadLetter => {
                let column = |of: fn(&Malformed) -> &str| -> ArrayRef {
                    Arc::new(StringArray::from_iter_values(malformed.iter().map(of)))
                };
                let columns = vec![column(|m| &m.at), column(|m| &m.record), column(|m| &m.reason)];
                let rows = RecordBatch::try_new(dead_letter_schema(), columns)?;
                let times = vec![now_us; malformed.len()].into();
                out.push(SourceEvent::DeadLetters(StreamBatch::new(rows, times, now_us)));
                Ok(())
            }
        }
    }
}

/// The columns of a source's dead-letter output.
#[must_use]
pub fn dead_letter_schema() -> SchemaRef {
    let utf8 = |name: &str| Field::new(name, DataType::Utf8, false);
    Arc::new(Schema::new(vec![utf8("at"), utf8("record"), utf8("reason")]))
}
