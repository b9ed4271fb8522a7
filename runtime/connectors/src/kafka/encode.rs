//! Rows into messages: a batch of `key`, `value` and one column a header, all of bytes. That batch is what is staged in a
//! checkpoint, and what is sent. Nothing here knows a broker.

use std::sync::Arc;

use arrow::array::{Array, ArrayBuilder, ArrayRef, AsArray, BinaryArray, BinaryBuilder, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use weir_core::connector::ConnectorError;
use weir_core::names::did_you_mean;

use super::columns::KeyFormat;
use super::options::{MessageFormat, SinkOptions};
use crate::formats::FormatName;
use crate::formats::csv_fields::{CsvEnd, Dialect, find_end};
use crate::formats::write::{TextWriter, check_calendar, check_writable};
use crate::formats::zone;
use weir_core::column_type::type_name;

/// The column of keys, and of values.
pub(super) const KEY: &str = "key";
pub(super) const VALUE: &str = "value";
/// What the name of a header's column begins with.
pub(super) const HEADER: &str = "header:";
/// Bytes that a message takes beside its key, value and headers, at most.
const OVERHEAD_BYTES_MAX: usize = 512;
/// As librdkafka has it.
const MESSAGE_BYTES_MAX_DEFAULT: usize = 1_000_000;

/// Makes messages of rows of one schema.
pub(super) struct Encoder {
    topic: String,
    staged: SchemaRef,
    /// The columns of the key, and how it is written; `None`: messages have none.
    key: Option<(Vec<usize>, KeyFormat)>,
    /// Whether a message without a key would be one that replaces nothing.
    is_keyed: bool,
    headers: Vec<usize>,
    /// The columns of the value.
    of_value: Vec<usize>,
    format: Option<FormatName>,
    message_bytes_max: usize,
}

impl Encoder {
    /// For rows with these columns.
    ///
    /// # Errors
    /// [`ConnectorError::Data`], naming the column that is not there or cannot be written.
    pub(super) fn new(options: &SinkOptions, schema: &Schema) -> Result<Self, ConnectorError> {
        let key = match (&options.upsert, &options.key) {
            (Some(upsert), _) => Some(upsert.columns.clone()),
            (None, Some(names)) => {
                Some(names.iter().map(|name| find(schema, "key", name)).collect::<Result<Vec<_>, _>>()?)
            }
            (None, None) => None,
        };
        let headers: Result<Vec<usize>, _> = options.headers.iter().map(|name| find(schema, "headers", name)).collect();
        let headers = headers?;
        let is_raw = options.format.text().is_none();
        // The key of JSON and CSV stays a column of the value, as readers expect; raw has room for one column only.
        let is_of_key = |column: &usize| key.as_ref().is_some_and(|key| key.contains(column));
        let is_elsewhere = |column: &usize| headers.contains(column) || (is_raw && is_of_key(column));
        let of_value: Vec<usize> = (0..schema.fields().len()).filter(|column| !is_elsewhere(column)).collect();
        if let (None, Some(_)) = (&key, options.key_format_asked) {
            return Err(ConnectorError::Data("`key-format` is set, and `key` is not".to_owned()));
        }
        let format = options.key_format;
        let key = key.map(|key| format.check(schema, &key).map(|()| (key, format))).transpose()?;
        match options.format.text() {
            Some(format) => check_writable(format, &schema.project(&of_value).unwrap_or_else(|_| schema.clone()))?,
            None => check_raw(schema, &of_value, options.format)?,
        }
        if of_value.is_empty() {
            return Err(ConnectorError::Data("every column is a header, and none is left for the value".to_owned()));
        }
        let bytes = |name: String| Field::new(name, DataType::Binary, true);
        let mut fields: Vec<Field> = key.iter().map(|_| bytes(KEY.to_owned())).collect();
        fields.push(bytes(VALUE.to_owned()));
        fields.extend(options.headers.iter().map(|name| bytes(format!("{HEADER}{name}"))));
        let message_bytes_max = options.config.get("message.max.bytes").and_then(|bytes| bytes.parse().ok());
        Ok(Self {
            topic: options.topic.clone(),
            staged: Arc::new(Schema::new(fields)),
            key,
            is_keyed: options.upsert.is_some(),
            headers,
            of_value,
            format: options.format.text(),
            message_bytes_max: message_bytes_max.unwrap_or(MESSAGE_BYTES_MAX_DEFAULT),
        })
    }

    /// The columns of what it makes.
    pub(super) fn staged_schema(&self) -> &SchemaRef {
        &self.staged
    }

    /// One message per row, in order.
    ///
    /// # Errors
    /// [`ConnectorError::Data`] if a row cannot be written, or is larger than a message may be: it is better refused now than when
    /// its checkpoint is complete.
    pub(super) fn encode(&self, rows: &RecordBatch) -> Result<RecordBatch, ConnectorError> {
        self.encode_present(rows, None)
    }

    /// As [`Encoder::encode`]; where `present` says null, the message has no value.
    ///
    /// # Errors
    /// As [`Encoder::encode`].
    pub(super) fn encode_present(
        &self,
        rows: &RecordBatch,
        present: Option<&NullBuffer>,
    ) -> Result<RecordBatch, ConnectorError> {
        let encoded =
            self.columns(rows, present).and_then(|columns| RecordBatch::try_new(Arc::clone(&self.staged), columns));
        let encoded = encoded.map_err(|error| ConnectorError::Data(format!("a row for {}: {error}", self.topic)))?;
        let columns: Vec<&BinaryArray> = encoded.columns().iter().map(|column| column.as_binary::<i32>()).collect();
        let size =
            |row| columns.iter().map(|column| usize::try_from(column.value_length(row)).unwrap_or(0)).sum::<usize>();
        let too_large =
            (0..encoded.num_rows()).map(size).find(|bytes| bytes + OVERHEAD_BYTES_MAX > self.message_bytes_max);
        match too_large {
            None => Ok(encoded),
            Some(bytes) => Err(ConnectorError::Data(format!(
                "a row for {} has {bytes} bytes, and a message may have {}; raise `properties = {{ \"message.max.bytes\" = .. }}` \
                 and the topic's max.message.bytes",
                self.topic, self.message_bytes_max
            ))),
        }
    }

    fn columns(&self, rows: &RecordBatch, present: Option<&NullBuffer>) -> Result<Vec<ArrayRef>, ArrowError> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.staged.fields().len());
        if let Some((key, format)) = &self.key {
            columns.push(Arc::new(self.keys(&rows.project(key)?, *format)?));
        }
        let of_value = rows.project(&self.of_value)?;
        let values = match self.format {
            Some(format) => lines(format, &of_value)?,
            None => text(of_value.schema_ref().field(0).name(), of_value.column(0))?,
        };
        columns.push(Arc::new(match present {
            None => values,
            Some(present) => {
                let (offsets, bytes, nulls) = values.into_parts();
                BinaryArray::try_new(offsets, bytes, NullBuffer::union(nulls.as_ref(), Some(present)))?
            }
        }));
        for header in &self.headers {
            columns.push(Arc::new(text(rows.schema_ref().field(*header).name(), rows.column(*header))?));
        }
        Ok(columns)
    }

    fn keys(&self, key: &RecordBatch, format: KeyFormat) -> Result<BinaryArray, ArrowError> {
        match format {
            KeyFormat::Json => lines(FormatName::Json, key),
            KeyFormat::Text => {
                let name = key.schema_ref().field(0).name().clone();
                let keys = text(&name, key.column(0))?;
                match self.is_keyed && keys.null_count() > 0 {
                    true => Err(ArrowError::InvalidArgumentError(format!(
                        "{name:?} is null, and a message without a key replaces none: set `key-format = \"json\"`"
                    ))),
                    false => Ok(keys),
                }
            }
        }
    }
}

