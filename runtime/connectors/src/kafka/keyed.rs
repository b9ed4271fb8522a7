//! The keys of the messages of a topic in which the newest message of each key counts: their columns, and which messages delete theirs. It
//! knows no broker.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use serde::Deserialize;
use serde::de::IgnoredAny;
use weir_core::batch::{RowKind, RowKinds};
use weir_core::connector::ConnectorError;

use super::columns::KeyFormat;
use super::decoding::{Decoding, Part};
use crate::formats::read_options::TextFormat;
use crate::formats::records::Record;

/// How the keys of a topic are read.
#[derive(Clone, Debug)]
pub(crate) struct KeySpec {
    /// The columns of the key, among those of the value.
    pub(crate) columns: Vec<usize>,
    pub(crate) format: KeyFormat,
}

/// Gathers the keys of messages.
pub(super) struct Keys {
    names: Vec<String>,
    reading: Reading,
    is_enveloped: bool,
    bytes: Vec<u8>,
    records: Vec<Record>,
    /// Of each message, whether it deletes its key.
    deletes: Vec<bool>,
}

enum Reading {
    /// No column of the key is wanted.
    Unread,
    Json(Decoding),
    /// The only column.
    Text(DataType),
}

/// A key, as JSON.
type Object = HashMap<String, IgnoredAny>;

#[derive(Deserialize)]
struct Envelope {
    payload: Object,
}

impl Keys {
    /// Of a source with these columns, of which those of the key at `wanted` are.
    pub(super) fn new(
        name: &str,
        spec: &KeySpec,
        schema: &SchemaRef,
        wanted: &[usize],
        is_enveloped: bool,
    ) -> Result<Self, ConnectorError> {
        let names = spec.columns.iter().map(|column| schema.field(*column).name().clone()).collect();
        let reading = match (wanted, spec.format) {
            ([], _) => Reading::Unread,
            (wanted, KeyFormat::Json) => {
                Reading::Json(Decoding::new(name, &TextFormat::Json, schema, wanted, is_enveloped)?)
            }
            ([column, ..], KeyFormat::Text) => Reading::Text(schema.field(*column).data_type().clone()),
        };
        let is_enveloped = is_enveloped && spec.format == KeyFormat::Json;
        Ok(Self { names, reading, is_enveloped, bytes: Vec::new(), records: Vec::new(), deletes: Vec::new() })
    }

    /// Why a message has no key.
    pub(super) fn refuse(&self, key: Option<&[u8]>) -> Option<String> {
        let Some(key) = key else {
            return Some("it has no key, by which it would take the place of another".to_owned());
        };
        let named: Option<Object> = match (&self.reading, self.is_enveloped) {
            (Reading::Text(_), _) => {
                return std::str::from_utf8(key).is_err().then(|| "its key is not UTF-8".to_owned());
            }
            (_, true) => serde_json::from_slice(key).map(|Envelope { payload }| payload).ok(),
            (_, false) => serde_json::from_slice(key).ok(),
        };
        let Some(named) = named else {
            let what = if self.is_enveloped { "a JSON object with a payload" } else { "a JSON object" };
            return Some(format!("its key is not {what}"));
        };
        let missing = self.names.iter().find(|name| !named.contains_key(*name))?;
        Some(format!("its key has no {missing:?}"))
    }

    /// Takes the key of a message, which was not refused.
    pub(super) fn push(&mut self, key: Option<&[u8]>, deletes: bool) {
        if !matches!(self.reading, Reading::Unread) {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(key.unwrap_or_default());
            self.bytes.push(b'\n');
            self.records.push(Record { start, end: self.bytes.len(), line: self.records.len() as u64 });
        }
        self.deletes.push(deletes);
    }

    /// The columns of all keys that were taken.
    pub(super) fn decode(&mut self, explain: bool) -> Result<Part, ArrowError> {
        match &mut self.reading {
            Reading::Unread => Ok(Part { columns: Vec::new(), bad: [].into() }),
            Reading::Json(decoding) => decoding.decode(&self.bytes, &self.records, explain),
            Reading::Text(data_type) => texts(&self.bytes, &self.records, data_type),
        }
    }

    /// What the messages do, but for those that are no rows; afterwards it is empty.
    pub(super) fn finish(&mut self, is_row: impl Fn(u64) -> bool) -> Option<RowKinds> {
        self.bytes.clear();
        self.records.clear();
        let deletes = std::mem::take(&mut self.deletes);
        let rows = (0..).zip(&deletes).filter(|(message, _)| is_row(*message));
        let kind = |deletes: &bool| if *deletes { RowKind::Delete } else { RowKind::UpdateAfter };
        RowKinds::new(rows.map(|(_, deletes)| kind(deletes) as u8).collect())
    }
}

/// Texts as values of a type.
fn texts(bytes: &[u8], records: &[Record], data_type: &DataType) -> Result<Part, ArrowError> {
    let text = |record: &Record| {
        // Without the line end that was added.
        std::str::from_utf8(bytes.get(record.start..record.end - 1).unwrap_or_default()).ok()
    };
    let texts: ArrayRef = Arc::new(records.iter().map(text).collect::<StringArray>());
    let values = cast(&texts, data_type)?;
    let wrong = |record: &&Record| values.is_null(record.line as usize);
    let reason = |record: &Record| {
        let text = text(record).unwrap_or_default();
        (record.line, format!("its key {text:?} is no {}", weir_core::column_type::type_name(data_type)))
    };
    let bad = records.iter().filter(wrong).map(reason).collect();
    let mut part = Part { columns: vec![Arc::clone(&values)], bad: [].into() };
    part.without(&bad, records.len())?;
    part.bad = bad;
    Ok(part)
}
