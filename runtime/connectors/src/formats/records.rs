//! Bytes into records: where each begins and ends, and on which line. Knows the rule of a format's line ends, not its values.
//!
//! A record that is longer than [`RECORD_BYTES_MAX`], or whose quote is never closed, is set aside as malformed; the records
//! after it continue with the next line.

use std::time::Duration;

use weir_core::connector::{ConnectorError, Malformed};
use weir_core::limits::MALFORMED_BYTES_MAX;

use super::encoding;
use super::extent::{RECORD_BYTES_MAX, end_of_line};
use super::framing::{Found, Framing};
use super::json_shape::JsonShape;
use skipping::Skipping;

mod skipping;
mod values;

/// Bytes of the records of one batch, after which it is closed: wide records must not make a batch of gigabytes.
const BLOCK_BYTES_MAX: usize = 4 << 20;
const TOO_LONG: &str = "the record is longer than 1 MiB";
const UNCLOSED: &str = "a quote is opened and never closed";
/// How long one look at an input that gives nothing takes.
const LOOK_AHEAD_WAIT: Duration = Duration::from_secs(1);
/// The name of an input that is no file.
pub(crate) const PIPED: &str = "stdin";
/// What some editors put in front of UTF-8 text.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Where bytes come from.
pub(crate) trait Input: Send {
    /// Appends what comes next, waiting at most `wait` for it.
    fn read(&mut self, buffer: &mut Vec<u8>, wait: Duration) -> Result<InputRead, ConnectorError>;
}

/// What a read found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InputRead {
    /// At least one byte.
    Bytes,
    /// Nothing for now.
    Pending,
    /// Nothing any more.
    End,
}

/// One record in the bytes that [`Records::bytes`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) start: usize,
    /// After its line end.
    pub(crate) end: usize,
    /// The line that it begins on, from 1.
    pub(crate) line: u64,
}

/// Cuts an input into records. [`Records::fill`] looks ahead, [`Records::consume`] goes past what it found.
pub(crate) struct Records {
    /// Names the input in messages.
    name: String,
    input: Box<dyn Input>,
    framing: Framing,
    buffer: Vec<u8>,
    /// Where in the buffer the unconsumed bytes begin.
    start: usize,
    /// Where that is in the input, in bytes and in lines.
    position: Position,
    records: Vec<Record>,
    /// Those that were consumed last, as long as their bytes are there: from this place in the buffer.
    consumed: (usize, Vec<Record>),
    /// How far the framed records reach: bytes from `start`, lines.
    framed: (usize, u64),
    malformed: Vec<Malformed>,
    at_end: bool,
    /// Its first bytes were looked at.
    is_begun: bool,
    /// The last record had no line end; one was added.
    is_padded: bool,
    /// In the middle of a record that is too long.
    skipping: Option<Skipping>,
    /// Of an array: where its bracket is.
    array_begin: u64,
    /// The last byte that was read is no line end.
    is_within_line: bool,
}

/// A place in an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Position {
    /// Bytes before it.
    pub(crate) byte: u64,
    /// Its line, from 1.
    pub(crate) line: u64,
}

impl Position {
    pub(crate) const BEGIN: Self = Self { byte: 0, line: 1 };
}

/// What one step of framing did.
enum Step {
    Done,
    /// The bytes ahead are not a whole record.
    Missing,
    /// The framed records have to be consumed first.
    Blocked,
}

impl Records {
    /// Reads an input that stands at `position`.
    pub(crate) fn new(name: String, input: Box<dyn Input>, framing: Framing, position: Position) -> Self {
        Self {
            name,
            input,
            framing,
            buffer: Vec::new(),
            start: 0,
            position,
            records: Vec::new(),
            consumed: (0, Vec::new()),
            framed: (0, position.line),
            malformed: Vec::new(),
            at_end: false,
            is_begun: position != Position::BEGIN,
            is_padded: false,
            skipping: None,
            array_begin: 0,
            is_within_line: false,
        }
    }

    /// Behind this byte, where an input was read to its end before: a line end that it did not have is added anew.
    pub(crate) fn behind(self, before: Option<u8>) -> Self {
        Self { is_within_line: before.is_some_and(|before| before != b'\n'), ..self }
    }

