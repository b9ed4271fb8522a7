//! What goes from one subtask to another, as bytes that a network carries. Both ends know the columns from the plan; a hash of them goes
//! along, so that two versions of a pipeline never read each other's.
//!
//! ```text
//! 0  u8   kind: 0 rows, 1 watermark, 2 idle, 3 end
//! 1  u8   of rows, bits: 1 they have kinds
//! 2  u16  edge
//! 4  u32  the subtask that sent it
//! 8  u64  of rows: the hash of the edge's columns; of a watermark: it, i64 microseconds
//! --- rows:
//! 16 u32  rows | 20 u32  bytes of the message | 24 i64  ingested at
//! 32 i64  event times, a row each; u8 kinds, a row each, if they have kinds; to a multiple of 8
//!    the message: Arrow IPC, a record batch without its schema; to a multiple of 64
//!    the body: Arrow IPC
//! ```
//!
//! All numbers are little endian.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::read_record_batch;
use arrow::ipc::root_as_message;
use arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteOptions};
use weir_core::batch::{RowKinds, StreamBatch, StreamElement};
use weir_core::limits::BATCH_ROWS_LIMIT;

use crate::error::EmbedError;

const ROWS: u8 = 0;
const WATERMARK: u8 = 1;
const IDLE: u8 = 2;
const END: u8 = 3;
const HAS_KINDS: u8 = 1;
/// Bytes before what only rows have.
const HEAD_BYTES: usize = 16;
/// Bytes before the event times.
const ROWS_HEAD_BYTES: usize = 32;
const BODY_ALIGN: usize = 64;

/// The columns of an edge, as both of its ends know them.
#[derive(Clone, Debug)]
pub struct EdgeSchema {
    schema: SchemaRef,
    hash: u64,
}

impl EdgeSchema {
    /// Of these columns.
    #[must_use]
    pub fn new(schema: SchemaRef) -> Self {
        let mut hasher = blake3::Hasher::new();
        for field in schema.fields() {
            hasher.update(format!("{:?} {} {}\n", field.name(), field.data_type(), field.is_nullable()).as_bytes());
        }
        let hash = hasher.finalize().as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        Self { schema, hash }
    }

    /// A hash of names and types.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }
}

/// Which edge something came by, and from whom; read before the columns are known.
///
/// # Errors
/// [`EmbedError::Element`].
pub fn sender(bytes: &[u8]) -> Result<(usize, usize), EmbedError> {
    let mut reader = Reader { bytes, at: 2 };
    Ok((reader.u16()?.into(), reader.u32()? as usize))
}

/// Writes an element after what is in `out`.
///
/// # Errors
/// If the rows cannot be written, or are not the edge's.
pub fn write(
    (edge, from): (usize, usize),
    element: &StreamElement,
    columns: &EdgeSchema,
    out: &mut Vec<u8>,
) -> Result<(), EmbedError> {
    let start = out.len();
    let mut head = |kind: u8, flags: u8, value: u64| {
        out.extend_from_slice(&[kind, flags]);
        out.extend_from_slice(&u16::try_from(edge).unwrap_or(u16::MAX).to_le_bytes());
        out.extend_from_slice(&u32::try_from(from).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(&value.to_le_bytes());
    };
    match element {
        StreamElement::Watermark(watermark) => head(WATERMARK, 0, watermark.cast_unsigned()),
        StreamElement::Idle => head(IDLE, 0, 0),
        StreamElement::End => head(END, 0, 0),
        // The other engine has its own.
        StreamElement::Barrier(_) => {}
        StreamElement::Batch(batch) => {
            let flags = if batch.row_kinds.is_some() { HAS_KINDS } else { 0 };
            head(ROWS, flags, columns.hash);
            write_rows(batch, columns, start, out)
                .map_err(|e| EmbedError::Element(format!("cannot be written: {e}")))?;
        }
    }
    Ok(())
}

fn write_rows(batch: &StreamBatch, columns: &EdgeSchema, start: usize, out: &mut Vec<u8>) -> Result<(), ArrowError> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.len()));
    // Names may differ from the plan's where streams are united; types must not.
    let rows = RecordBatch::try_new_with_options(columns.schema.clone(), batch.rows.columns().to_vec(), &options)?;
    let (dictionaries, encoded) = IpcDataGenerator::default().encode(
        &rows,
        &mut DictionaryTracker::new(false),
        &IpcWriteOptions::default(),
        &mut Default::default(),
    )?;
    if !dictionaries.is_empty() {
        return Err(ArrowError::NotYetImplemented("a column is encoded with a dictionary".to_owned()));
    }
    let bytes = encoded.ipc_message.len() + encoded.arrow_data.len() + batch.len() * 9 + ROWS_HEAD_BYTES + BODY_ALIGN;
    out.reserve(bytes);
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
    out.extend_from_slice(&count(batch.len()));
    out.extend_from_slice(&count(encoded.ipc_message.len()));
    out.extend_from_slice(&batch.ingested_at.to_le_bytes());
    batch.event_times.iter().for_each(|time| out.extend_from_slice(&time.to_le_bytes()));
    if let Some(kinds) = &batch.row_kinds {
        out.extend_from_slice(kinds.bytes());
    }
    let pad = |out: &mut Vec<u8>, to: usize| out.resize(start + (out.len() - start).next_multiple_of(to), 0);
    pad(out, 8);
    out.extend_from_slice(&encoded.ipc_message);
    pad(out, BODY_ALIGN);
    out.extend_from_slice(&encoded.arrow_data);
    Ok(())
}

