//! Many messages of one partition into columns at once. A message is one record; one that is no row is set aside as
//! `TOPIC/PARTITION@OFFSET`, and the others are processed. Nothing here knows a broker.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryArray, RecordBatch, RecordBatchOptions, StringArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use weir_core::batch::RowKinds;
use weir_core::connector::{ConnectorError, Malformed, Polled};

use super::columns::{Beside, Metadata, MetadataColumn};
use super::decoding::{Decoding, Part};
use super::keyed::{KeySpec, Keys};
use crate::formats::csv::CsvFormat;
use crate::formats::csv_fields::{CsvEnd, Dialect, find_end};
use crate::formats::read_options::TextFormat;
use crate::formats::records::{Record, shorten};
use crate::options;

/// What the value of a message is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ValueFormat {
    /// One record.
    Text(TextFormat),
    /// The only column.
    Raw,
}

/// The columns of a source: first those of the value, then the metadata.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    pub(crate) format: ValueFormat,
    /// All of them.
    pub(crate) schema: SchemaRef,
    /// How many are of the value.
    pub(crate) of_value: usize,
    /// What those after them hold.
    pub(crate) metadata: Vec<Metadata>,
    /// How keys are read, if the newest message of each counts.
    pub(crate) key: Option<KeySpec>,
    /// Whether values, and such keys, are in envelopes.
    pub(crate) is_enveloped: bool,
    /// Whether messages without a value are left out.
    pub(crate) skips_tombstones: bool,
}

/// Gathers messages of one partition until they are asked for as rows.
pub(crate) struct Messages {
    /// `TOPIC/PARTITION`.
    split: String,
    schema: SchemaRef,
    value: Value,
    /// Where the wanted columns come from.
    places: Vec<Place>,
    metadata: Vec<MetadataColumn>,
    keys: Option<Keys>,
    no_value: &'static str,
    skips_tombstones: bool,
    /// Messages that were left out since rows were made last.
    skipped: usize,
    /// What the rows do that were made last.
    kinds: Option<RowKinds>,
    /// The values, each with a line end.
    bytes: Vec<u8>,
    /// Of the gathered messages: where their values are, by their number in `line`.
    records: Vec<Record>,
    /// The offset of each.
    offsets: Vec<i64>,
    /// Raw: whether a value is there.
    present: Vec<bool>,
    malformed: Vec<Malformed>,
    /// What was delivered last.
    delivered: Delivered,
    /// Whether malformed records are described.
    explains: bool,
}

/// Messages of which the rows were made that were delivered last.
#[derive(Default)]
struct Delivered {
    bytes: Vec<u8>,
    records: Vec<Record>,
    offsets: Vec<i64>,
    /// Those that are no rows, by their number; ascending.
    bad: Vec<u64>,
}

impl Delivered {
    /// The offset and the value of a row.
    fn row(&self, row: usize) -> Option<(i64, &[u8])> {
        let is_row = |record: &&Record| self.bad.binary_search(&record.line).is_err();
        let record = match self.bad.is_empty() {
            true => self.records.get(row),
            false => self.records.iter().filter(is_row).nth(row),
        }?;
        let offset = self.offsets.get(usize::try_from(record.line).ok()?)?;
        Some((*offset, self.bytes.get(record.start..record.end).unwrap_or_default()))
    }
}

/// A column that is wanted: of the value, of the key, or of the metadata.
enum Place {
    Value(usize),
    Key(usize),
    Metadata(usize),
}

enum Value {
    /// No column of it is wanted: it is not looked into.
    Unread {
        tombstones: bool,
    },
    Text {
        decoding: Decoding,
        csv: Option<Dialect>,
    },
    Raw(DataType),
}

const TOMBSTONE: &str = "it has no value (a tombstone): set `changelog = \"upsert\"`, where it deletes its key, `tombstones = \"skip\"`, or \
                         `format = \"raw\"`, where it is null";
/// What stands for the value of a message that has none: all its columns are null.
const NO_VALUE: [&str; 2] = ["{}\n", "{\"payload\":{}}\n"];

