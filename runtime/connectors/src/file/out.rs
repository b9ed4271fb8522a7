//! What a writer of rows writes onto, and what the owner of the file ends: both hold the same buffer.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::formats::compressed_writer::CompressedWriter;
use crate::formats::compression::Compression;

/// Bytes that are gathered before they are passed on.
const BUFFER_BYTES: usize = 64 << 10;

/// A file behind a buffer, and behind a compression if it has one.
#[derive(Clone)]
pub(super) struct Out(Arc<Mutex<Inner>>);

struct Inner {
    bytes: CompressedWriter<BufWriter<Arc<File>>>,
    /// What is written is dropped.
    is_muted: bool,
}

impl Out {
    /// Onto a file that is empty.
    pub(super) fn begin(compression: Option<Compression>, file: &Arc<File>) -> io::Result<Self> {
        Ok(Self::over(CompressedWriter::begin(compression, buffered(file))?))
    }

    /// Onto a file behind what is there.
    pub(super) fn resume(compression: Option<Compression>, file: &Arc<File>) -> Self {
        Self::over(CompressedWriter::resume(compression, buffered(file)))
    }

    fn over(bytes: CompressedWriter<BufWriter<Arc<File>>>) -> Self {
        Self(Arc::new(Mutex::new(Inner { bytes, is_muted: false })))
    }

    /// Drops what is written from now on, or no longer.
    pub(super) fn mute(&self, is_muted: bool) {
        self.lock().is_muted = is_muted;
    }

    /// As [`CompressedWriter::end_member`].
    pub(super) fn end_member(&self) -> io::Result<()> {
        self.lock().bytes.end_member()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut inner = self.lock();
        if inner.is_muted { Ok(bytes.len()) } else { inner.bytes.write(bytes) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lock().bytes.flush()
    }
}

fn buffered(file: &Arc<File>) -> BufWriter<Arc<File>> {
    BufWriter::with_capacity(BUFFER_BYTES, Arc::clone(file))
}
