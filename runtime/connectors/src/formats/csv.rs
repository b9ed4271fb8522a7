//! CSV records into columns. An empty field is null. Columns that are not asked for are not decoded, so what is wrong in them
//! is not seen.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, RecordBatch, RecordBatchOptions};
use arrow::csv::ReaderBuilder;
use arrow::csv::reader::Decoder;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use weir_core::connector::ConnectorError;
use weir_core::pipeline::did_you_mean;

use super::csv_fields::{has_bare_return, split};
use super::reader::Decode;
use super::records::Record;
use crate::options;
use weir_core::column_type::type_name;

const BARE_RETURN: &str = "it has a carriage return outside of quotes";

/// What a CSV input must have, before its header is known.
#[derive(Clone, Debug)]
pub(crate) struct CsvSource {
    /// Names the input in messages.
    pub(crate) name: String,
    pub(crate) delimiter: u8,
    /// The columns of the source.
    pub(crate) schema: SchemaRef,
    /// Those that are wanted, by index.
    pub(crate) projection: Vec<usize>,
}

/// Decodes the records of one input.
pub(crate) struct CsvDecoder {
    delimiter: u8,
    /// Every field of a record, under the type that its text is parsed as.
    file_schema: SchemaRef,
    /// The wanted fields: their place in a record and what they become.
    wanted: Vec<(usize, FieldRef)>,
    schema: SchemaRef,
    /// Kept from block to block, while it holds no rest of a failed one: for this many records.
    decoder: Option<(usize, Decoder)>,
}

impl CsvDecoder {
    /// For an input with this header line; without one the fields are the columns of the schema.
    pub(crate) fn new(source: &CsvSource, header: Option<&[u8]>) -> Result<Self, ConnectorError> {
        let names = match header {
            Some(header) => header_names(header, source.delimiter),
            None => source.schema.fields().iter().map(|field| field.name().clone()).collect(),
        };
        let mut file_fields: Vec<Field> = names.iter().map(|name| Field::new(name, DataType::Null, true)).collect();
        let mut places = Vec::with_capacity(source.schema.fields().len());
        for field in source.schema.fields() {
            let mut found = names.iter().enumerate().filter(|(_, name)| *name == field.name()).map(|(place, _)| place);
            let (place, another) = (found.next(), found.next());
            if another.is_some() {
                let (input, column) = (&source.name, field.name());
                let message = format!("{input}: its header has two columns {column:?}; leave it out with a `schema`");
                return Err(ConnectorError::Data(message));
            }
            let Some(place) = place else {
                let known: Vec<&str> = names.iter().map(String::as_str).collect();
                let near = did_you_mean(field.name(), &known);
                let (input, column) = (&source.name, field.name());
                return Err(ConnectorError::Data(format!("{input}: its header has no column {column:?}{near}")));
            };
            if let Some(file_field) = file_fields.get_mut(place) {
                *file_field = Field::new(field.name(), parsed_type(field.data_type()), true);
            }
            places.push(place);
        }
        let schema = options::project(&source.schema, &source.projection)?;
        let wanted =
            source.projection.iter().map(|column| (places[*column], Arc::new(source.schema.field(*column).clone())));
        Ok(Self {
            delimiter: source.delimiter,
            file_schema: Arc::new(Schema::new(file_fields)),
            wanted: wanted.collect(),
            schema,
            decoder: None,
        })
    }

    fn make(&self, places: Vec<usize>, rows_max: usize) -> Decoder {
        ReaderBuilder::new(Arc::clone(&self.file_schema))
            .with_delimiter(self.delimiter)
            .with_projection(places)
            .with_batch_size(rows_max)
            .build_decoder()
    }

    /// What is wrong with one field, if anything.
    fn explain_field(&self, record: &[u8], text: &[u8], place: usize, field: &Field) -> Option<String> {
        let problem = |text: &str| {
            let value = text.chars().take(60).collect::<String>();
            format!("column {:?}: {value:?} is not of the type {}", field.name(), type_name(field.data_type()))
        };
        let parsed = decode_records(&mut self.make(vec![place], 1), record, 1);
        match parsed.and_then(|rows| finish_column(rows.column(0), field.data_type())) {
            Ok(_) => None,
            Err(_) => Some(problem(&String::from_utf8_lossy(text))),
        }
    }
}