impl Messages {
    /// For these columns of a source, from this partition.
    ///
    /// # Errors
    /// [`ConnectorError::Data`] if there is no such column.
    pub(crate) fn new(
        columns: &Columns,
        topic: &str,
        partition: i32,
        projection: &[usize],
    ) -> Result<Self, ConnectorError> {
        let split = format!("{topic}/{partition}");
        let schema = options::project(&columns.schema, projection)?;
        let (mut of_value, mut of_key, mut metadata, mut places) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for column in projection {
            match column.checked_sub(columns.of_value).and_then(|place| columns.metadata.get(place)) {
                Some(what) => {
                    places.push(Place::Metadata(metadata.len()));
                    metadata.push(MetadataColumn::new(*what, partition));
                }
                None if columns.key.as_ref().is_some_and(|key| key.columns.contains(column)) => {
                    places.push(Place::Key(of_key.len()));
                    of_key.push(*column);
                }
                None => {
                    places.push(Place::Value(of_value.len()));
                    of_value.push(*column);
                }
            }
        }
        let of_source: Vec<usize> = (0..columns.of_value).collect();
        let source_schema = options::project(&columns.schema, &of_source)?;
        let value = match &columns.format {
            format if of_value.is_empty() => Value::Unread { tombstones: *format == ValueFormat::Raw },
            ValueFormat::Raw => Value::Raw(columns.schema.field(0).data_type().clone()),
            ValueFormat::Text(format) => {
                let csv = match format {
                    TextFormat::Csv(CsvFormat { dialect, .. }) => Some(*dialect),
                    TextFormat::Json | TextFormat::Lines { .. } => None,
                };
                let decoding = Decoding::new(&split, format, &source_schema, &of_value, columns.is_enveloped)?;
                Value::Text { decoding, csv }
            }
        };
        let keys = columns.key.as_ref();
        let keys = keys.map(|key| Keys::new(&split, key, &source_schema, &of_key, columns.is_enveloped)).transpose()?;
        let no_value = NO_VALUE[usize::from(columns.is_enveloped)];
        Ok(Self {
            split,
            schema,
            value,
            places,
            metadata,
            keys,
            no_value,
            skips_tombstones: columns.skips_tombstones,
            skipped: 0,
            kinds: None,
            bytes: Vec::new(),
            records: Vec::new(),
            offsets: Vec::new(),
            present: Vec::new(),
            malformed: Vec::new(),
            delivered: Delivered::default(),
            explains: true,
        })
    }

    /// As [`weir_core::connector::SourceReader::explain_malformed`].
    pub(crate) fn explain_malformed(&mut self, explain: bool) {
        self.explains = explain;
    }

    /// Takes a message.
    pub(crate) fn push(&mut self, value: Option<&[u8]>, beside: &Beside<'_>) {
        if value.is_none() && self.skips_tombstones {
            self.skipped += 1;
            return;
        }
        if let Some(reason) = self.refuse(value, beside) {
            let malformed = self.malformed_at(beside.offset, value.unwrap_or_default(), &reason);
            self.malformed.push(malformed);
            return;
        }
        let start = self.bytes.len();
        match (&self.value, value) {
            (Value::Unread { .. }, _) => {}
            (Value::Raw(_), value) => {
                self.bytes.extend_from_slice(value.unwrap_or_default());
                self.present.push(value.is_some());
            }
            (Value::Text { .. }, None) => self.bytes.extend_from_slice(self.no_value.as_bytes()),
            (Value::Text { .. }, Some(value)) => {
                self.bytes.extend_from_slice(without_line_end(value));
                self.bytes.push(b'\n');
            }
        }
        self.records.push(Record { start, end: self.bytes.len(), line: self.offsets.len() as u64 });
        self.offsets.push(beside.offset);
        self.metadata.iter_mut().for_each(|column| column.push(beside));
        if let Some(keys) = &mut self.keys {
            keys.push(beside.key, value.is_none());
        }
    }