impl KeyFormat {
    /// Whether a key of these columns can be written.
    fn check(self, schema: &Schema, key: &[usize]) -> Result<(), ConnectorError> {
        let columns = schema.project(key).map_err(|error| ConnectorError::Data(error.to_string()))?;
        match self {
            Self::Json => check_writable(FormatName::Json, &columns),
            Self::Text if key.len() == 1 => Ok(()),
            Self::Text => {
                let columns = key.len();
                let message = format!("a key of {columns} columns is no text: set `key-format = \"json\"`");
                Err(ConnectorError::Data(message))
            }
        }
    }
}

fn find(schema: &Schema, option: &str, name: &str) -> Result<usize, ConnectorError> {
    let Ok(column) = schema.index_of(name) else {
        let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let near = did_you_mean(name, &known);
        return Err(ConnectorError::Data(format!("`{option}` names the column {name:?}, which does not exist{near}")));
    };
    let data_type = schema.field(column).data_type();
    if data_type.is_nested() {
        let message = format!("`{option}` names the column {name:?}, whose type {} is not text", type_name(data_type));
        return Err(ConnectorError::Data(message));
    }
    Ok(column)
}

fn check_raw(schema: &Schema, of_value: &[usize], format: MessageFormat) -> Result<(), ConnectorError> {
    let is_text = format == MessageFormat::Text;
    let fits = |data_type: &DataType| *data_type == DataType::Utf8 || (!is_text && *data_type == DataType::Binary);
    match of_value {
        [column] if fits(schema.field(*column).data_type()) => Ok(()),
        _ => {
            let names: Vec<&str> = of_value.iter().map(|column| schema.field(*column).name().as_str()).collect();
            let (format, what) = if is_text { ("text", "text") } else { ("raw", "text or bytes") };
            Err(ConnectorError::Data(format!(
                "`format = \"{format}\"` writes one column of {what} beside key and headers, not {names:?}; \
                 choose it with a projection"
            )))
        }
    }
}

