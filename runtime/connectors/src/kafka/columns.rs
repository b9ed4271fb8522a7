//! Columns that are not in a message's value but beside it: key, partition, offset, timestamp, headers.

use std::sync::Arc;

use arrow::array::builder::{BinaryBuilder, ListBuilder, StringBuilder, StructBuilder};
use arrow::array::{ArrayRef, Int32Array, Int64Array, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use serde::Deserialize;
use weir_core::time::EVENT_TIMES_US;

/// What the key of a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum KeyFormat {
    /// One JSON object, with all columns of the key.
    Json,
    /// The only column of the key, as it is.
    Text,
}

/// What a metadata column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Metadata {
    /// The key as text; a message whose key is not UTF-8 is malformed.
    Key,
    /// The key's bytes.
    KeyBinary,
    /// The partition's number.
    Partition,
    /// The offset in its partition.
    Offset,
    /// When the message was made, or appended: the topic's `message.timestamp.type` says which.
    Timestamp,
    /// `list<struct<name: utf8, value: binary>>`, in the message's order.
    Headers,
}

impl Metadata {
    /// The type of its column.
    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::Key => DataType::Utf8,
            Self::KeyBinary => DataType::Binary,
            Self::Partition => DataType::Int32,
            Self::Offset => DataType::Int64,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Headers => DataType::new_list(DataType::Struct(header_fields()), true),
        }
    }
}

fn header_fields() -> Fields {
    Fields::from(vec![Field::new("name", DataType::Utf8, true), Field::new("value", DataType::Binary, true)])
}

/// The values of one metadata column, message by message.
#[derive(Debug)]
pub(crate) enum MetadataColumn {
    Key(StringBuilder),
    KeyBinary(BinaryBuilder),
    /// The same for all.
    Partition(i32, usize),
    Offset(Vec<i64>),
    Timestamp(Vec<Option<i64>>),
    Headers(ListBuilder<StructBuilder>),
}

/// The name and the value of a header.
pub(crate) type Header<'a> = (&'a str, Option<&'a [u8]>);

/// The parts of a message that are not its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beside<'a> {
    pub(crate) offset: i64,
    /// Milliseconds since 1970.
    pub(crate) timestamp_ms: Option<i64>,
    pub(crate) key: Option<&'a [u8]>,
    /// Looked at only if a column asks for them; `None`: their names are no text.
    pub(crate) headers: Option<&'a [Header<'a>]>,
}

impl MetadataColumn {
    /// Without a value so far.
    pub(crate) fn new(what: Metadata, partition: i32) -> Self {
        match what {
            Metadata::Key => Self::Key(StringBuilder::new()),
            Metadata::KeyBinary => Self::KeyBinary(BinaryBuilder::new()),
            Metadata::Partition => Self::Partition(partition, 0),
            Metadata::Offset => Self::Offset(Vec::new()),
            Metadata::Timestamp => Self::Timestamp(Vec::new()),
            Metadata::Headers => {
                let fields = StructBuilder::from_fields(header_fields(), 0);
                Self::Headers(ListBuilder::new(fields))
            }
        }
    }

    /// Takes that of one message. Text that is no text becomes null: [`MetadataColumn::refuse`] is asked before.
    pub(crate) fn push(&mut self, message: &Beside<'_>) {
        match self {
            Self::Key(keys) => keys.append_option(message.key.and_then(|key| std::str::from_utf8(key).ok())),
            Self::KeyBinary(keys) => keys.append_option(message.key),
            Self::Partition(_, rows) => *rows += 1,
            Self::Offset(offsets) => offsets.push(message.offset),
            Self::Timestamp(times) => times.push(message.timestamp_ms.and_then(|ms| ms.checked_mul(1_000))),
            Self::Headers(headers) => {
                for (name, value) in message.headers.unwrap_or_default() {
                    let header = headers.values();
                    if let Some(names) = header.field_builder::<StringBuilder>(0) {
                        names.append_value(name);
                    }
                    if let Some(values) = header.field_builder::<BinaryBuilder>(1) {
                        values.append_option(*value);
                    }
                    header.append(true);
                }
                headers.append(true);
            }
        }
    }

    /// Why a message has no value for this column.
    pub(crate) fn refuse(&self, message: &Beside<'_>) -> Option<&'static str> {
        match (self, message.key) {
            (Self::Key(_), Some(key)) if std::str::from_utf8(key).is_err() => {
                Some("its key is not UTF-8; have it as \"key-binary\"")
            }
            (Self::Headers(_), _) if message.headers.is_none() => Some("the name of a header is not UTF-8"),
            (Self::Timestamp(_), _) => match message.timestamp_ms.map(|ms| ms.checked_mul(1_000)) {
                Some(us) if !us.is_some_and(|us| EVENT_TIMES_US.contains(&us)) => {
                    Some("its timestamp is outside of what times can be")
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// The column; afterwards it is empty again.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Key(keys) => Arc::new(keys.finish()),
            Self::KeyBinary(keys) => Arc::new(keys.finish()),
            Self::Partition(partition, rows) => Arc::new(Int32Array::from_value(*partition, std::mem::take(rows))),
            Self::Offset(offsets) => Arc::new(Int64Array::from(std::mem::take(offsets))),
            Self::Timestamp(times) => {
                Arc::new(TimestampMicrosecondArray::from(std::mem::take(times)).with_timezone("UTC"))
            }
            Self::Headers(headers) => Arc::new(headers.finish()),
        }
    }
}
