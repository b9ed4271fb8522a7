//! [`FileInput`]: the bytes of a file that is read once. What grows for ever is followed instead.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use weir_core::connector::ConnectorError;
use weir_core::time::Clock;

use super::paths::{InputFile, cannot};
use crate::formats::records::{Input, InputRead};

/// Bytes that are asked for at once.
const READ_BYTES: u64 = 256 << 10;
/// How long a file that grows is watched for the end of its last line.
const LINE_AWAITED_US: i64 = 1_000_000;

/// A file up to the end that it had when it was opened. If that is within a line, the rest of the line is read too, if it comes.
pub(super) struct FileInput {
    file: InputFile,
    opened: File,
    at: u64,
    end: u64,
    pub(super) ends_within_a_line: bool,
    /// When the line has grown last.
    grown_us: Option<i64>,
    /// `None`: nothing is waited for.
    clock: Option<Arc<dyn Clock>>,
}

impl FileInput {
    pub(super) fn open(file: &InputFile, at: u64, clock: Option<Arc<dyn Clock>>) -> std::io::Result<Self> {
        let mut opened = file.open()?;
        let end = opened.metadata()?.len();
        let ends_within_a_line = end > 0 && byte_at(&opened, end - 1)? != b'\n';
        opened.seek(SeekFrom::Start(at))?;
        Ok(Self { file: file.clone(), opened, at, end, ends_within_a_line, grown_us: None, clock })
    }

    /// Reads the rest of the line that the file had ended in.
    fn read_rest(&mut self, buffer: &mut Vec<u8>, wait: Duration) -> std::io::Result<InputRead> {
        let begin = buffer.len();
        if (&mut self.opened).take(READ_BYTES).read_to_end(buffer)? == 0 {
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
        if let Some(line_end) = buffer[begin..].iter().position(|byte| *byte == b'\n') {
            buffer.truncate(begin + line_end + 1);
            self.ends_within_a_line = false;
        }
        self.grown_us = self.clock.as_ref().map(|clock| clock.now_us());
        Ok(InputRead::Bytes)
    }
}

impl Input for FileInput {
    fn read(&mut self, buffer: &mut Vec<u8>, wait: Duration) -> Result<InputRead, ConnectorError> {
        if self.at >= self.end {
            return match self.ends_within_a_line {
                true => self.read_rest(buffer, wait).map_err(|source| cannot("read", &self.file, source)),
                false => Ok(InputRead::End),
            };
        }
        let read = (&mut self.opened).take(READ_BYTES.min(self.end - self.at)).read_to_end(buffer);
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

/// One byte of a file.
pub(super) fn byte_at(file: &File, at: u64) -> std::io::Result<u8> {
    let mut byte = [0];
    file.read_exact_at(&mut byte, at)?;
    Ok(byte[0])
}
