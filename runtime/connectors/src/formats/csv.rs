//! CSV records into columns. A field is null if its text is one of those that stand for null, by default the empty one. Columns that are not asked for are not decoded, so what is wrong in them
//! is not seen.
//!
//! A block is decoded at once. Only if that fails, each of its records is checked by itself, and the good ones are decoded.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::csv::ReaderBuilder;
use arrow::csv::reader::Decoder;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use weir_core::connector::ConnectorError;
use weir_core::names::did_you_mean;

use super::csv_fields::{Dialect, fields, has_bare_return};
use super::csv_nulls::Nulls;
use super::csv_values::ValueCheck;
use super::encoding::NOT_UTF_8;
use super::reader::{BadRecord, Decode, Decoded};
use super::records::Record;
use crate::options;
use weir_core::column_type::type_name;

/// How CSV is read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CsvFormat {
    /// Whether the first record names the columns.
    pub(crate) header: bool,
    pub(crate) dialect: Dialect,
    pub(crate) nulls: Nulls,
}

/// Characters of a bad value that a message shows.
const VALUE_CHARS_MAX: usize = 60;

/// A byte that no text of UTF-8 has, for a reader that must have a quote: only such text is decoded.
const NO_QUOTE: u8 = 0xFF;

/// What a CSV input must have, before its header is known.
#[derive(Clone, Debug)]
pub(crate) struct CsvSource {
    /// Names the input in messages.
    pub(crate) name: String,
    pub(crate) dialect: Dialect,
    pub(crate) nulls: Nulls,
    /// The columns of the source.
    pub(crate) schema: SchemaRef,
    /// Those that are wanted, by index.
    pub(crate) projection: Vec<usize>,
}

/// Decodes the records of one input.
pub(crate) struct CsvDecoder {
    dialect: Dialect,
    nulls: Nulls,
    /// Every field of a record, under the type that its text is parsed as.
    file_schema: SchemaRef,
    wanted: Vec<Wanted>,
    schema: SchemaRef,
    /// Kept from block to block, while it holds no rest of a failed one: for this many records.
    decoder: Option<(usize, Decoder)>,
}

/// A field of a record that becomes a column.
struct Wanted {
    /// Its place in a record.
    place: usize,
    field: FieldRef,
    check: ValueCheck,
    /// For messages.
    type_name: String,
}

impl CsvDecoder {
    /// For an input with this header line; without one the fields are the columns of the schema.
    pub(crate) fn new(source: &CsvSource, header: Option<&[u8]>) -> Result<Self, ConnectorError> {
        let names = match header {
            Some(header) => header_names(header, source.dialect),
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
                return Err(ConnectorError::Option { message, span: None });
            }
            let Some(place) = place else {
                let known: Vec<&str> = names.iter().map(String::as_str).collect();
                let near = did_you_mean(field.name(), &known);
                let (input, column, found) = (&source.name, field.name(), listed(&known));
                let message = format!("{input}: its header has no column {column:?}{near}; it has {found}");
                return Err(ConnectorError::Option { message, span: None });
            };
            if let Some(file_field) = file_fields.get_mut(place) {
                let check = check(source, field)?;
                *file_field = Field::new(field.name(), check.parsed_type(field.data_type()), true);
            }
            places.push(place);
        }
        let schema = options::project(&source.schema, &source.projection)?;
        let wanted = source.projection.iter().map(|column| {
            let field = source.schema.field(*column);
            let check = check(source, field)?;
            let type_name = type_name(field.data_type());
            Ok(Wanted { place: places[*column], field: Arc::new(field.clone()), check, type_name })
        });
        Ok(Self {
            dialect: source.dialect,
            nulls: source.nulls.clone(),
            file_schema: Arc::new(Schema::new(file_fields)),
            wanted: wanted.collect::<Result<_, ConnectorError>>()?,
            schema,
            decoder: None,
        })
    }

    /// Records of which all must be rows.
    fn decode_good(&mut self, block: &[u8], rows: usize) -> Result<RecordBatch, ArrowError> {
        // The decoder stops after as many records as it was made for, and the last block may be shorter.
        let mut decoder = match self.decoder.take() {
            Some((made_for, decoder)) if made_for == rows => decoder,
            _ => self.new_decoder(rows)?,
        };
        let parsed = decode_records(&mut decoder, block, rows)?;
        let columns = parsed.columns().iter().zip(&self.wanted);
        let columns: Result<Vec<_>, _> =
            columns.map(|(column, wanted)| wanted.check.finish(column, wanted.field.data_type())).collect();
        let with_rows = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns?, &with_rows)?;
        self.decoder = Some((rows, decoder));
        Ok(batch)
    }

    /// Of blocks of so many records.
    fn new_decoder(&self, rows: usize) -> Result<Decoder, ArrowError> {
        let Dialect { delimiter, quote, comment } = self.dialect;
        let mut builder = ReaderBuilder::new(Arc::clone(&self.file_schema))
            .with_delimiter(delimiter)
            .with_quote(quote.unwrap_or(NO_QUOTE))
            .with_projection(self.wanted.iter().map(|wanted| wanted.place).collect())
            .with_batch_size(rows);
        if let Some(comment) = comment {
            builder = builder.with_comment(comment);
        }
        if let Some(pattern) = self.nulls.pattern() {
            builder = builder.with_null_regex(pattern.clone());
        }
        let mut decoder = builder.build_decoder();
        // It takes a byte order mark off the first bytes that it sees, and a block begins anywhere: here they are a blank line.
        decoder.decode(b"\n")?;
        Ok(decoder)
    }

    /// Why a record is no row; `None`: it is one. The reason is only put into words if it is to `explain`.
    fn problem(&self, record: &[u8], explain: bool) -> Option<String> {
        let reason = |words: &dyn Fn() -> String| Some(if explain { words() } else { String::new() });
        if has_bare_return(record, self.dialect) {
            return reason(&|| "it has a carriage return outside quotes".to_owned());
        }
        let fields: Vec<_> = fields(record, self.dialect).collect();
        let (has, expected) = (fields.len(), self.file_schema.fields().len());
        if has < expected {
            let (plural, missing) = (if has == 1 { "" } else { "s" }, self.file_schema.field(has).name());
            return reason(&|| {
                format!(
                    "it has {has} field{plural} instead of {expected}; column {missing:?} is the first that is missing"
                )
            });
        }
        if has > expected {
            let first = expected + 1;
            return reason(&|| {
                format!("it has {has} fields instead of {expected}; the first that has no column is field {first}")
            });
        }
        if let Some(place) = fields.iter().position(|field| std::str::from_utf8(field).is_err()) {
            return reason(&|| format!("column {:?} {NOT_UTF_8}", self.file_schema.field(place).name()));
        }
        self.wanted.iter().find_map(|Wanted { place, field, check, type_name }| {
            let text = fields.get(*place).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default();
            let why = match self.nulls.is_null(text) {
                true => None,
                false if text.is_empty() => check.misfit_of_nothing(),
                false => check.misfit(text),
            }?;
            reason(&|| {
                let end = text.char_indices().nth(VALUE_CHARS_MAX).map_or(text.len(), |(end, _)| end);
                format!("column {:?}: {:?} is not of the type {type_name}{why}", field.name(), &text[..end])
            })
        })
    }
}

