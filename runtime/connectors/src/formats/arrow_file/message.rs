//! One message of Arrow IPC in a file, read as a whole. What it asks for is checked before anything is allocated for it.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use arrow::buffer::Buffer;
use arrow::error::ArrowError;
use arrow::ipc::{Block, Message, RecordBatch, root_as_message};

/// Bytes of a batch at most, and of all dictionaries that are in use at once, in the file and in memory.
pub(super) const BATCH_BYTES_MAX: u64 = 256 << 20;
/// What a message begins with, and the length of what describes it behind that. Streams of old versions have the length alone.
const MARK: [u8; 4] = [0xff; 4];
const LENGTH_BYTES: usize = 4;

/// The bytes of a message.
pub(super) struct Encoded {
    bytes: Buffer,
    /// How many are before the values.
    description_bytes: usize,
}

impl Encoded {
    pub(super) fn read(file: &File, block: &Block) -> Result<Self, String> {
        let mut bytes = vec![0; usize::try_from(length(block)).unwrap_or_default()];
        let at = u64::try_from(block.offset()).unwrap_or_default();
        file.read_exact_at(&mut bytes, at).map_err(|error| format!("it cannot be read: {error}"))?;
        let description_bytes = usize::try_from(block.metaDataLength()).unwrap_or_default();
        Ok(Self { bytes: Buffer::from_vec(bytes), description_bytes })
    }

    /// What describes the values.
    pub(super) fn message(&self) -> Result<Message<'_>, String> {
        parse(self.bytes.get(..self.description_bytes).unwrap_or_default())
    }

    /// The values.
    pub(super) fn body(&self) -> Buffer {
        self.bytes.slice(self.description_bytes.min(self.bytes.len()))
    }
}

/// The message that these bytes begin with.
pub(super) fn parse(bytes: &[u8]) -> Result<Message<'_>, String> {
    let behind_mark = bytes.strip_prefix(&MARK).unwrap_or(bytes);
    let message = root_as_message(behind_mark.get(LENGTH_BYTES..).unwrap_or_default());
    message.map_err(|error| format!("it is damaged: {error}"))
}

/// How many bytes of memory the values of a batch take.
///
/// # Errors
/// If one of its buffers is not in its body, or says no length.
pub(super) fn memory(batch: &RecordBatch<'_>, body: &[u8]) -> Result<u64, String> {
    let mut sum = 0_u64;
    for buffer in batch.buffers().into_iter().flatten() {
        let (from, length) = (usize::try_from(buffer.offset()), usize::try_from(buffer.length()));
        let within = from.ok().zip(length.ok()).and_then(|(from, length)| body.get(from..from.checked_add(length)?));
        let within = within.ok_or("it is damaged: values are outside of their batch")?;
        let bytes = match within.first_chunk() {
            Some(decompressed) if batch.compression().is_some() => match i64::from_le_bytes(*decompressed) {
                // As it is, behind the length.
                -1 => within.len() as u64,
                decompressed => u64::try_from(decompressed).map_err(|_| "it is damaged: values have no length")?,
            },
            _ => within.len() as u64,
        };
        sum = sum.saturating_add(bytes);
    }
    Ok(sum)
}

/// Bytes in the file.
pub(super) fn length(block: &Block) -> u64 {
    let description = u64::try_from(block.metaDataLength()).unwrap_or_default();
    description.saturating_add(u64::try_from(block.bodyLength()).unwrap_or_default())
}

/// A block, if it is in a file of so many bytes and no larger than it may be.
pub(super) fn checked(block: Block, bytes: u64) -> Result<Block, String> {
    let is_positive = block.offset() >= 0 && block.metaDataLength() >= 8 && block.bodyLength() >= 0;
    let end = u64::try_from(block.offset()).ok().and_then(|offset| offset.checked_add(length(&block)));
    if !is_positive || end.is_none_or(|end| end > bytes) {
        return Err("it is damaged: a batch is outside of the file".to_owned());
    }
    if length(&block) > BATCH_BYTES_MAX {
        return Err(too_large("a batch", "smaller batches"));
    }
    Ok(block)
}

/// Why a file is refused, and how to write another.
pub(super) fn too_large(what: &str, with: &str) -> String {
    format!("it has {what} of more than {} MiB: write it with {with}", BATCH_BYTES_MAX >> 20)
}

/// What the library says.
pub(super) fn said(error: &ArrowError) -> String {
    format!("it cannot be read as Arrow IPC: {error}")
}
