//! The last step of a chain: hands rows to a sink's writer, and knows how long they took.

mod encoding;
pub(crate) mod plan;
mod upsert_key;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use weir_core::batch::StreamBatch;
use weir_core::changelog::ChangelogEncoding;
use weir_core::connector::{Cut, SinkWriter};
use weir_core::time::Clock;

use super::expressions::Evaluator;
use crate::dataflow::latency::LatencyHistogram;
use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot};
use encoding::encode;

/// Writes to a sink. It emits nothing.
pub(crate) struct SinkOperator {
    writer: Box<dyn SinkWriter>,
    /// The columns that are written, if they are not those that come in.
    written: Option<(Evaluator, SchemaRef)>,
    /// How updates are written, whether they are by key, and the columns of that; `None`: as they are.
    encoding: Option<(ChangelogEncoding, bool, SchemaRef)>,
    latency: Arc<LatencyHistogram>,
    clock: Arc<dyn Clock>,
}

impl Operator for SinkOperator {
    fn process(&mut self, _input: usize, batch: StreamBatch, _: &mut Outputs) -> Result<Progress, OperatorError> {
        let batch = match &self.written {
            Some((columns, schema)) => columns.fields(batch, schema)?,
            None => batch,
        };
        let batch = match &self.encoding {
            Some((encoding, by_key, schema)) => encode((*encoding, *by_key), schema, batch)?,
            None => batch,
        };
        self.writer.write(&batch)?;
        self.latency.record(self.clock.now_us().saturating_sub(batch.ingested_at), batch.len() as u64);
        Ok(Progress::Done)
    }

    fn flush(&mut self, _: &mut Outputs) -> Result<(), OperatorError> {
        Ok(self.writer.flush()?)
    }

    fn freeze(&mut self, cut: Cut) -> Result<Frozen, OperatorError> {
        let prepare = self.writer.prepare(cut)?;
        Ok(Frozen::new(move || Ok(Snapshot { sink: Some(prepare()?), ..Snapshot::default() })))
    }
}
