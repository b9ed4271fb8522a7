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
pub(super) struct Out(Arc<Mutex<Buffered>>);

type Buffered = CompressedWriter<BufWriter<Arc<File>>>;

impl Out {
    /// Onto a file that is empty.
    pub(super) fn begin(compression: Option<Compression>, file: &Arc<File>) -> io::Result<Self> {
        Ok(Self(Arc::new(Mutex::new(CompressedWriter::begin(compression, buffered(file))?))))
    }

    /// Onto a file behind what is there.
    pub(super) fn resume(compression: Option<Compression>, file: &Arc<File>) -> Self {
        Self(Arc::new(Mutex::new(CompressedWriter::resume(compression, buffered(file)))))
    }

    /// As [`CompressedWriter::end_member`].
    pub(super) fn end_member(&self) -> io::Result<()> {
        self.lock().end_member()
    }

    fn lock(&self) -> MutexGuard<'_, Buffered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lock().flush()
    }
}

fn buffered(file: &Arc<File>) -> BufWriter<Arc<File>> {
    BufWriter::with_capacity(BUFFER_BYTES, Arc::clone(file))
}