/// Every value as bytes: text and bytes as they are, everything else as CSV has it.
fn text(name: &str, column: &ArrayRef) -> Result<BinaryArray, ArrowError> {
    match column.data_type() {
        DataType::Binary => return Ok(column.as_binary::<i32>().clone()),
        DataType::Utf8 => return Ok(BinaryArray::from(column.as_string::<i32>().clone())),
        _ => {}
    }
    check_calendar(name, column)?;
    let printed = zone::relabel(column, &zone::for_printing(column.data_type()))?;
    let options = FormatOptions::new();
    let formatter = ArrayFormatter::try_new(&printed, &options)?;
    let mut values = BinaryBuilder::new();
    for row in 0..printed.len() {
        if printed.is_null(row) {
            values.append_null();
        } else {
            values.append_value(formatter.value(row).try_to_string()?);
        }
    }
    Ok(values.finish())
}

/// One line per row, without its line end.
fn lines(format: FormatName, rows: &RecordBatch) -> Result<BinaryArray, ArrowError> {
    let mut writer = TextWriter::resume(format, rows.schema_ref(), Vec::new());
    writer.write(rows)?;
    let text = writer.into_inner();
    let mut values = BinaryBuilder::with_capacity(rows.num_rows(), text.len());
    let mut rest = text.as_slice();
    while !rest.is_empty() {
        let len = match format {
            // JSON escapes line ends in text, and no line has one.
            FormatName::Json | FormatName::Text | FormatName::Raw => {
                rest.iter().position(|byte| *byte == b'\n').map(|at| at + 1)
            }
            FormatName::Csv => match find_end(rest, Dialect::STANDARD) {
                CsvEnd::At { len, .. } => Some(len),
                CsvEnd::Open { .. } => None,
            },
        };
        let (line, after) = rest.split_at(len.unwrap_or(rest.len()));
        values.append_value(line.strip_suffix(b"\n").unwrap_or(line));
        rest = after;
    }
    match values.len() == rows.num_rows() {
        true => Ok(values.finish()),
        false => Err(ArrowError::ComputeError(format!("{} rows became {} lines", rows.num_rows(), values.len()))),
    }
}

#[cfg(test)]
mod tests;