    /// Why a message is no row, as far as it can be seen without decoding it.
    fn refuse(&self, value: Option<&[u8]>, beside: &Beside<'_>) -> Option<Cow<'static, str>> {
        if let Some(reason) = self.metadata.iter().find_map(|column| column.refuse(beside)) {
            return Some(reason.into());
        }
        let is_deletion = match self.keys.as_ref() {
            Some(keys) => match keys.refuse(beside.key) {
                Some(reason) => return Some(reason.into()),
                None => value.is_none(),
            },
            None => false,
        };
        let reason = match (&self.value, value) {
            (Value::Unread { tombstones: false } | Value::Text { .. }, None) if !is_deletion => Some(TOMBSTONE),
            (Value::Text { csv: Some(dialect), .. }, Some(value)) => {
                (!is_one_csv_record(without_line_end(value), *dialect)).then_some("it is not exactly one CSV record")
            }
            (Value::Raw(DataType::Utf8), Some(value)) => {
                std::str::from_utf8(value).is_err().then_some("it is not UTF-8; have it as \"binary\"")
            }
            _ => None,
        };
        reason.map(Cow::Borrowed)
    }

    fn malformed_at(&self, offset: i64, value: &[u8], reason: &str) -> Malformed {
        if !self.explains {
            return Malformed::default();
        }
        Malformed { at: format!("{}@{offset}", self.split), record: shorten(value), reason: reason.to_owned() }
    }

    /// As [`weir_core::connector::SourceReader::locate`].
    pub(crate) fn locate(&self, row: usize) -> Option<(String, String)> {
        let (offset, value) = self.delivered.row(row)?;
        Some((format!("{}@{offset}", self.split), shorten(value)))
    }

    /// Whether a column holds headers.
    pub(crate) fn has_headers(&self) -> bool {
        self.metadata.iter().any(|column| matches!(column, MetadataColumn::Headers(_)))
    }

    /// What the rows do that were made last, if they do not all come anew.
    pub(crate) fn kinds(&self) -> Option<RowKinds> {
        self.kinds.clone()
    }

    /// How many messages were gathered, and how many bytes their values have.
    pub(crate) fn gathered(&self) -> (usize, usize) {
        (self.offsets.len() + self.malformed.len() + self.skipped, self.bytes.len())
    }

    /// What was gathered, as rows and malformed records.
    ///
    /// # Errors
    /// [`ConnectorError::Data`] if columns cannot be put together.
    pub(crate) fn finish(&mut self) -> Result<Polled, ConnectorError> {
        self.delivered.bad.clear();
        self.skipped = 0;
        let rows = self.rows();
        std::mem::swap(&mut self.bytes, &mut self.delivered.bytes);
        std::mem::swap(&mut self.records, &mut self.delivered.records);
        std::mem::swap(&mut self.offsets, &mut self.delivered.offsets);
        self.bytes.clear();
        self.records.clear();
        self.offsets.clear();
        self.present.clear();
        let rows = rows.map_err(|error| ConnectorError::Data(format!("{}: {error}", self.split)))?;
        Ok(Polled::Batch { rows, malformed: std::mem::take(&mut self.malformed) })
    }

    fn rows(&mut self) -> Result<RecordBatch, ArrowError> {
        let messages = self.offsets.len();
        let none = || Part { columns: Vec::new(), bad: BTreeMap::new() };
        let mut value = match &mut self.value {
            Value::Unread { .. } => none(),
            Value::Raw(data_type) => {
                let column = raw_column(&mut self.bytes, &self.records, &self.present, data_type)?;
                Part { columns: vec![column], ..none() }
            }
            Value::Text { decoding, .. } => decoding.decode(&self.bytes, &self.records, self.explains)?,
        };
        let mut key = self.keys.as_mut().map_or_else(|| Ok(none()), |keys| keys.decode(self.explains))?;
        let mut metadata = Part { columns: self.metadata.iter_mut().map(MetadataColumn::finish).collect(), ..none() };
        let mut bad = value.bad.clone();
        key.bad.iter().for_each(|(message, reason)| {
            bad.entry(*message).or_insert_with(|| reason.clone());
        });
        [&mut value, &mut key, &mut metadata].into_iter().try_for_each(|part| part.without(&bad, messages))?;
        self.kinds = self.keys.as_mut().and_then(|keys| keys.finish(|message| !bad.contains_key(&message)));
        let columns = self.places.iter().map(|place| match place {
            Place::Value(place) => Arc::clone(&value.columns[*place]),
            Place::Key(place) => Arc::clone(&key.columns[*place]),
            Place::Metadata(place) => Arc::clone(&metadata.columns[*place]),
        });
        let with_rows = RecordBatchOptions::new().with_row_count(Some(messages - bad.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns.collect(), &with_rows)?;
        self.delivered.bad.extend(bad.keys());
        for (message, reason) in bad {
            let message = usize::try_from(message).unwrap_or(usize::MAX);
            let record = self.records.get(message);
            let value = record.and_then(|record| self.bytes.get(record.start..record.end)).unwrap_or_default();
            let malformed = self.malformed_at(self.offsets.get(message).copied().unwrap_or(-1), value, &reason);
            self.malformed.push(malformed);
        }
        Ok(batch)
    }
}

/// All values as one column; the bytes move into it.
fn raw_column(
    bytes: &mut Vec<u8>,
    records: &[Record],
    present: &[bool],
    data_type: &DataType,
) -> Result<ArrayRef, ArrowError> {
    let ends = records.iter().map(|record| i32::try_from(record.end));
    let offsets: Result<Vec<i32>, _> = std::iter::once(Ok(0)).chain(ends).collect();
    let offsets = offsets.map_err(|_| ArrowError::OffsetOverflowError(bytes.len()))?;
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    let values = Buffer::from_vec(std::mem::take(bytes));
    let nulls = present.contains(&false).then(|| NullBuffer::from(present.to_vec()));
    Ok(match data_type {
        DataType::Utf8 => Arc::new(StringArray::try_new(offsets, values, nulls)?) as Arc<dyn Array>,
        _ => Arc::new(BinaryArray::try_new(offsets, values, nulls)?),
    })
}

/// A value may end as a line does.
fn without_line_end(value: &[u8]) -> &[u8] {
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    value.strip_suffix(b"\r").unwrap_or(value)
}

/// The decoder of CSV finds records by itself: two in one message, or none, would shift those of the others.
fn is_one_csv_record(value: &[u8], dialect: Dialect) -> bool {
    if value.is_empty() {
        return false;
    }
    if !dialect.has_quote(value) {
        return !value.contains(&b'\n');
    }
    match find_end(value, dialect) {
        CsvEnd::Open { in_quotes } => !in_quotes,
        CsvEnd::At { .. } => false,
    }
}

#[cfg(test)]
mod tests;
