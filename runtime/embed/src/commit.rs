//! What sinks have prepared, as bytes, and [`SinkCommitter`], which makes it visible. It decides nothing: the other engine says when a
//! checkpoint is complete.
//!
//! ```text
//! u32 LE: how many | each: u32 LE bytes of its JSON | JSON | u64 LE bytes of its rows, 0 if it has none | an Arrow IPC stream
//! ```

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
        let opened = Opened::open(bundle)?;
        let failed = |error| EmbedError::Sink { sink: sink.to_owned(), error };
        let committer = opened.job.embedded_committer(sink, run.generation()).map_err(failed)?;
        Ok(committer.map(|committer| Self { _opened: opened, sink: sink.to_owned(), committer }))
    }

    /// A checkpoint is complete; `prepared` is what writers had prepared by then. After a failure it is called again for what was prepared
    /// before the checkpoint that the job resumed from.
    ///
    /// # Errors
    /// If it is not known to be visible, or the bytes are not what writers have prepared.
    pub fn commit(&mut self, checkpoint: u64, prepared: &[Vec<u8>]) -> Result<(), EmbedError> {
        let mut parts = Vec::new();
        for bytes in prepared {
            parts.extend(decode(bytes)?);
        }
        let committed = self.committer.commit(Run::number(checkpoint), parts);
        committed.map_err(|error| EmbedError::Sink { sink: self.sink.clone(), error })
    }
}

/// The bytes.
///
/// # Errors
/// If rows cannot be written.
pub fn encode(prepared: &[Committable]) -> Result<Vec<u8>, EmbedError> {
    let failed = |error: String| EmbedError::Prepared(format!("cannot be written: {error}"));
    let mut bytes = u32::try_from(prepared.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    for Committable { value, rows } in prepared {
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
pub fn decode(bytes: &[u8]) -> Result<Vec<Committable>, EmbedError> {
    let refused = |reason: &str| EmbedError::Prepared(reason.to_owned());
    let short = |_| refused("is too short");
    let mut reader = Reader { bytes, at: 0 };
    let count = reader.u32().map_err(short)?;
    let mut prepared = Vec::new();
    for _ in 0..count {
        let length = reader.u32().map_err(short)? as usize;
        let json = reader.take(length).map_err(short)?;
        let value = serde_json::from_slice(json).map_err(|error| refused(&format!("cannot be understood: {error}")))?;
        let length = usize::try_from(reader.u64().map_err(short)?).map_err(|_| refused("is too short"))?;
        let rows = reader.take(length).map_err(short)?;
        let rows = match rows.is_empty() {
            true => None,
            false => Some(read_stream(rows)?),
        };
        prepared.push(Committable { value, rows });
    }
    match reader.at == bytes.len() {
        true => Ok(prepared),
        false => Err(refused("has more bytes than it should")),
    }
}

fn read_stream(bytes: &[u8]) -> Result<RecordBatch, EmbedError> {
    let read = || {
        let mut batches = StreamReader::try_new(bytes, None)?;
        let first = batches.next().ok_or_else(|| arrow::error::ArrowError::IpcError("it has no rows".to_owned()))?;
        first
    };
    // Arrow checks most of what bytes say by an error, and some by a panic.
    let read = std::panic::catch_unwind(read);
    let read = read.map_err(|_| EmbedError::Prepared("has rows that are none".to_owned()))?;
    read.map_err(|error| EmbedError::Prepared(format!("has rows that cannot be read: {error}")))
}
