//! Where a record ends in bytes that begin with it. Holds no bytes, and knows no values.

use super::csv_fields::{CsvEnd, Dialect, find_end};
use super::extent::end_of_line;
use super::json_shape::JsonShape;
use super::record_start::RecordStart;

/// How records are delimited.
#[derive(Clone, Debug)]
pub(crate) enum Framing {
    /// By line ends; blank lines are none.
    Lines,
    /// As the first bytes say: [`Framing::Lines`] or [`Framing::Values`].
    Json,
    /// As values of JSON over any lines, which [`super::json_values`] finds.
    Values(JsonShape),
    /// By line ends outside of quotes.
    Csv(Dialect),
    /// By line ends, of which every one counts; with a start, of several lines. `is_raw`: a mark of UTF-8 is part of the first.
    Text { start: Option<RecordStart>, is_raw: bool },
}

/// What one look at bytes found.
pub(crate) enum Found {
    Record { len: usize, lines: u64 },
    Blank { len: usize },
    Incomplete { in_quotes: bool },
}

impl Found {
    /// How many bytes it takes, and how many lines.
    pub(crate) fn extent(&self) -> (usize, u64) {
        match self {
            Self::Record { len, lines } => (*len, *lines),
            Self::Blank { len } => (*len, 1),
            Self::Incomplete { .. } => (0, 0),
        }
    }
}

impl Framing {
    /// Of records of several lines: how they begin.
    pub(crate) fn start(&self) -> Option<&RecordStart> {
        match self {
            Self::Text { start, .. } => start.as_ref(),
            Self::Lines | Self::Json | Self::Values(_) | Self::Csv(_) => None,
        }
    }

    /// What the bytes begin with. `at_end`: nothing follows them.
    pub(crate) fn find(&self, bytes: &[u8], at_end: bool) -> Found {
        let line = end_of_line(bytes);
        match (self, line) {
            (Self::Text { start: Some(start), .. }, Some(len)) => find_start(bytes, len, start, at_end),
            (Self::Text { .. } | Self::Lines | Self::Json | Self::Values(_), None) => {
                Found::Incomplete { in_quotes: false }
            }
            (Self::Lines | Self::Json | Self::Values(_), Some(len))
                if bytes.iter().take(len).all(u8::is_ascii_whitespace) =>
            {
                Found::Blank { len }
            }
            (Self::Text { .. } | Self::Lines | Self::Json | Self::Values(_), Some(len)) => {
                Found::Record { len, lines: 1 }
            }
            (Self::Csv(dialect), line) => match line {
                Some(len) if matches!(&bytes[..len], [b'\n'] | [b'\r', b'\n']) => Found::Blank { len },
                Some(len) if dialect.is_comment(bytes) => Found::Blank { len },
                // Most lines have no quote at all, and then nothing needs to be looked at but the line end.
                Some(len) if !dialect.has_quote(&bytes[..len]) => Found::Record { len, lines: 1 },
                None if dialect.is_comment(bytes) || !dialect.has_quote(bytes) => {
                    Found::Incomplete { in_quotes: false }
                }
                _ => match find_end(bytes, *dialect) {
                    CsvEnd::At { len, lines } => Found::Record { len, lines },
                    CsvEnd::Open { in_quotes } => Found::Incomplete { in_quotes },
                },
            },
        }
    }
}

/// The record whose first line is so long: it ends where the next one begins.
fn find_start(bytes: &[u8], first: usize, start: &RecordStart, at_end: bool) -> Found {
    let (mut len, mut lines) = (first, 1);
    loop {
        let ahead = bytes.get(len..).unwrap_or_default();
        match start.begins(ahead) {
            Some(true) => return Found::Record { len, lines },
            None if at_end => return Found::Record { len, lines },
            None => return Found::Incomplete { in_quotes: false },
            Some(false) => match end_of_line(ahead) {
                Some(line) => (len, lines) = (len + line, lines + 1),
                None => return Found::Incomplete { in_quotes: false },
            },
        }
    }
}
