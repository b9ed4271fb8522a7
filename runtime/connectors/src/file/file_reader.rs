//! Reading one file of text from a place on, plain or compressed, and what its offsets are. A file that was changed before that place is
//! refused as far as it can be told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use weir_core::connector::{ConnectorError, Offset, Polled, SourceReader};
use weir_core::time::Clock;

use super::behind::behind;
use super::compressed_input::{CompressedInput, compression_of};
use super::file_input::{FileInput, byte_at};
use super::notices::Notices;
use super::paths::{InputFile, cannot};
use crate::formats::json_shape::JsonShape;
use crate::formats::read_options::TextFormat;
use crate::formats::reader::TextReader;
use crate::formats::records::{Input, Position, Records};
use crate::formats::transcoding::TextEncoding;

/// A file of text that is open at a place.
pub(super) struct OpenedFile {
    pub(super) input: Box<dyn Input>,
    pub(super) extent: Extent,
    /// The byte of text before the place.
    pub(super) before: Option<u8>,
}

/// How long a file is, and how much of it was read.
pub(super) struct Extent {
    /// The size of the file when it was opened.
    bytes: u64,
    /// Of a file that is compressed, or in another encoding: how much of it was read.
    taken: Option<Arc<AtomicU64>>,
}

/// Opens a file behind so many bytes of its text; `None`: it has fewer.
pub(super) fn open_at(
    file: &InputFile,
    at: u64,
    encoding: TextEncoding,
    clock: Option<Arc<dyn Clock>>,
) -> Result<Option<OpenedFile>, ConnectorError> {
    let bytes = file.metadata().map_err(|source| cannot("look at", file, source))?.len();
    let compression = compression_of(file).map_err(|source| cannot("read", file, source))?;
    if compression.is_none() && encoding == TextEncoding::Utf8 {
        if at > bytes {
            return Ok(None);
        }
        let mut before = None;
        if let Some(last) = at.checked_sub(1) {
            let read = file.open().and_then(|opened| byte_at(&opened, last));
            before = Some(read.map_err(|source| cannot("read", file, source))?);
        }
        let input = FileInput::open(file, at, encoding, clock).map_err(|source| cannot("open", file, source))?;
        return Ok(Some(OpenedFile { input: Box::new(input), extent: Extent { bytes, taken: None }, before }));
    }
    let (input, taken): (Box<dyn Input>, _) = match compression {
        Some(compression) => {
            let input = CompressedInput::open(file, compression, encoding)?;
            let taken = input.taken();
            (Box::new(input), Some(taken))
        }
        None => {
            let input = FileInput::open(file, 0, encoding, clock).map_err(|source| cannot("open", file, source))?;
            let taken = input.taken();
            (Box::new(input), taken)
        }
    };
    let extent = Extent { bytes, taken };
    Ok(behind(input, at)?.map(|(input, before)| OpenedFile { input, extent, before }))
}

/// An offset.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Place {
    byte: u64,
    line: u64,
    /// The last line was taken although it had no line end: the file counted as whole, and nothing in it is a record that follows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    open_line: bool,
    /// Of a file that is compressed or in another encoding, of which `byte` is a place in its text: the size that it had, or what was read
    /// of it, if that is more, as its last line has grown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compressed_bytes: Option<u64>,
    /// Of JSON that is not lines: what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    json: Option<JsonShape>,
}

/// Reads the rows of one file.
pub(super) struct FileReader {
    reader: TextReader,
    extent: Extent,
    /// An earlier run took its last line, without a line end.
    has_ended: bool,
    file: InputFile,
    notices: Arc<Notices>,
}