    /// Its name, as messages have it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Frames up to `records_max` records from where it stands, waiting at most `wait` for the first. Fewer: there are no more
    /// for now (`false`), or the block is full.
    pub(crate) fn fill(&mut self, records_max: usize, wait: Duration) -> Result<bool, ConnectorError> {
        self.records.clear();
        self.framed = (0, self.position.line);
        let mut wait = wait;
        while self.records.len() < records_max && (self.framed.0 < BLOCK_BYTES_MAX || self.records.is_empty()) {
            match if let Some(at) = self.skipping.take() { self.skip(at) } else { self.frame_next() } {
                Step::Done => {}
                Step::Blocked => break,
                Step::Missing => {
                    let wait = std::mem::replace(&mut wait, Duration::ZERO);
                    if !self.more(if self.records.is_empty() { wait } else { Duration::ZERO })? {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }

    /// As [`Records::fill`], but waits for every record until there are no more: what it finds depends on the bytes alone, and not
    /// on when they come.
    pub(crate) fn look_ahead(&mut self, records_max: usize) -> Result<(), ConnectorError> {
        while !self.fill(records_max, LOOK_AHEAD_WAIT)? && !self.at_end {
            self.more(LOOK_AHEAD_WAIT)?;
        }
        Ok(())
    }

    /// Frames one record, passes over a blank line, or sets aside what is no record.
    fn frame_next(&mut self) -> Step {
        match self.framing {
            Framing::Json => return self.find_shape(),
            Framing::Values(shape) => return self.frame_value(shape),
            Framing::Lines | Framing::Csv(_) | Framing::Text { .. } => {}
        }
        let (at, line) = self.framed;
        let ahead = self.buffer.get(self.start + at..).unwrap_or_default();
        match self.framing.find(ahead, self.at_end) {
            Found::Blank { len } if len <= RECORD_BYTES_MAX => self.framed = (at + len, line + 1),
            Found::Record { len, lines } if len <= RECORD_BYTES_MAX => {
                self.records.push(Record { start: at, end: at + len, line });
                self.framed = (at + len, line + lines);
            }
            Found::Incomplete { .. } if ahead.is_empty() || (ahead.len() <= RECORD_BYTES_MAX && !self.at_end) => {
                return Step::Missing;
            }
            // A record is set aside when nothing is framed before it.
            _ if !self.records.is_empty() => return Step::Blocked,
            too_long @ (Found::Record { .. } | Found::Blank { .. }) => {
                let (len, lines) = too_long.extent();
                self.consume();
                self.set_aside(len, TOO_LONG);
                self.advance(len, self.position.line + lines);
            }
            Found::Incomplete { in_quotes: true } => {
                self.consume();
                // The quote may be the mistake: only its line is given up.
                let len = end_of_line(self.bytes()).unwrap_or(self.bytes().len());
                self.set_aside(len, UNCLOSED);
                self.advance(len, self.position.line + 1);
            }
            Found::Incomplete { in_quotes: false } => {
                self.consume();
                self.set_aside(usize::MAX, TOO_LONG);
                self.skipping = Some(Skipping::WithinLine);
            }
        }
        Step::Done
    }

    /// Reads more; `false`: there is nothing, for now or for ever. At the end an unfinished line is finished.
    fn more(&mut self, wait: Duration) -> Result<bool, ConnectorError> {
        if self.at_end {
            return Ok(false);
        }
        self.consumed.1.clear();
        self.buffer.drain(..self.start);
        self.start = 0;
        match self.input.read(&mut self.buffer, wait)? {
            InputRead::Pending => Ok(false),
            InputRead::Bytes => {
                self.is_within_line = self.buffer.last() != Some(&b'\n');
                if !self.is_begun {
                    self.begin()?;
                }
                Ok(true)
            }
            InputRead::End => {
                self.at_end = true;
                // What follows a value of JSON, its line end as well, is no part of it: all before may be consumed by now.
                let is_value = matches!(self.framing, Framing::Values(_));
                let is_within_line = !self.buffer.is_empty() || is_value;
                self.is_padded = is_within_line && self.is_within_line;
                if self.is_padded {
                    self.buffer.push(b'\n');
                }
                Ok(true)
            }
        }
    }

    /// Looks at the first bytes: goes past a mark of UTF-8, and refuses what is no text. As long as there are too few, none of them
    /// is a line end.
    fn begin(&mut self) -> Result<(), ConnectorError> {
        let name = Some(self.name.as_str()).filter(|name| *name != PIPED);
        if let Some(problem) = encoding::problem(name, &self.buffer) {
            return Err(ConnectorError::Data(problem));
        }
        let is_short_mark = self.buffer.len() < BYTE_ORDER_MARK.len() && BYTE_ORDER_MARK.starts_with(&self.buffer);
        self.is_begun = !is_short_mark && !encoding::is_undecided(&self.buffer);
        if self.buffer.starts_with(BYTE_ORDER_MARK) && !matches!(self.framing, Framing::Text { is_raw: true, .. }) {
            self.advance(BYTE_ORDER_MARK.len(), self.position.line);
        }
        Ok(())
    }

    /// Whether nothing is ahead but whole lines of a record that other lines may follow.
    pub(crate) fn has_open_record(&self) -> bool {
        let is_open = self.framing.start().is_some() && self.skipping.is_none() && self.records.is_empty();
        is_open && self.bytes().last() == Some(&b'\n')
    }

    /// Frames that record as it is.
    pub(crate) fn frame_open_record(&mut self) {
        if self.has_open_record() {
            let (end, line) = (self.bytes().len(), self.position.line);
            let lines = self.bytes().iter().filter(|byte| **byte == b'\n').count();
            self.records.push(Record { start: 0, end, line });
            self.framed = (end, line + lines as u64);
        }
    }

    /// The records that the last [`Records::fill`] found.
    pub(crate) fn framed(&self) -> &[Record] {
        &self.records
    }

    /// The bytes that the places of [`Records::framed`] are in.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Goes past the framed records.
    pub(crate) fn consume(&mut self) {
        let (bytes, line) = self.framed;
        self.consumed.0 = self.start;
        std::mem::swap(&mut self.consumed.1, &mut self.records);
        self.advance(bytes, line);
        self.records.clear();
    }

    /// The records that were consumed last, and their bytes; none, if something was read since then.
    pub(crate) fn consumed(&self) -> (&[Record], &[u8]) {
        (&self.consumed.1, self.buffer.get(self.consumed.0..).unwrap_or_default())
    }

    /// The records that are none; each is given once.
    pub(crate) fn take_malformed(&mut self) -> Vec<Malformed> {
        std::mem::take(&mut self.malformed)
    }

    /// What stands in front of the next record, with its place, if that is no record.
    pub(crate) fn obstacle(&self) -> Option<String> {
        if let Some(Malformed { at, reason, .. }) = self.malformed.first() {
            return Some(format!("{at}: {reason}"));
        }
        let (at, line) = self.framed;
        let ahead = self.bytes().get(at..).filter(|ahead| !ahead.is_empty())?;
        let is_open = matches!(self.framing.find(ahead, self.at_end), Found::Incomplete { in_quotes: true });
        is_open.then(|| format!("{}:{line}: {UNCLOSED}", self.name))
    }

    /// Whether there is nothing after the framed records.
    pub(crate) fn is_done(&self) -> bool {
        self.at_end && self.start + self.framed.0 >= self.buffer.len()
    }

    /// Where the first unconsumed record begins.
    pub(crate) fn position(&self) -> Position {
        if self.is_before_array() {
            return Position::BEGIN;
        }
        Position { byte: self.position.byte - u64::from(self.has_taken_open_line()), ..self.position }
    }

    /// How records follow each other from there on, if not as lines; `None` at the beginning, where the bytes say it.
    pub(crate) fn shape(&self) -> Option<JsonShape> {
        match self.framing {
            Framing::Values(shape) if !self.is_before_array() => Some(shape),
            _ => None,
        }
    }

    /// Whether no element of an array was read, or nothing of JSON of which the shape is not known.
    fn is_before_array(&self) -> bool {
        match self.framing {
            Framing::Json => true,
            Framing::Values(JsonShape::Array) => self.position.byte <= self.array_begin,
            _ => false,
        }
    }

    /// Whether the last record was taken although it had no line end.
    pub(crate) fn has_taken_open_line(&self) -> bool {
        self.is_padded && self.start >= self.buffer.len()
    }

    /// How many bytes behind that are a record that is not whole yet; 0 if records are framed.
    pub(crate) fn begun_bytes(&self) -> usize {
        if self.records.is_empty() { self.bytes().len() } else { 0 }
    }

    fn advance(&mut self, bytes: usize, line: u64) {
        self.start += bytes;
        self.position = Position { byte: self.position.byte + bytes as u64, line };
        self.framed = (0, line);
    }

    /// Reports the `len` bytes ahead.
    fn set_aside(&mut self, len: usize, reason: &str) {
        let ahead = self.bytes();
        let malformed = Malformed {
            at: format!("{}:{}", self.name, self.position.line),
            record: shorten(ahead.get(..len).unwrap_or(ahead)),
            reason: reason.to_owned(),
        };
        self.malformed.push(malformed);
    }
}

/// A record as messages show it: without its line end, at most [`weir_core::limits::MALFORMED_BYTES_MAX`] bytes.
pub(crate) fn shorten(record: &[u8]) -> String {
    let record = record.strip_suffix(b"\n").unwrap_or(record);
    let record = record.strip_suffix(b"\r").unwrap_or(record);
    let mut text = String::from_utf8_lossy(record.get(..MALFORMED_BYTES_MAX).unwrap_or(record)).into_owned();
    let end = (0..=text.len().min(MALFORMED_BYTES_MAX)).rev().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or(0));
    text
}
