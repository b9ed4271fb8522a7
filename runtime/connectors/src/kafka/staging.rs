//! Exactly-once: rows become messages that wait in the checkpoint. Nothing is sent here, and nothing is open at the broker.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use weir_core::batch::StreamBatch;
use weir_core::connector::{Committable, ConnectorError, Cut, Prepare, Prepared, SinkReport, SinkWriter};

use super::encode::Encoder;
use super::marker::Origin;

/// Bytes of one part of a checkpoint, about: well below what the offsets of a column can count.
const PART_BYTES: usize = 64 << 20;

/// Stages rows.
pub(super) struct StagingWriter {
    encoder: Encoder,
    origin: Origin,
    subtask: usize,
    staged: Vec<RecordBatch>,
    report: SinkReport,
}

impl StagingWriter {
    pub(super) fn new(encoder: Encoder, origin: Origin, subtask: usize, report: SinkReport) -> Self {
        Self { encoder, origin, subtask, staged: Vec::new(), report }
    }
}

impl SinkWriter for StagingWriter {
    fn write(&mut self, batch: &StreamBatch) -> Result<(), ConnectorError> {
        if batch.rows.num_rows() > 0 {
            self.staged.push(self.encoder.encode(&batch.rows)?);
            self.report.rows += batch.rows.num_rows() as u64;
        }
        Ok(())
    }

    fn prepare(&mut self, _cut: Cut) -> Result<Prepare, ConnectorError> {
        let staged = std::mem::take(&mut self.staged);
        let (origin, subtask, report) = (self.origin.clone(), self.subtask, self.report.clone());
        let schema = self.encoder.staged_schema().clone();
        Ok(Box::new(move || {
            let mut commit = Vec::new();
            for batches in parts(&staged) {
                let rows = concat_batches(&schema, batches)
                    .map_err(|error| ConnectorError::Data(format!("staged rows cannot be put together: {error}")))?;
                let part = commit.len();
                let value =
                    serde_json::json!({ "origin": origin, "subtask": subtask, "part": part, "rows": rows.num_rows() });
                commit.push(Committable { value, rows: Some(rows) });
            }
            let state = serde_json::json!({ "rows": report.rows, "checksum": report.checksum, "origin": origin });
            Ok(Prepared { commit, state, report })
        }))
    }
}

/// Runs of batches of about [`PART_BYTES`].
fn parts(batches: &[RecordBatch]) -> impl Iterator<Item = &[RecordBatch]> {
    let mut bytes = 0;
    batches.chunk_by(move |batch, next| {
        bytes += batch.get_array_memory_size();
        if bytes + next.get_array_memory_size() > PART_BYTES {
            bytes = 0;
        }
        bytes > 0
    })
}
