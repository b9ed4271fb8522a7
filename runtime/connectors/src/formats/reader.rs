//! Records into rows, block by block. Knows no format: a [`Decode`] tells the records of a block that are rows from the others.

use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use weir_core::connector::{ConnectorError, Malformed, Polled};

use super::json_shape::JsonShape;
use super::records::{Position, Record, Records, shorten};

/// Turns records of one format into columns.
pub(crate) trait Decode: Send {
    /// The rows of those records that are rows, and the others. The records are places in `bytes`, in order. Which of them are
    /// rows does not depend on what is beside them. Reasons are only given if it is to `explain`.
    fn decode(&mut self, bytes: &[u8], records: &[Record], explain: bool) -> Result<Decoded, ArrowError>;
}

/// What a block of records is.
pub(crate) struct Decoded {
    /// In the order of their records.
    pub(crate) rows: RecordBatch,
    /// In order.
    pub(crate) bad: Vec<BadRecord>,
}

/// A record that is no row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadRecord {
    pub(crate) record: Record,
    /// Names the column, if one value is wrong. Empty if no explanation was asked for.
    pub(crate) reason: String,
}

/// Makes the decoder of an input from its header line; from `None` if the input has no header line.
pub(crate) type MakeDecoder = Box<dyn FnOnce(Option<&[u8]>) -> Result<Box<dyn Decode>, ConnectorError> + Send>;

enum State {
    /// The header line was not read yet.
    Header(Option<MakeDecoder>),
    Rows(Box<dyn Decode>),
}

/// Reads the rows of one input.
pub(crate) struct TextReader {
    records: Records,
    state: State,
    /// Which of the records that were read last are rows, in order; `None`: all.
    rows: Option<Vec<Record>>,
    /// Whether malformed records are described.
    explains: bool,
}

impl TextReader {
    /// Over an input, from its beginning.
    pub(crate) fn new(records: Records, has_header: bool, make: MakeDecoder) -> Result<Self, ConnectorError> {
        let state = if has_header { State::Header(Some(make)) } else { State::Rows(make(None)?) };
        Ok(Self { records, state, rows: None, explains: true })
    }

    /// As [`weir_core::connector::SourceReader::explain_malformed`].
    pub(crate) fn explain_malformed(&mut self, explain: bool) {
        self.explains = explain;
    }

    /// Reads the header line, if there is one to come. `false`: it is not there yet, or there is none.
    pub(crate) fn read_header(&mut self, wait: Duration) -> Result<bool, ConnectorError> {
        let State::Header(make) = &mut self.state else { return Ok(true) };
        self.records.fill(1, wait)?;
        // Set aside before a header, it would have been the header: no line after it says what the columns are.
        if let Some(Malformed { at, reason, .. }) = self.records.take_malformed().into_iter().next() {
            let told =
                format!("{at}: the header is not a line of CSV: {reason}; is another `encoding` or line end needed?");
            return Err(ConnectorError::Data(told));
        }
        let Some(header) = self.records.framed().first() else { return Ok(false) };
        let header = self.records.bytes().get(header.start..header.end);
        if let Some(make) = make.take() {
            self.state = State::Rows(make(header)?);
        }
        self.records.consume();
        Ok(true)
    }

    /// Continues with the same decoder, over other records of the same input.
    pub(crate) fn resume(self, records: Records) -> Self {
        Self { records, ..self }
    }

    /// As [`weir_core::connector::SourceReader::poll`].
    pub(crate) fn poll(&mut self, rows_max: usize, wait: Duration) -> Result<Polled, ConnectorError> {
        if self.read_header(wait)? {
            self.records.fill(rows_max, wait)?;
        }
        self.take_framed()
    }

    /// As [`Records::has_open_record`].
    pub(crate) fn has_open_record(&self) -> bool {
        self.records.has_open_record()
    }

    /// The record that other lines may follow, as it is: as [`TextReader::poll`].
    pub(crate) fn poll_open_record(&mut self) -> Result<Polled, ConnectorError> {
        self.records.frame_open_record();
        self.take_framed()
    }

    fn take_framed(&mut self) -> Result<Polled, ConnectorError> {
        if let State::Rows(decoder) = &mut self.state {
            let malformed = self.records.take_malformed();
            if !self.records.framed().is_empty() || !malformed.is_empty() {
                let (polled, bad) = decode_framed(decoder.as_mut(), &self.records, malformed, self.explains)?;
                let is_row = |record: &&Record| bad.binary_search(&record.start).is_err();
                self.rows = (!bad.is_empty()).then(|| self.records.framed().iter().filter(is_row).copied().collect());
                self.records.consume();
                return Ok(polled);
            }
        }
        if self.records.is_done() {
            self.records.consume();
            return Ok(Polled::End);
        }
        Ok(Polled::Pending)
    }

    /// As [`Records::has_taken_open_line`].
    pub(crate) fn has_taken_open_line(&self) -> bool {
        self.records.has_taken_open_line()
    }

    /// As [`Records::begun_bytes`].
    pub(crate) fn begun_bytes(&self) -> usize {
        self.records.begun_bytes()
    }

    /// As [`weir_core::connector::SourceReader::locate`].
    pub(crate) fn locate(&self, row: usize) -> Option<(String, String)> {
        let (consumed, bytes) = self.records.consumed();
        let Record { start, end, line } = *self.rows.as_deref().unwrap_or(consumed).get(row)?;
        Some((format!("{}:{line}", self.records.name()), shorten(bytes.get(start..end)?)))
    }

    /// As [`Records::shape`].
    pub(crate) fn shape(&self) -> Option<JsonShape> {
        self.records.shape()
    }

    /// Where the next poll continues.
    pub(crate) fn position(&self) -> Position {
        self.records.position()
    }
}

/// All framed records, as rows or as malformed, and where those begin that are malformed.
fn decode_framed(
    decoder: &mut dyn Decode,
    records: &Records,
    mut malformed: Vec<Malformed>,
    explain: bool,
) -> Result<(Polled, Vec<usize>), ConnectorError> {
    let bytes = records.bytes();
    let Decoded { rows, bad } = decoder
        .decode(bytes, records.framed(), explain)
        .map_err(|error| ConnectorError::Data(format!("{}: {error}", records.name())))?;
    let bad_starts = bad.iter().map(|bad| bad.record.start).collect();
    malformed.extend(bad.into_iter().map(|BadRecord { record, reason }| match explain {
        true => Malformed {
            at: format!("{}:{}", records.name(), record.line),
            record: shorten(bytes.get(record.start..record.end).unwrap_or_default()),
            reason,
        },
        false => Malformed::default(),
    }));
    Ok((Polled::Batch { rows, malformed }, bad_starts))
}

#[cfg(test)]
mod tests;
