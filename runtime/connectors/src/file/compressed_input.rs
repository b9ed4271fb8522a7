//! [`CompressedInput`]: the text of a file that is compressed, which is read once, up to the end that the file had when it was opened.

use std::fs::File;
use std::io::{self, Read, Take};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use weir_core::connector::ConnectorError;

use super::paths::{InputFile, cannot};
use crate::formats::compression::{Compression, Damage, Decompressed};
use crate::formats::encoding::MARK_BYTES_MAX;
use crate::formats::records::{Input, InputRead};
use crate::formats::transcoding::TextEncoding;

/// Bytes that are asked for at once.
const READ_BYTES: u64 = 256 << 10;

/// The text of a compressed file.
pub(super) struct CompressedInput {
    name: String,
    text: Box<dyn Read + Send>,
    taken: Arc<AtomicU64>,
    what: String,
}

impl CompressedInput {
    /// From the beginning.
    pub(super) fn open(
        file: &InputFile,
        compression: Compression,
        encoding: TextEncoding,
    ) -> Result<Self, ConnectorError> {
        let taken = Arc::default();
        let open = || -> io::Result<Box<dyn Read + Send>> {
            let opened = file.open()?;
            let end = opened.metadata()?.len();
            let counted = Counted { inner: opened.take(end), taken: Arc::clone(&taken) };
            Ok(Box::new(Decompressed::new(compression, counted)?))
        };
        let text = encoding.read(open().map_err(|source| cannot("open", file, source))?);
        Ok(Self { name: file.name.clone(), text, taken, what: format!("cannot read {}", file.name) })
    }

    /// A count of the bytes of the file that were read so far.
    pub(super) fn taken(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.taken)
    }

    fn failed(&self, source: io::Error) -> ConnectorError {
        match Damage::of(&source) {
            Some(damage) => ConnectorError::Data(format!("{}: {damage}", self.name)),
            None => ConnectorError::Io { what: self.what.clone(), source },
        }
    }
}

impl Input for CompressedInput {
    fn read(&mut self, buffer: &mut Vec<u8>, _wait: Duration) -> Result<InputRead, ConnectorError> {
        match (&mut self.text).take(READ_BYTES).read_to_end(buffer) {
            Ok(0) => Ok(InputRead::End),
            Ok(_) => Ok(InputRead::Bytes),
            Err(error) => Err(self.failed(error)),
        }
    }
}

/// Counts the bytes of a file that are read.
struct Counted {
    inner: Take<File>,
    taken: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if read == 0 && !buffer.is_empty() && self.inner.limit() > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file was truncated while it was read"));
        }
        self.taken.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// How a file is compressed, by its first bytes.
pub(super) fn compression_of(file: &InputFile) -> io::Result<Option<Compression>> {
    let mut begin = Vec::new();
    file.open()?.take(MARK_BYTES_MAX as u64).read_to_end(&mut begin)?;
    Ok(Compression::of_begin(&begin))
}
