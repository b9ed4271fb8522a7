//! Exactly-once: rows become messages that wait in the checkpoint. Nothing is sent here, and nothing is open at the broker.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::error::ArrowError;
use weir_core::batch::StreamBatch;
use weir_core::connector::{Committable, ConnectorError, Cut, Prepare, Prepared, SinkReport, SinkWriter};
use weir_core::limits::STAGED_BYTES_MAX;

use super::encode::Encoder;
use super::failure::passing;
use super::marker::Origin;
use super::newest::{Newest, NewestRows};

/// Bytes of one part of a checkpoint, about: well below what the offsets of a column can count.
const PART_BYTES: usize = 64 << 20;

/// Stages rows.
pub(super) struct StagingWriter {
    encoder: Arc<Encoder>,
    origin: Origin,
    subtask: usize,
    topic: String,
    /// Where only the newest row of each key is staged.
    newest: Option<Newest>,
    staged: Vec<RecordBatch>,
    staged_bytes: usize,
    staged_bytes_max: usize,
    report: SinkReport,
}

impl StagingWriter {
    pub(super) fn new(
        topic: &str,
        (encoder, newest): (Encoder, Option<Newest>),
        origin: Origin,
        subtask: usize,
        report: SinkReport,
    ) -> Self {
        let (topic, staged, encoder) = (topic.to_owned(), Vec::new(), Arc::new(encoder));
        let staged_bytes_max = STAGED_BYTES_MAX;
        Self { encoder, origin, subtask, topic, newest, staged, staged_bytes: 0, staged_bytes_max, report }
    }
}

impl SinkWriter for StagingWriter {
    fn write(&mut self, batch: &StreamBatch) -> Result<(), ConnectorError> {
        if batch.rows.num_rows() == 0 {
            return Ok(());
        }
        if let Some(newest) = &mut self.newest {
            newest.take(batch).map_err(|error| cannot_stage(&self.topic, &error))?;
            return check_bytes(newest.bytes(), self.staged_bytes_max, &self.topic);
        }
        let staged = self.encoder.encode(&batch.rows)?;
        self.staged_bytes += staged.get_array_memory_size();
        check_bytes(self.staged_bytes, self.staged_bytes_max, &self.topic)?;
        self.staged.push(staged);
        self.report.rows += batch.rows.num_rows() as u64;
        Ok(())
    }

    fn prepare(&mut self, _cut: Cut) -> Result<Prepare, ConnectorError> {
        let mut staged = std::mem::take(&mut self.staged);
        self.staged_bytes = 0;
        let topic = self.topic.clone();
        let newest = self.newest.as_mut().map(Newest::split_off).transpose();
        let newest = newest.map_err(|error| cannot_stage(&topic, &error))?;
        self.report.rows += newest.as_ref().map_or(0, |newest| newest.len() as u64);
        let encoder = Arc::clone(&self.encoder);
        let (origin, subtask, report) = (self.origin.clone(), self.subtask, self.report.clone());
        let schema = self.encoder.staged_schema().clone();
        Ok(Box::new(move || {
            if let Some(mut newest) = newest {
                for NewestRows { rows, present } in newest.rows().map_err(|error| cannot_stage(&topic, &error))? {
                    staged.push(encoder.encode_present(&rows, present.as_ref())?);
                }
            }
            let mut commit = Vec::new();
            for batches in parts(&staged) {
                let rows = concat_batches(&schema, batches)
                    .map_err(|error| ConnectorError::Data(format!("staged rows cannot be assembled: {error}")))?;
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

fn cannot_stage(topic: &str, error: &ArrowError) -> ConnectorError {
    ConnectorError::Data(format!("cannot hold the rows for the topic {topic}: {error}"))
}

/// Fails if the rows of an interval take more than may wait.
pub(super) fn check_bytes(bytes: usize, bytes_max: usize, topic: &str) -> Result<(), ConnectorError> {
    if bytes <= bytes_max {
        return Ok(());
    }
    let reason = format!(
        "the rows since the last checkpoint take more than the {} MiB that may wait: make checkpoints, more often, or find out why the \
         last one takes so long",
        bytes_max >> 20
    );
    // With a broker that was away it passes.
    Err(passing(&format!("cannot hold the rows for the topic {topic}"), reason))
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use arrow::array::{ArrayRef, StringArray};
    use weir_core::graph::Options;

    use super::*;
    use crate::kafka::options::SinkOptions;

    #[test]
    fn what_is_held_back_is_bounded() {
        let values: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(1000)]));
        let rows = RecordBatch::try_from_iter([("v", values)]).unwrap();
        let text = "brokers = \"b:1\"\ntopic = \"t\"\nformat = \"raw\"";
        let options = SinkOptions::parse(&Options::from_toml(text, PathBuf::new())).unwrap();
        let encoder = Encoder::new(&options, &rows.schema()).unwrap();
        let origin = Origin { lineage: "a".to_owned(), follows: "-".to_owned() };
        let mut writer = StagingWriter::new("t", (encoder, None), origin, 0, SinkReport::default());
        writer.staged_bytes_max = 20_000;
        let batch = StreamBatch::new(rows, vec![0].into(), 0);
        let mut until_full = || (0..1000).find_map(|_| writer.write(&batch).err());
        let error = until_full().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.contains("make checkpoints, more often")));
        // A checkpoint makes room.
        drop(writer.prepare(Cut { attempt: 1, last: false }).unwrap());
        writer.write(&batch).unwrap();
    }
}