impl FileReader {
    /// Continues with a reader that stands behind the header, at an offset if there is one.
    ///
    /// # Errors
    /// If the file has no such offset, or no line begins there.
    pub(super) fn open(
        file: &InputFile,
        (format, encoding): (&TextFormat, TextEncoding),
        (mut reader, mut extent): (TextReader, Extent),
        offset: Option<&Offset>,
        clock: Arc<dyn Clock>,
        notices: Arc<Notices>,
    ) -> Result<Self, ConnectorError> {
        let mut has_ended = false;
        if let Some(offset) = offset {
            let begin = reader.position().byte;
            let gone = || ConnectorError::Data(format!("{} has no offset {offset}; was it replaced?", file.name));
            let place = serde_json::from_value::<Place>(offset.clone()).ok().filter(|place| place.byte >= begin);
            let place = place.filter(|place| place.is_within(&extent)).ok_or_else(gone)?;
            let Place { byte, line, open_line, json, .. } = place;
            let opened = open_at(file, byte, encoding, Some(clock))?.ok_or_else(gone)?;
            let (can_precede, what): (fn(u8) -> bool, _) = match json {
                None => (|before| before == b'\n', "line"),
                Some(_) => (|before| before.is_ascii_whitespace() || ends_value(before), "record"),
            };
            if !open_line && byte > begin && !opened.before.is_none_or(can_precede) {
                return Err(ConnectorError::Data(format!(
                    "{}: no {what} begins at byte {byte}, up to which the checkpoint has read it: the file was changed before that \
                     place. Put it back, or begin the job anew, without its checkpoints",
                    file.name
                )));
            }
            has_ended = open_line;
            extent = opened.extent;
            let position = Position { byte, line };
            let framing = format.framing_from(position, json);
            let records = Records::new(file.name.clone(), opened.input, framing, position);
            let records = if json.is_some() { records.behind(opened.before) } else { records };
            reader = reader.resume(records);
        }
        Ok(Self { reader, extent, has_ended, file: file.clone(), notices })
    }
}

/// Whether a value of JSON can end with this byte.
fn ends_value(byte: u8) -> bool {
    matches!(byte, b'}' | b']' | b'"') || byte.is_ascii_alphanumeric()
}

impl Place {
    /// Whether a file of this extent can be the one that it is a place of: one that was read as other text still is, and has not become shorter.
    fn is_within(&self, extent: &Extent) -> bool {
        match (self.compressed_bytes, &extent.taken) {
            (None, None) => self.byte <= extent.bytes,
            (Some(bytes), Some(_)) => bytes <= extent.bytes,
            _ => false,
        }
    }
}

impl SourceReader for FileReader {
    fn explain_malformed(&mut self, explain: bool) {
        self.reader.explain_malformed(explain);
    }

    fn poll(&mut self, rows_max: usize, wait: Duration) -> Result<Polled, ConnectorError> {
        let polled = if self.has_ended { Polled::End } else { self.reader.poll(rows_max, wait)? };
        if matches!(polled, Polled::End) {
            tell_appended(&self.file, &self.offset(), &self.notices);
        }
        Ok(polled)
    }

    fn locate(&self, row: usize) -> Option<(String, String)> {
        self.reader.locate(row)
    }

    fn offset(&self) -> Offset {
        let Position { byte, line } = self.reader.position();
        let open_line = self.has_ended || self.reader.has_taken_open_line();
        let taken = self.extent.taken.as_ref().map(|taken| taken.load(Ordering::Relaxed));
        let compressed_bytes = taken.map(|taken| taken.max(self.extent.bytes));
        serde_json::json!(Place { byte, line, open_line, compressed_bytes, json: self.reader.shape() })
    }

    fn progress(&self) -> Option<f64> {
        let taken = self.extent.taken.as_ref().map(|taken| taken.load(Ordering::Relaxed));
        let read = taken.unwrap_or_else(|| self.reader.position().byte);
        Some((read as f64 / self.extent.bytes.max(1) as f64).min(1.0))
    }
}

/// Says that a file has bytes behind the end that it was read to, at this offset, if it has.
pub(super) fn tell_appended(file: &InputFile, offset: &Offset, notices: &Notices) {
    let Ok(place) = Place::deserialize(offset) else { return };
    let end = place.compressed_bytes.unwrap_or(place.byte);
    let bytes = file.metadata().map_or(0, |metadata| metadata.len().saturating_sub(end));
    if bytes > 0 {
        let hint = if place.compressed_bytes.is_none() { "; `follow = true` reads a file that grows" } else { "" };
        notices.push(format!(
            "{}: {bytes} bytes were appended after it was read to its end, and are not read{hint}",
            file.name
        ));
    }
}
