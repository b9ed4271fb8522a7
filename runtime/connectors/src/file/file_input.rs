//! [`FileInput`]: the text of a file that is not compressed, and read once. What grows for ever is followed instead.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use weir_core::connector::ConnectorError;
use weir_core::time::Clock;

use super::paths::{InputFile, cannot};
use crate::formats::records::{Input, InputRead};
use crate::formats::transcoding::{TextEncoding, Transcoder};

/// Bytes that are asked for at once.
const READ_BYTES: u64 = 256 << 10;
/// How long a file that grows is watched for the end of its last line.
const LINE_AWAITED_US: i64 = 1_000_000;

/// The text of a file up to the end that it had when it was opened. If that is within a line, the rest of the line is read too, if it comes.
pub(super) struct FileInput {
    file: InputFile,
    opened: File,
    /// Bytes of the file.
    at: u64,
    end: u64,
    pub(super) ends_within_a_line: bool,
    line_end: &'static [u8],
    /// When the line has grown last.
    grown_us: Option<i64>,
    /// `None`: nothing is waited for.
    clock: Option<Arc<dyn Clock>>,
    /// Of a file that is not UTF-8.
    decoding: Option<Decoding>,
}

/// How a file becomes UTF-8.
struct Decoding {
    transcoder: Transcoder,
    /// What was read of it and not decoded yet.
    bytes: Vec<u8>,
    /// How many bytes of the file were read.
    taken: Arc<AtomicU64>,
}

impl FileInput {
    /// From a byte of the file on; what is not UTF-8 is opened at its beginning.
    pub(super) fn open(
        file: &InputFile,
        at: u64,
        encoding: TextEncoding,
        clock: Option<Arc<dyn Clock>>,
    ) -> std::io::Result<Self> {
        let mut opened = file.open()?;
        let end = opened.metadata()?.len();
        let line_end = encoding.line_end(&read_at(&opened, 0, 2)?);
        let unit = line_end.len() as u64;
        let is_at_line_end = end % unit == 0 && read_at(&opened, end.saturating_sub(unit), unit)? == line_end;
        let ends_within_a_line = end > 0 && !is_at_line_end;
        let decoding =
            encoding.transcoder().map(|transcoder| Decoding { transcoder, bytes: Vec::new(), taken: Arc::default() });
        opened.seek(SeekFrom::Start(at))?;
        Ok(Self { file: file.clone(), opened, at, end, ends_within_a_line, line_end, grown_us: None, clock, decoding })
    }

    /// A count of the bytes of the file that were read so far, if they are not those of the text.
    pub(super) fn taken(&self) -> Option<Arc<AtomicU64>> {
        self.decoding.as_ref().map(|decoding| Arc::clone(&decoding.taken))
    }

    /// Reads the rest of the line that the file had ended in.
    fn read_rest(&mut self, bytes: &mut Vec<u8>, wait: Duration) -> std::io::Result<InputRead> {
        // A character may have been cut in two.
        let unit = self.line_end.len();
        let known = self.at % unit as u64;
        let mut rest = read_at(&self.opened, self.at - known, READ_BYTES)?;
        if let Some(line_end) = rest.chunks_exact(unit).position(|unit| unit == self.line_end) {
            rest.truncate((line_end + 1) * unit);
            self.ends_within_a_line = false;
        }
        let new = rest.get(usize::try_from(known).unwrap_or_default()..).unwrap_or_default();
        if new.is_empty() {
            let now_us = self.clock.as_ref().map(|clock| clock.now_us());
            let silent_us = now_us.zip(self.grown_us).map(|(now_us, grown_us)| now_us.saturating_sub(grown_us));
            return Ok(match silent_us {
                Some(..LINE_AWAITED_US) => {
                    // Nobody unparks this thread for us: it is a wait with a time-out.
                    std::thread::park_timeout(wait);
                    InputRead::Pending
                }
                _ => InputRead::End,
            });
        }
        bytes.extend_from_slice(new);
        self.at += new.len() as u64;
        self.grown_us = self.clock.as_ref().map(|clock| clock.now_us());
        Ok(InputRead::Bytes)
    }

    /// Reads what comes next, as the file has it.
    fn read_bytes(&mut self, bytes: &mut Vec<u8>, wait: Duration) -> Result<InputRead, ConnectorError> {
        if self.at >= self.end {
            return match self.ends_within_a_line {
                true => self.read_rest(bytes, wait).map_err(|source| cannot("read", &self.file, source)),
                false => Ok(InputRead::End),
            };
        }
        let read = (&mut self.opened).take(READ_BYTES.min(self.end - self.at)).read_to_end(bytes);
        match read.map_err(|source| cannot("read", &self.file, source))? {
            0 => Err(ConnectorError::Data(format!(
                "{} was truncated while it was read: it had {} bytes, and has {}",
                self.file.name, self.end, self.at
            ))),
            read => {
                self.at += read as u64;
                Ok(InputRead::Bytes)
            }
        }
    }
}

impl Input for FileInput {
    fn read(&mut self, buffer: &mut Vec<u8>, wait: Duration) -> Result<InputRead, ConnectorError> {
        let Some(mut decoding) = self.decoding.take() else { return self.read_bytes(buffer, wait) };
        let begin = buffer.len();
        let mut read = InputRead::Bytes;
        // Of some bytes it may be that they are not a character yet.
        while buffer.len() == begin && read == InputRead::Bytes {
            decoding.bytes.clear();
            read = match self.read_bytes(&mut decoding.bytes, wait) {
                Ok(read) => read,
                Err(error) => {
                    self.decoding = Some(decoding);
                    return Err(error);
                }
            };
            decoding.transcoder.push(&decoding.bytes, read == InputRead::End, buffer);
            decoding.taken.store(self.at, Ordering::Relaxed);
        }
        if read == InputRead::End {
            // What was appended since then is not read.
            self.ends_within_a_line = false;
        } else {
            self.decoding = Some(decoding);
        }
        Ok(if buffer.len() > begin { InputRead::Bytes } else { read })
    }
}

/// One byte of a file.
pub(super) fn byte_at(file: &File, at: u64) -> std::io::Result<u8> {
    let mut byte = [0];
    file.read_exact_at(&mut byte, at)?;
    Ok(byte[0])
}

/// So many bytes of a file, or those up to its end.
fn read_at(file: &File, at: u64, len: u64) -> std::io::Result<Vec<u8>> {
    let (mut bytes, mut read) = (vec![0; usize::try_from(len).unwrap_or_default()], 0);
    while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, at + read as u64) {
            Ok(0) => break,
            Ok(some) => read += some,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}