impl Decode for CsvDecoder {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn decode(&mut self, bytes: &[u8], records: &[Record]) -> Result<RecordBatch, ArrowError> {
        let (Some(first), Some(last)) = (records.first(), records.last()) else {
            return Ok(RecordBatch::new_empty(Arc::clone(&self.schema)));
        };
        let block = bytes.get(first.start..last.end).unwrap_or_default();
        let has_bare_return =
            |record: &Record| has_bare_return(bytes.get(record.start..record.end).unwrap_or_default(), self.delimiter);
        if block.contains(&b'\r') && records.iter().any(has_bare_return) {
            return Err(ArrowError::CsvError(BARE_RETURN.to_owned()));
        }
        // The decoder stops after as many records as it was made for, and the last block may be shorter.
        let mut decoder = match self.decoder.take() {
            Some((rows, decoder)) if rows == records.len() => decoder,
            _ => self.make(self.wanted.iter().map(|(place, _)| *place).collect(), records.len()),
        };
        let rows = decode_records(&mut decoder, block, records.len())?;
        let columns = rows.columns().iter().zip(&self.wanted);
        let columns: Result<Vec<_>, _> =
            columns.map(|(column, (_, field))| finish_column(column, field.data_type())).collect();
        let with_rows = RecordBatchOptions::new().with_row_count(Some(records.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns?, &with_rows)?;
        self.decoder = Some((records.len(), decoder));
        Ok(batch)
    }

    fn explain(&self, record: &[u8]) -> String {
        if has_bare_return(record, self.delimiter) {
            return BARE_RETURN.to_owned();
        }
        let fields = split(record, self.delimiter);
        let (has, expected) = (fields.len(), self.file_schema.fields().len());
        let plural = if has == 1 { "" } else { "s" };
        if has < expected {
            let missing = self.file_schema.field(has).name();
            return format!(
                "it has {has} field{plural} instead of {expected}; column {missing:?} is the first that is missing"
            );
        }
        if has > expected {
            return format!(
                "it has {has} fields instead of {expected}; the first that has no column is field {}",
                expected + 1
            );
        }
        let invalid = fields.iter().position(|field| std::str::from_utf8(field).is_err());
        if let Some(place) = invalid {
            return format!("column {:?} is not UTF-8", self.file_schema.field(place).name());
        }
        let mut wanted = self.wanted.iter();
        wanted
            .find_map(|(place, field)| self.explain_field(record, fields.get(*place)?, *place, field))
            .unwrap_or_else(|| "it cannot be read as a CSV record".to_owned())
    }
}

/// The names in a header line.
pub(crate) fn header_names(header: &[u8], delimiter: u8) -> Vec<String> {
    split(header, delimiter).iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}

/// The type that a field's text is parsed as.
fn parsed_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Binary => DataType::Utf8,
        other => other.clone(),
    }
}

/// Exactly `rows` records; what is left may only be the second half of a line end.
fn decode_records(decoder: &mut Decoder, block: &[u8], rows: usize) -> Result<RecordBatch, ArrowError> {
    let read = decoder.decode(block)?;
    let rest = block.get(read..).unwrap_or_default();
    match decoder.flush()? {
        Some(batch) if batch.num_rows() == rows && rest.iter().all(|byte| matches!(byte, b'\r' | b'\n')) => Ok(batch),
        _ => Err(ArrowError::CsvError("records and line ends do not correspond".to_owned())),
    }
}

/// From the type that text was parsed as to the column's own.
fn finish_column(parsed: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    if data_type != &DataType::Binary {
        return Ok(Arc::clone(parsed));
    }
    let mut bytes = BinaryBuilder::new();
    for text in parsed.as_string::<i32>() {
        match text.map(from_hex) {
            None => bytes.append_null(),
            Some(Some(value)) => bytes.append_value(value),
            Some(None) => return Err(ArrowError::ParseError("not hexadecimal digits".to_owned())),
        }
    }
    Ok(Arc::new(bytes.finish()) as Arc<dyn Array>)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    let pair = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}
