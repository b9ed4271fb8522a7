//! JSON lines into columns: one object a line. A field that is missing is null; a field that no column asks for is passed over.
//!
//! A whole number may be written as text (`"12"`), as is usual for those beyond 2^53; a number with a fraction is no integer.
//! A number or a bool becomes text where the column is utf8. Binary is hexadecimal digits.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::builder::PrimitiveBuilder;
use arrow::array::types::{
    ArrowPrimitiveType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::kernels::cast_utils::Parser;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use arrow::json::reader::{ArrayDecoder, Decoder, DecoderContext, DecoderFactory, Tape, TapeElement};
use serde_json::Value;

use super::reader::Decode;
use super::records::Record;
use weir_core::column_type::type_name;

/// Decodes the records of one input.
pub(crate) struct JsonDecoder {
    schema: SchemaRef,
    /// Each column once. Never without a column: rows without columns cannot be counted.
    parsed_schema: SchemaRef,
    /// Where in it the columns are.
    places: Vec<usize>,
    /// Kept from block to block, while it holds no rest of a failed one: for this many records.
    decoder: Option<(usize, Decoder)>,
}

impl JsonDecoder {
    /// For these columns.
    pub(crate) fn new(schema: SchemaRef) -> Self {
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
            parsed.push(Field::new("", DataType::Null, true));
        }
        Self { schema, parsed_schema: Arc::new(Schema::new(parsed)), places, decoder: None }
    }
}

fn make(schema: SchemaRef, rows_max: usize) -> Result<Decoder, ArrowError> {
    ReaderBuilder::new(schema)
        .with_batch_size(rows_max)
        .with_coerce_primitive(true)
        .with_decoder_factory(Arc::new(WholeNumbers))
        .build_decoder()
}

impl Decode for JsonDecoder {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn decode(&mut self, bytes: &[u8], records: &[Record]) -> Result<RecordBatch, ArrowError> {
        if records.is_empty() {
            return Ok(RecordBatch::new_empty(Arc::clone(&self.schema)));
        }
        let (rows_max, mut decoder) = match self.decoder.take() {
            Some((rows_max, decoder)) if rows_max >= records.len() => (rows_max, decoder),
            _ => (records.len(), make(Arc::clone(&self.parsed_schema), records.len())?),
        };
        let lines = records.iter().map(|record| bytes.get(record.start..record.end).unwrap_or_default());
        let rows = decode_lines(&mut decoder, lines)?;
        let columns = self.places.iter().map(|place| Arc::clone(rows.column(*place))).collect();
        let with_rows = RecordBatchOptions::new().with_row_count(Some(records.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &with_rows)?;
        self.decoder = Some((rows_max, decoder));
        Ok(batch)
    }

    fn explain(&self, record: &[u8]) -> String {
        let Ok(text) = std::str::from_utf8(record) else { return "it is not UTF-8".to_owned() };
        // A line end would have errors at the end of the record be in the line below it.
        let value = match serde_json::from_str::<Value>(text.trim_end()) {
            Ok(value) => value,
            Err(error) => return format!("it is not JSON: {error}").replace(" at line 1 column ", " at character "),
        };
        let Value::Object(fields) = value else { return format!("it is not an object, but {}", kind(&value)) };
        for (field, place) in self.schema.fields().iter().zip(&self.places) {
            let schema = Arc::new(Schema::new(vec![self.parsed_schema.field(*place).clone()]));
            let decoded = make(schema, 1).and_then(|mut decoder| decode_lines(&mut decoder, std::iter::once(record)));
            if decoded.is_err() {
                let value = fields.get(field.name()).map(|value| super::records::shorten(value.to_string().as_bytes()));
                let value = value.unwrap_or_default();
                return format!(
                    "column {:?}: {value} is not of the type {}",
                    field.name(),
                    type_name(field.data_type())
                );
            }
        }
        "it cannot be read as one JSON object".to_owned()
    }
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

/// Exactly one row a line: JSON itself would not mind two objects in a line, or one over two.
fn decode_lines<'a>(decoder: &mut Decoder, lines: impl Iterator<Item = &'a [u8]>) -> Result<RecordBatch, ArrowError> {
    for (index, line) in lines.enumerate() {
        let read = decoder.decode(line)?;
        let rest = line.get(read..).unwrap_or_default();
        if decoder.len() != index + 1 || decoder.has_partial_record() || !rest.iter().all(u8::is_ascii_whitespace) {
            return Err(ArrowError::JsonError("a line is not one object".to_owned()));
        }
    }
    decoder.flush()?.ok_or_else(|| ArrowError::JsonError("no object".to_owned()))
}

/// Decodes integers strictly: Arrow's own decoder cuts fractions off.
#[derive(Debug)]
struct WholeNumbers;

impl DecoderFactory for WholeNumbers {
    fn make_default_decoder(
        &self,
        _: &DecoderContext,
        field: &FieldRef,
        _: bool,
    ) -> Result<Option<Box<dyn ArrayDecoder>>, ArrowError> {
        fn of<T: ArrowPrimitiveType + Parser>() -> Result<Option<Box<dyn ArrayDecoder>>, ArrowError>
        where
            T::Native: std::str::FromStr + TryFrom<i64>,
        {
            Ok(Some(Box::new(WholeNumberDecoder::<T>(PhantomData))))
        }
        match field.data_type() {
            DataType::Int8 => of::<Int8Type>(),
            DataType::Int16 => of::<Int16Type>(),
            DataType::Int32 => of::<Int32Type>(),
            DataType::Int64 => of::<Int64Type>(),
            DataType::UInt8 => of::<UInt8Type>(),
            DataType::UInt16 => of::<UInt16Type>(),
            DataType::UInt32 => of::<UInt32Type>(),
            DataType::UInt64 => of::<UInt64Type>(),
            _ => Ok(None),
        }
    }
}

struct WholeNumberDecoder<T>(PhantomData<fn() -> T>);

impl<T: ArrowPrimitiveType + Parser> ArrayDecoder for WholeNumberDecoder<T>
where
    T::Native: std::str::FromStr + TryFrom<i64>,
{
    fn decode(&mut self, tape: &Tape<'_>, pos: &[u32]) -> Result<ArrayRef, ArrowError> {
        let mut values = PrimitiveBuilder::<T>::with_capacity(pos.len());
        for at in pos {
            match tape.get(*at) {
                TapeElement::Null => values.append_null(),
                TapeElement::Number(index) => values.append_value(whole::<T>(tape.get_string(index))?),
                TapeElement::String(index) => {
                    let text = tape.get_string(index);
                    values.append_value(T::parse(text).ok_or_else(|| not_whole(text))?);
                }
                _ => return Err(tape.error(*at, "integer")),
            }
        }
        Ok(Arc::new(values.finish()))
    }
}

/// `12`, but also `12.0` and `1.2e1`, which JSON does not tell apart from it; not beyond what a double holds exactly.
fn whole<T: ArrowPrimitiveType>(text: &str) -> Result<T::Native, ArrowError>
where
    T::Native: std::str::FromStr + TryFrom<i64>,
{
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if let Ok(value) = text.parse() {
        return Ok(value);
    }
    let float = text.parse::<f64>().ok().filter(|float| float.fract() == 0.0 && float.abs() <= EXACT_MAX);
    let value = float.and_then(|float| T::Native::try_from(float as i64).ok());
    value.ok_or_else(|| not_whole(text))
}

fn not_whole(text: &str) -> ArrowError {
    ArrowError::JsonError(format!("{text} is not a whole number in range"))
}
