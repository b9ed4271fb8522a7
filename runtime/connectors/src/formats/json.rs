//! JSON into columns: one object per record. A field that is missing is null; a field that no column asks for is ignored.
//!
//! A whole number may be written as text (`"12"`), as is usual for those beyond 2^53; a number with a fraction is no integer, and no
//! number is a date or a time. A key that is there twice makes its record malformed, if a column asks for it. A number or a bool becomes text where the column is utf8. Binary is hexadecimal digits.
//!
//! A block is decoded at once. Lines that are no object are looked for only if that fails; values that do not fit their columns
//! are found while columns are made.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use arrow::json::reader::Decoder;
use serde_json::Value;

use super::csv_values::ValueCheck;
use super::encoding::NOT_UTF_8;
use super::inference::{NUMBER_MARK, numbers_as_text, text_as_numbers};
use super::json_columns::{BadValues, Columns};
use super::json_objects::key_twice;
use super::reader::{BadRecord, Decode, Decoded};
use super::records::{Record, shorten};
use super::unlisted::Unlisted;
use weir_core::column_type::type_name;

/// Lines that [`ObjectCheck`] reads before it begins anew: few, because a line that is no object makes it begin anew, too.
const CHECKED_LINES_MAX: usize = 64;

/// Decodes the records of one input.
pub(crate) struct JsonDecoder {
    schema: SchemaRef,
    /// Each column once. Never without a column: rows without columns cannot be counted.
    parsed_schema: SchemaRef,
    /// Where in it the columns are.
    places: Vec<usize>,
    /// What the decoder could not read.
    bad_values: BadValues,
    /// Kept from block to block, while it holds no rest of a failed one: for this many records.
    decoder: Option<(usize, Decoder)>,
    /// Counts what the schema does not have, if that was inferred.
    unlisted: Option<Arc<Unlisted>>,
    /// Whether the decoder refuses what the schema does not have, so that nothing else has to look for it. Until it does.
    is_strict: bool,
}

impl JsonDecoder {
    /// For these columns.
    pub(crate) fn new(schema: SchemaRef, unlisted: Option<Arc<Unlisted>>) -> Self {
        let mut parsed: Vec<Field> = Vec::with_capacity(schema.fields().len());
        let mut places = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let place = parsed.iter().position(|known| known.name() == field.name());
            places.push(place.unwrap_or(parsed.len()));
            if place.is_none() {
                parsed.push(Field::new(field.name(), field.data_type().clone(), true));
            }
        }
        if parsed.is_empty() {
            parsed.push(null_column());
        }
        let is_strict = unlisted.as_ref().is_some_and(|unlisted| unlisted.columns() == parsed.len());
        let parsed_schema = Arc::new(Schema::new(parsed));
        Self { schema, parsed_schema, places, bad_values: BadValues::default(), decoder: None, unlisted, is_strict }
    }

    /// Lines of which each must be one object. Values that do not fit are null, and in `bad_values`.
    fn decode_objects<'a>(
        &mut self,
        rows: usize,
        lines: impl Iterator<Item = &'a [u8]>,
    ) -> Result<RecordBatch, ArrowError> {
        self.bad_values.clear();
        let (rows_max, mut decoder) = match self.decoder.take() {
            Some((rows_max, decoder)) if rows_max >= rows => (rows_max, decoder),
            _ => {
                let columns = Columns { schema: Arc::clone(&self.parsed_schema), bad_values: self.bad_values.clone() };
                let builder = ReaderBuilder::new(Arc::clone(&self.parsed_schema));
                let builder =
                    builder.with_batch_size(rows).with_coerce_primitive(true).with_strict_mode(self.is_strict);
                (rows, builder.with_decoder_factory(Arc::new(columns)).build_decoder()?)
            }
        };
        for line in lines {
            read_object(&mut decoder, line)?;
        }
        let decoded = decoder.flush()?.ok_or_else(|| ArrowError::JsonError("no object".to_owned()))?;
        self.decoder = Some((rows_max, decoder));
        Ok(decoded)
    }

    /// From the parsed columns to those that are asked for.
    fn finish(&self, parsed: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let columns = self.places.iter().map(|place| Arc::clone(parsed.column(*place))).collect();
        let with_rows = RecordBatchOptions::new().with_row_count(Some(parsed.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &with_rows)
    }

    /// Why a record is no row: by what it is, or by the value of the column at this place.
    fn explain(&self, bytes: &[u8], record: &Record, place: Option<usize>) -> String {
        let record_text = bytes.get(record.start..record.end).unwrap_or_default();
        let Ok(text) = std::str::from_utf8(record_text) else { return format!("it {NOT_UTF_8}") };
        // A line end would have errors at the end of the record be in the line below it.
        let line = text.trim_end();
        let value = match serde_json::from_str::<Value>(line) {
            Ok(value) => value,
            // A number that serde does not hold is JSON all the same.
            Err(error) => match serde_json::from_str(&numbers_as_text(line)) {
                Ok(value) if place.is_some() => value,
                _ => return not_json(&error, record.line),
            },
        };
        if !value.is_object() {
            return no_object(&value);
        }
        let Some(field) = place.and_then(|place| self.parsed_schema.fields().get(place)) else {
            return "it cannot be read as one JSON object".to_owned();
        };
        if let Some(key) = key_twice(&numbers_as_text(line)) {
            return format!("the key {key:?} is there twice");
        }
        // The value as it is written: serde rounds numbers.
        let value = serde_json::from_str::<Value>(&numbers_as_text(line)).unwrap_or(value);
        let value = value.get(field.name()).cloned().unwrap_or_default();
        let why = match (&value, ValueCheck::new(field.data_type())) {
            (Value::String(text), Ok(check)) if !text.starts_with(NUMBER_MARK) => check.misfit(text),
            _ => None,
        };
        let (value, name, why) =
            (text_as_numbers(&value.to_string()), type_name(field.data_type()), why.unwrap_or_default());
        format!("column {:?}: {} is not of the type {name}{why}", field.name(), shorten(value.as_bytes()))
    }
}