/// Reads what [`write()`] wrote; the columns share the memory of `bytes`.
///
/// # Errors
/// [`EmbedError::Element`].
pub fn read(bytes: Vec<u8>, columns: &EdgeSchema) -> Result<StreamElement, EmbedError> {
    let mut reader = Reader { bytes: &bytes, at: 0 };
    let (kind, flags) = (reader.u8()?, reader.u8()?);
    reader.at = 8;
    let value = reader.u64()?;
    let alone = |element: StreamElement| match bytes.len() {
        HEAD_BYTES => Ok(element),
        _ => Err(refused("has more bytes than it should")),
    };
    match kind {
        WATERMARK => alone(StreamElement::Watermark(value.cast_signed())),
        IDLE => alone(StreamElement::Idle),
        END => alone(StreamElement::End),
        ROWS if value != columns.hash => {
            Err(refused("has other columns than this pipeline's edge: its sender runs another version of the pipeline"))
        }
        // Arrow checks most of what bytes say by an error, and some by a panic.
        ROWS => catch_unwind(AssertUnwindSafe(|| read_rows(bytes, flags, columns)))
            .unwrap_or_else(|_| Err(refused("has columns that are not what its message says")))
            .map(StreamElement::Batch),
        _ => Err(refused("is of an unknown kind")),
    }
}

fn read_rows(bytes: Vec<u8>, flags: u8, columns: &EdgeSchema) -> Result<StreamBatch, EmbedError> {
    let mut reader = Reader { bytes: &bytes, at: HEAD_BYTES };
    let (rows, message_bytes) = (reader.u32()? as usize, reader.u32()? as usize);
    let ingested_at = reader.u64()?.cast_signed();
    if rows > BATCH_ROWS_LIMIT {
        return Err(refused(&format!("has {rows} rows, and a batch has {BATCH_ROWS_LIMIT} at most")));
    }
    let times = reader.take(rows * size_of::<i64>())?;
    let (times, _) = times.as_chunks();
    let event_times: Vec<i64> = times.iter().map(|time| i64::from_le_bytes(*time)).collect();
    let row_kinds = match flags & HAS_KINDS != 0 {
        true => {
            let kinds = RowKinds::new(reader.take(rows)?.to_vec().into());
            Some(kinds.ok_or_else(|| refused("has a row of an unknown kind"))?)
        }
        false => None,
    };
    reader.pad(8);
    let message = reader.take(message_bytes)?.to_vec();
    reader.pad(BODY_ALIGN);
    let start = reader.at;
    if start > bytes.len() {
        return Err(refused("is too short"));
    }
    let message = root_as_message(&message).map_err(|e| refused(&format!("has a damaged message: {e}")))?;
    let header = message.header_as_record_batch().ok_or_else(|| refused("has a message without rows"))?;
    if usize::try_from(header.length()) != Ok(rows) {
        return Err(refused("has another number of rows than event times"));
    }
    // We compress nothing; and what it would be decompressed into would be as large as the bytes say.
    if header.compression().is_some() {
        return Err(refused("has compressed columns"));
    }
    let body = Buffer::from_vec(bytes).slice(start);
    let read = read_record_batch(&body, header, columns.schema.clone(), &HashMap::new(), None, &message.version());
    let read = read.map_err(|e| refused(&format!("has columns that cannot be read: {e}")))?;
    Ok(StreamBatch { row_kinds, ..StreamBatch::new(read, event_times.into(), ingested_at) })
}

fn refused(reason: &str) -> EmbedError {
    EmbedError::Element(reason.to_owned())
}

/// Takes numbers out of bytes.
pub(crate) struct Reader<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], EmbedError> {
        let end = self.at.checked_add(length);
        let taken = end.and_then(|end| self.bytes.get(self.at..end)).ok_or_else(|| refused("is too short"))?;
        self.at += length;
        Ok(taken)
    }

    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], EmbedError> {
        self.take(N)?.try_into().map_err(|_| refused("is too short"))
    }

    fn u8(&mut self) -> Result<u8, EmbedError> {
        Ok(u8::from_le_bytes(self.chunk()?))
    }

    fn u16(&mut self) -> Result<u16, EmbedError> {
        Ok(u16::from_le_bytes(self.chunk()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, EmbedError> {
        Ok(u32::from_le_bytes(self.chunk()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, EmbedError> {
        Ok(u64::from_le_bytes(self.chunk()?))
    }

    fn pad(&mut self, to: usize) {
        self.at = self.at.next_multiple_of(to);
    }
}

#[cfg(test)]
mod tests;