impl Decode for CsvDecoder {
    fn decode(&mut self, bytes: &[u8], records: &[Record], explain: bool) -> Result<Decoded, ArrowError> {
        let (Some(first), Some(last)) = (records.first(), records.last()) else {
            return Ok(Decoded { rows: RecordBatch::new_empty(Arc::clone(&self.schema)), bad: Vec::new() });
        };
        let block = bytes.get(first.start..last.end).unwrap_or_default();
        let text = |record: &Record| bytes.get(record.start..record.end).unwrap_or_default();
        let has_bare_return =
            block.contains(&b'\r') && records.iter().any(|record| has_bare_return(text(record), self.dialect));
        // Arrow looks at the fields without what is between them, where two invalid ones can be one character.
        if !has_bare_return
            && std::str::from_utf8(block).is_ok()
            && let Ok(rows) = self.decode_good(block, records.len())
            && !rows.columns().iter().zip(&self.wanted).any(|(column, wanted)| wanted.check.may_be_beyond(column))
        {
            return Ok(Decoded { rows, bad: Vec::new() });
        }
        let (mut good, mut rows, mut bad) = (Vec::with_capacity(block.len()), 0, Vec::new());
        for record in records {
            match self.problem(text(record), explain) {
                Some(reason) => bad.push(BadRecord { record: *record, reason }),
                None => {
                    good.extend_from_slice(text(record));
                    rows += 1;
                }
            }
        }
        let rows = match rows {
            0 => RecordBatch::new_empty(Arc::clone(&self.schema)),
            rows => self.decode_good(&good, rows)?,
        };
        Ok(Decoded { rows, bad })
    }
}

/// Some names of a header, which may be as long as a record.
fn listed(names: &[&str]) -> String {
    const NAMES_MAX: usize = 20;
    let some: Vec<String> =
        names.iter().take(NAMES_MAX).map(|name| name.chars().take(VALUE_CHARS_MAX).collect()).collect();
    let more = names.len().saturating_sub(NAMES_MAX);
    format!("{}{}", some.join(", "), if more > 0 { format!(" and {more} more") } else { String::new() })
}

/// The names in a header line.
pub(crate) fn header_names(header: &[u8], dialect: Dialect) -> Vec<String> {
    fields(header, dialect).map(|name| String::from_utf8_lossy(&name).into_owned()).collect()
}

fn check(source: &CsvSource, field: &Field) -> Result<ValueCheck, ConnectorError> {
    ValueCheck::new(field.data_type()).map_err(|error| ConnectorError::Data(format!("{}: {error}", source.name)))
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