impl Decode for JsonDecoder {
    fn decode(&mut self, bytes: &[u8], records: &[Record], explain: bool) -> Result<Decoded, ArrowError> {
        let text = |record: &Record| bytes.get(record.start..record.end).unwrap_or_default();
        let (mut objects, mut bad) = (Cow::Borrowed(records), Vec::new());
        let nothing = RecordBatch::new_empty(Arc::clone(&self.schema));
        if records.is_empty() {
            return Ok(Decoded { rows: nothing, bad });
        }
        let mut parsed = self.decode_objects(records.len(), records.iter().map(text));
        if let Some(unlisted) = self.unlisted.clone()
            && !(self.is_strict && parsed.is_ok() && self.bad_values.is_empty())
        {
            unlisted.look(records.iter().map(text));
            if std::mem::take(&mut self.is_strict) {
                self.decoder = None;
                parsed = self.decode_objects(records.len(), records.iter().map(text));
            }
        }
        let parsed = match parsed {
            Ok(parsed) => parsed,
            Err(_) => {
                let schema = Arc::new(Schema::new(vec![null_column()]));
                let mut check = ObjectCheck { schema, decoder: None };
                let mut found = Vec::with_capacity(records.len());
                for record in records {
                    if check.is_object(text(record))? {
                        found.push(*record);
                    } else {
                        let reason = if explain { self.explain(bytes, record, None) } else { String::new() };
                        bad.push(BadRecord { record: *record, reason });
                    }
                }
                objects = Cow::Owned(found);
                if objects.is_empty() {
                    return Ok(Decoded { rows: nothing, bad });
                }
                self.decode_objects(objects.len(), objects.iter().map(text))?
            }
        };
        let places = self.bad_values.take(objects.len());
        let rows = self.finish(&parsed)?;
        if places.is_empty() {
            return Ok(Decoded { rows, bad });
        }
        let misfits = objects.iter().zip(&places).filter_map(|(record, place)| Some((record, (*place)?)));
        bad.extend(misfits.map(|(record, place)| {
            let reason = if explain { self.explain(bytes, record, Some(place)) } else { String::new() };
            BadRecord { record: *record, reason }
        }));
        bad.sort_by_key(|bad| bad.record.start);
        let fits: BooleanArray = places.iter().map(|place| Some(place.is_none())).collect();
        Ok(Decoded { rows: filter_record_batch(&rows, &fits)?, bad })
    }
}

/// Why a line is no object, and what makes lines of objects.
pub(crate) fn why_no_object(line: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(line) else { return format!("it {NOT_UTF_8}") };
    match serde_json::from_str::<Value>(text.trim_end()) {
        Ok(value @ Value::Array(_)) => no_object(&value) + "; `jq -c '.[]' FILE` makes one line of each object in it",
        Ok(value) => no_object(&value),
        Err(error) if error.is_eof() => {
            not_json(&error, 1)
                + "; if it continues in the next line: `jq -c . FILE` makes one line of each object, `jq -c '.[]' FILE` \
                                of each in an array"
        }
        Err(error) => not_json(&error, 1),
    }
}

fn no_object(value: &Value) -> String {
    format!("it is not an object, but {}", kind(value))
}

/// `first`: the line that the record begins on.
fn not_json(error: &serde_json::Error, first: u64) -> String {
    let place = format!(" at line {} column ", error.line());
    let shown = match error.line() {
        0 | 1 => " at character ".to_owned(),
        line => format!(" at line {}, character ", first + line as u64 - 1),
    };
    format!("it is not JSON: {error}").replace(&place, &shown)
}

/// Tells lines that are one object from others, as the decoder reads each of them by itself, values aside.
struct ObjectCheck {
    /// Of no column that a line could have.
    schema: SchemaRef,
    /// Without a rest of a line that is no object.
    decoder: Option<Decoder>,
}

impl ObjectCheck {
    fn is_object(&mut self, line: &[u8]) -> Result<bool, ArrowError> {
        let is_begun = line.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        if !is_begun || std::str::from_utf8(line).is_err() {
            return Ok(false);
        }
        let mut decoder = match self.decoder.take() {
            Some(decoder) if decoder.len() < CHECKED_LINES_MAX => decoder,
            _ => {
                let schema = Arc::clone(&self.schema);
                ReaderBuilder::new(schema).with_batch_size(CHECKED_LINES_MAX).build_decoder()?
            }
        };
        let is_object = read_object(&mut decoder, line).is_ok();
        self.decoder = is_object.then_some(decoder);
        Ok(is_object)
    }
}

/// Exactly one row: JSON itself would not mind two objects in a line, or one over two.
fn read_object(decoder: &mut Decoder, line: &[u8]) -> Result<(), ArrowError> {
    let rows = decoder.len() + 1;
    let read = decoder.decode(line)?;
    let rest = line.get(read..).unwrap_or_default();
    if decoder.len() != rows || decoder.has_partial_record() || !rest.iter().all(u8::is_ascii_whitespace) {
        return Err(ArrowError::JsonError("a line is not one object".to_owned()));
    }
    Ok(())
}

/// A column that is always null, where there must be one.
fn null_column() -> Field {
    Field::new("", DataType::Null, true)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a bool",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
