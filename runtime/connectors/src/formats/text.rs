//! Lines, or records of several lines, into one column of text or bytes. Text has no line end at its end, and `\n` between its lines;
//! bytes are as they are, but for the `\n` at the end.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, RecordBatch, RecordBatchOptions, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;

use super::encoding::NOT_UTF_8;
use super::reader::{BadRecord, Decode, Decoded};
use super::records::Record;

/// Decodes the records of one input.
pub(crate) struct TextDecoder {
    /// The one column, any number of times.
    schema: SchemaRef,
    is_raw: bool,
}

impl TextDecoder {
    /// For this column, which is of text or of bytes. `is_raw`: line ends within a record, and a `\r` at its end, are part of it.
    pub(crate) fn new(schema: SchemaRef, is_raw: bool) -> Self {
        Self { schema, is_raw }
    }

    /// The values of records.
    fn column(&self, bytes: &[u8], records: &[Record], data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        let mut values = Vec::with_capacity(records.iter().map(|record| record.end - record.start).sum());
        let mut offsets = Vec::with_capacity(records.len() + 1);
        offsets.push(0);
        for record in records {
            let record = bytes.get(record.start..record.end).unwrap_or_default();
            let record = record.strip_suffix(b"\n").unwrap_or(record);
            if self.is_raw {
                values.extend_from_slice(record);
            } else {
                push_text(&mut values, record.strip_suffix(b"\r").unwrap_or(record));
            }
            offsets.push(i32::try_from(values.len()).map_err(|_| ArrowError::OffsetOverflowError(values.len()))?);
        }
        let (offsets, values) = (OffsetBuffer::new(ScalarBuffer::from(offsets)), Buffer::from_vec(values));
        Ok(match data_type {
            DataType::Binary => Arc::new(BinaryArray::try_new(offsets, values, None)?),
            _ => Arc::new(StringArray::try_new(offsets, values, None)?),
        })
    }
}

/// Lines with `\n` between them.
fn push_text(values: &mut Vec<u8>, record: &[u8]) {
    if !record.contains(&b'\r') {
        return values.extend_from_slice(record);
    }
    let mut lines = record.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let is_last = lines.peek().is_none();
        values.extend_from_slice(if is_last { line } else { line.strip_suffix(b"\r").unwrap_or(line) });
        if !is_last {
            values.push(b'\n');
        }
    }
}

impl Decode for TextDecoder {
    fn decode(&mut self, bytes: &[u8], records: &[Record], explain: bool) -> Result<Decoded, ArrowError> {
        let text = |record: &Record| bytes.get(record.start..record.end).unwrap_or_default();
        let is_text = self.schema.fields().iter().any(|field| *field.data_type() == DataType::Utf8);
        let block = records.first().zip(records.last()).and_then(|(first, last)| bytes.get(first.start..last.end));
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        let is_good = !is_text || block.is_none_or(|block| std::str::from_utf8(block).is_ok());
        if !is_good {
            for record in records {
                match std::str::from_utf8(text(record)) {
                    Ok(_) => good.push(*record),
                    Err(_) => {
                        let reason = if explain { format!("it {NOT_UTF_8}") } else { String::new() };
                        bad.push(BadRecord { record: *record, reason });
                    }
                }
            }
        }
        let records = if is_good { records } else { &good };
        let columns = self.schema.fields().iter().map(|field| self.column(bytes, records, field.data_type()));
        let with_rows = RecordBatchOptions::new().with_row_count(Some(records.len()));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &with_rows)?;
        Ok(Decoded { rows, bad })
    }
}
