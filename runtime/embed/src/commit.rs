//! What sinks have prepared, as bytes, and [`SinkCommitter`], which makes it visible. It decides nothing: the other engine says when a
//! checkpoint is complete.
//!
//! ```text
//! u32 LE: how many | each: u64 LE checkpoint | u32 LE bytes of its JSON | JSON | u64 LE bytes of its rows, 0: none | an Arrow IPC stream
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use weir_core::connector::{Committable, Committer};

use crate::element::Reader;
use crate::error::EmbedError;
use crate::opened::Opened;
use crate::run::Run;

/// Makes visible what the writers of one sink prepare.
pub struct SinkCommitter {
    /// Kept open as long as it is used.
    _opened: Arc<Opened>,
    sink: String,
    committer: Box<dyn Committer>,
}

impl SinkCommitter {
    /// That of a sink; `None`: it has nothing to commit. Older runs of the job are fenced from here on.
    ///
    /// # Errors
    /// If there is no such sink, or the system that takes its rows cannot be reached.
    pub fn open(bundle: &[u8], sink: &str, run: Run) -> Result<Option<Self>, EmbedError> {
        let opened = Opened::open_for(bundle, run.job)?;
        let failed = |error| EmbedError::Sink { sink: sink.to_owned(), error };
        let committer = opened.job.embedded_committer(sink, run.generation(), run.checkpoint > 0).map_err(failed)?;
        Ok(committer.map(|committer| Self { _opened: opened, sink: sink.to_owned(), committer }))
    }

    /// A checkpoint is complete, and `prepared` is what writers had prepared by then, for that one or some before it; it may be nothing. After
    /// a failure it is called again for what was prepared before the checkpoint that the job resumes from: what is visible stays as it is.
    ///
    /// # Errors
    /// If it is not known to be visible, or the bytes are not what writers have prepared.
    pub fn commit(&mut self, checkpoint: u64, prepared: &[Vec<u8>]) -> Result<(), EmbedError> {
        by_checkpoint(checkpoint, prepared)?.into_iter().try_for_each(|(checkpoint, parts)| {
            let committed = self.committer.commit(Run::number(checkpoint), parts);
            committed.map_err(|error| EmbedError::Sink { sink: self.sink.clone(), error })
        })
    }
}

/// The parts of each checkpoint. Of the one that is complete there may be none: a sink counts those, too, to say again how far it is
/// before the other side forgets it.
fn by_checkpoint(checkpoint: u64, prepared: &[Vec<u8>]) -> Result<BTreeMap<u64, Vec<Committable>>, EmbedError> {
    let mut parts: BTreeMap<u64, Vec<Committable>> = BTreeMap::new();
    for bytes in prepared {
        for PreparedPart { checkpoint, committable } in decode(bytes)? {
            parts.entry(checkpoint).or_default().push(committable);
        }
    }
    if parts.is_empty() {
        parts.insert(checkpoint, Vec::new());
    }
    Ok(parts)
}

/// Something that a writer has prepared.
#[derive(Clone, Debug)]
pub struct PreparedPart {
    /// For which checkpoint; at the end of the stream for the next.
    pub checkpoint: u64,
    /// What.
    pub committable: Committable,
}

/// The bytes.
///
/// # Errors
/// If rows cannot be written.
pub fn encode(prepared: &[PreparedPart]) -> Result<Vec<u8>, EmbedError> {
    let failed = |error: String| EmbedError::Prepared(format!("cannot be written: {error}"));
    let mut bytes = u32::try_from(prepared.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    for PreparedPart { checkpoint, committable: Committable { value, rows } } in prepared {
        bytes.extend_from_slice(&checkpoint.to_le_bytes());
        let json = serde_json::to_vec(value).map_err(|error| failed(error.to_string()))?;
        bytes.extend_from_slice(&u32::try_from(json.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(&json);
        let rows = rows.as_ref().map(stream).transpose().map_err(|error| failed(error.to_string()))?;
        let rows = rows.unwrap_or_default();
        bytes.extend_from_slice(&(rows.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&rows);
    }
    Ok(bytes)
}

fn stream(rows: &RecordBatch) -> Result<Vec<u8>, arrow::error::ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), &rows.schema())?;
    writer.write(rows)?;
    writer.into_inner()
}

/// Reads [`encode`].
///
/// # Errors
/// [`EmbedError::Prepared`].
pub fn decode(bytes: &[u8]) -> Result<Vec<PreparedPart>, EmbedError> {
    let refused = |reason: &str| EmbedError::Prepared(reason.to_owned());
    let short = |_| refused("is too short");
    let mut reader = Reader { bytes, at: 0 };
    let count = reader.u32().map_err(short)?;
    let mut prepared = Vec::new();
    for _ in 0..count {
        let checkpoint = reader.u64().map_err(short)?;
        let length = reader.u32().map_err(short)? as usize;
        let json = reader.take(length).map_err(short)?;
        let value = serde_json::from_slice(json).map_err(|error| refused(&format!("cannot be understood: {error}")))?;
        let length = usize::try_from(reader.u64().map_err(short)?).map_err(|_| refused("is too short"))?;
        let rows = reader.take(length).map_err(short)?;
        let rows = match rows.is_empty() {
            true => None,
            false => Some(read_stream(rows)?),
        };
        prepared.push(PreparedPart { checkpoint, committable: Committable { value, rows } });
    }
    match reader.at == bytes.len() {
        true => Ok(prepared),
        false => Err(refused("has more bytes than it should")),
    }
}

fn read_stream(bytes: &[u8]) -> Result<RecordBatch, EmbedError> {
    let read = || {
        let mut batches = StreamReader::try_new(bytes, None)?;
        batches.next().ok_or_else(|| arrow::error::ArrowError::IpcError("it has no rows".to_owned()))?
    };
    // Arrow checks most of what bytes say by an error, and some by a panic.
    let read = std::panic::catch_unwind(read);
    let read = read.map_err(|_| EmbedError::Prepared("has damaged rows".to_owned()))?;
    read.map_err(|error| EmbedError::Prepared(format!("has rows that cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_checkpoint_without_parts_is_committed_too() {
        let numbers = |parts: BTreeMap<u64, Vec<Committable>>| -> Vec<(u64, usize)> {
            parts.into_iter().map(|(checkpoint, parts)| (checkpoint, parts.len())).collect()
        };
        let prepared =
            |checkpoint| PreparedPart { checkpoint, committable: Committable { value: json!(1), rows: None } };
        let bytes = [encode(&[prepared(3), prepared(4)]).unwrap(), encode(&[prepared(3)]).unwrap()];
        assert_eq!(numbers(by_checkpoint(4, &bytes).unwrap()), [(3, 2), (4, 1)]);
        assert_eq!(numbers(by_checkpoint(5, &[]).unwrap()), [(5, 0)]);
        assert_eq!(numbers(by_checkpoint(5, &[encode(&[]).unwrap()]).unwrap()), [(5, 0)]);
    }
}
