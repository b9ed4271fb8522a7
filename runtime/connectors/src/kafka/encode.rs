//! Rows into messages: a batch of `key`, `value` and one column a header, all of bytes. That batch is what is staged in a
//! checkpoint, and what is sent. Nothing here knows a broker.

use std::sync::Arc;

use arrow::array::{Array, ArrayBuilder, ArrayRef, AsArray, BinaryArray, BinaryBuilder, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use weir_core::connector::ConnectorError;
use weir_core::names::did_you_mean;

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
    key: Option<usize>,
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
        let key = options.key.as_deref().map(|name| find(schema, "key", name)).transpose()?;
        let headers: Result<Vec<usize>, _> = options.headers.iter().map(|name| find(schema, "headers", name)).collect();
        let headers = headers?;
        let is_raw = options.format.text().is_none();
        // The key of JSON and CSV stays a column of the value, as readers expect; raw has room for one column only.
        let is_elsewhere = |column: &usize| headers.contains(column) || (is_raw && key == Some(*column));
        let of_value: Vec<usize> = (0..schema.fields().len()).filter(|column| !is_elsewhere(column)).collect();
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
        let encoded = self.columns(rows).and_then(|columns| RecordBatch::try_new(Arc::clone(&self.staged), columns));
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

    fn columns(&self, rows: &RecordBatch) -> Result<Vec<ArrayRef>, ArrowError> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.staged.fields().len());
        if let Some(key) = self.key {
            columns.push(Arc::new(text(rows.schema_ref().field(key).name(), rows.column(key))?));
        }
        let of_value = rows.project(&self.of_value)?;
        columns.push(Arc::new(match self.format {
            Some(format) => lines(format, &of_value)?,
            None => text(of_value.schema_ref().field(0).name(), of_value.column(0))?,
        }));
        for header in &self.headers {
            columns.push(Arc::new(text(rows.schema_ref().field(*header).name(), rows.column(*header))?));
        }
        Ok(columns)
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
