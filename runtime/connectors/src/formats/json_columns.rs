//! JSON values into columns, over Arrow's decoders: numbers, dates and times strictly, and a value that does not fit its column costs
//! only its own row. Knows no text and no line.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::ArrayRef;
use arrow::array::builder::{BinaryBuilder, PrimitiveBuilder};
use arrow::array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::compute::kernels::cast_utils::Parser;
use arrow::datatypes::{DataType, FieldRef, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::json::reader::{ArrayDecoder, DecoderContext, DecoderFactory, Tape, TapeElement};

use super::csv_values::{float, from_hex};
use super::json_objects::{Objects, TakeTwice};
use weir_core::exact::{decimal, exact};
use weir_core::time::text::{TimestampText, date};

/// Where the tape of a decoder has null.
const NULL_POSITION: u32 = 0;

/// The values of a block that do not fit their columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct BadValues(Arc<Mutex<Vec<BadValue>>>);

#[derive(Clone, Copy, Debug)]
struct BadValue {
    row: usize,
    /// The place of its column.
    place: usize,
}

impl BadValues {
    fn lock(&self) -> MutexGuard<'_, Vec<BadValue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// Whether all fit.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// For each of `rows` rows the place of the first column that has a bad value in it; nothing, if there is none at all.
    pub(crate) fn take(&self, rows: usize) -> Vec<Option<usize>> {
        let bad = std::mem::take(&mut *self.lock());
        if bad.is_empty() {
            return Vec::new();
        }
        let mut places = vec![None; rows];
        for BadValue { row, place } in bad {
            if let Some(first) = places.get_mut(row) {
                *first = Some(first.map_or(place, |first: usize| first.min(place)));
            }
        }
        places
    }
}

/// Makes the decoders of a schema.
#[derive(Debug)]
pub(crate) struct Columns {
    /// The one that the reader is made with: its columns are known by their address.
    pub(crate) schema: SchemaRef,
    /// What they cannot read.
    pub(crate) bad_values: BadValues,
}

impl DecoderFactory for Columns {
    fn make_default_decoder(
        &self,
        context: &DecoderContext,
        field: &FieldRef,
        is_nullable: bool,
    ) -> Result<Option<Box<dyn ArrayDecoder>>, ArrowError> {
        let place = self.schema.fields().iter().position(|column| Arc::ptr_eq(column, field));
        if let DataType::Struct(fields) = field.data_type()
            && place.is_none()
        {
            // The rows themselves have the columns; a struct within a column fails with it.
            let is_rows = std::ptr::eq(fields.as_ref(), self.schema.fields().as_ref());
            let bad_values = self.bad_values.clone();
            let take = move |row, place| BadValuesOf { place, bad_values: bad_values.clone() }.push(row);
            let twice = is_rows.then(|| Box::new(take) as TakeTwice);
            return Ok(Some(Box::new(Objects::new(context, fields, is_nullable, twice)?)));
        }
        let bad_values = place.map(|place| BadValuesOf { place, bad_values: self.bad_values.clone() });
        if let Some(decoder) = scalars(field.data_type(), &bad_values)? {
            return Ok(Some(decoder));
        }
        let Some(bad_values) = bad_values else { return Ok(None) };
        let values: Box<dyn ArrayDecoder> = match field.data_type() {
            DataType::Struct(fields) => Box::new(Objects::new(context, fields, is_nullable, None)?),
            _ => context.make_builtin_decoder(field, is_nullable)?,
        };
        Ok(Some(Box::new(Column { values, bad_values })))
    }
}

/// Takes the bad values of one column.
#[derive(Clone, Debug)]
struct BadValuesOf {
    place: usize,
    bad_values: BadValues,
}

impl BadValuesOf {
    fn push(&self, row: usize) {
        self.bad_values.lock().push(BadValue { row, place: self.place });
    }
}

/// Decodes a column with a decoder of Arrow's, with null where a value does not fit.
struct Column {
    values: Box<dyn ArrayDecoder>,
    bad_values: BadValuesOf,
}

impl ArrayDecoder for Column {
    fn decode(&mut self, tape: &Tape<'_>, positions: &[u32]) -> Result<ArrayRef, ArrowError> {
        if let Ok(column) = self.values.decode(tape, positions) {
            return Ok(column);
        }
        let mut positions = positions.to_vec();
        for (row, position) in positions.iter_mut().enumerate() {
            if self.values.decode(tape, &[*position]).is_err() {
                self.bad_values.push(row);
                *position = NULL_POSITION;
            }
        }
        self.values.decode(tape, &positions)
    }
}

/// A number or a text, as it is written.
#[derive(Clone, Copy)]
enum Scalar<'a> {
    Number(&'a str),
    Text(&'a str),
}

/// Decodes what Arrow's own decoders would change: they cut fractions off, round, and take numbers for times. `None`: the type is
/// another.
fn scalars(
    data_type: &DataType,
    bad_values: &Option<BadValuesOf>,
) -> Result<Option<Box<dyn ArrayDecoder>>, ArrowError> {
    let columns = ScalarColumns { data_type: data_type.clone(), bad_values: bad_values.clone() };
    Ok(Some(match data_type {
        DataType::Int8 => columns.whole::<Int8Type>(),
        DataType::Int16 => columns.whole::<Int16Type>(),
        DataType::Int32 => columns.whole::<Int32Type>(),
        DataType::Int64 => columns.whole::<Int64Type>(),
        DataType::UInt8 => columns.whole::<UInt8Type>(),
        DataType::UInt16 => columns.whole::<UInt16Type>(),
        DataType::UInt32 => columns.whole::<UInt32Type>(),
        DataType::UInt64 => columns.whole::<UInt64Type>(),
        DataType::Float32 => columns.float::<Float32Type>(),
        DataType::Float64 => columns.float::<Float64Type>(),
        DataType::Decimal128(precision, scale) => {
            let (precision, scale) = (*precision, *scale);
            columns.decoder::<Decimal128Type>(move |scalar| match scalar {
                Scalar::Number(text) | Scalar::Text(text) => decimal(text, precision, scale),
            })
        }
        DataType::Binary => Box::new(BytesDecoder(columns)),
        DataType::Date32 => columns.decoder::<Date32Type>(|scalar| match scalar {
            Scalar::Text(text) => date(text),
            Scalar::Number(_) => None,
        }),
        DataType::Timestamp(unit, zone) => {
            let texts = TimestampText::new(*unit, zone.as_deref())?;
            let value = move |scalar: Scalar<'_>| match scalar {
                Scalar::Text(text) => texts.parse(text).ok(),
                Scalar::Number(_) => None,
            };
            match unit {
                TimeUnit::Second => columns.decoder::<TimestampSecondType>(value),
                TimeUnit::Millisecond => columns.decoder::<TimestampMillisecondType>(value),
                TimeUnit::Microsecond => columns.decoder::<TimestampMicrosecondType>(value),
                TimeUnit::Nanosecond => columns.decoder::<TimestampNanosecondType>(value),
            }
        }
        _ => return Ok(None),
    }))
}

/// Makes the decoder of a column of numbers.
struct ScalarColumns {
    data_type: DataType,
    /// Where bad values go, which then are null; `None`: the first is an error, because they are within a value of another column.
    bad_values: Option<BadValuesOf>,
}

impl ScalarColumns {
    fn decoder<T: ArrowPrimitiveType>(
        self,
        value: impl Fn(Scalar<'_>) -> Option<T::Native> + Send + 'static,
    ) -> Box<dyn ArrayDecoder> {
        Box::new(ScalarDecoder::<T, _> { columns: self, value, native: std::marker::PhantomData })
    }

    /// `12`, but also `12.0` and `1.2e1`, which JSON does not tell apart from it.
    fn whole<T: ArrowPrimitiveType + Parser>(self) -> Box<dyn ArrayDecoder>
    where
        T::Native: std::str::FromStr + TryFrom<i128>,
    {
        self.decoder::<T>(|scalar| match scalar {
            Scalar::Number(text) => text.parse().ok().or_else(|| T::Native::try_from(exact(text, 0)?).ok()),
            Scalar::Text(text) => T::parse(text),
        })
    }

    fn float<T: ArrowPrimitiveType + Parser>(self) -> Box<dyn ArrayDecoder>
    where
        T::Native: Into<f64> + Copy,
    {
        self.decoder::<T>(|scalar| match scalar {
            Scalar::Number(text) | Scalar::Text(text) => float::<T>(text),
        })
    }
}

struct ScalarDecoder<T, F> {
    columns: ScalarColumns,
    value: F,
    native: std::marker::PhantomData<fn() -> T>,
}

impl<T, F> ArrayDecoder for ScalarDecoder<T, F>
where
    T: ArrowPrimitiveType,
    F: Fn(Scalar<'_>) -> Option<T::Native> + Send,
{
    fn decode(&mut self, tape: &Tape<'_>, pos: &[u32]) -> Result<ArrayRef, ArrowError> {
        let ScalarColumns { data_type, bad_values } = &self.columns;
        let mut values = PrimitiveBuilder::<T>::with_capacity(pos.len()).with_data_type(data_type.clone());
        for (row, at) in pos.iter().enumerate() {
            let value = match tape.get(*at) {
                TapeElement::Null => {
                    values.append_null();
                    continue;
                }
                TapeElement::Number(index) => (self.value)(Scalar::Number(tape.get_string(index))),
                TapeElement::String(index) => (self.value)(Scalar::Text(tape.get_string(index))),
                _ => None,
            };
            match (value, bad_values) {
                (Some(value), _) => values.append_value(value),
                (None, Some(bad_values)) => {
                    values.append_null();
                    bad_values.push(row);
                }
                (None, None) => return Err(tape.error(*at, "value of its type")),
            }
        }
        Ok(Arc::new(values.finish()))
    }
}

/// Hexadecimal digits: Arrow's own decoder takes a digit without a second one for a byte.
struct BytesDecoder(ScalarColumns);

impl ArrayDecoder for BytesDecoder {
    fn decode(&mut self, tape: &Tape<'_>, pos: &[u32]) -> Result<ArrayRef, ArrowError> {
        let mut values = BinaryBuilder::with_capacity(pos.len(), 0);
        for (row, at) in pos.iter().enumerate() {
            let value = match tape.get(*at) {
                TapeElement::Null => Some(None),
                TapeElement::String(index) => from_hex(tape.get_string(index)).map(Some),
                _ => None,
            };
            match (&value, &self.0.bad_values) {
                (None, Some(bad_values)) => bad_values.push(row),
                (None, None) => return Err(tape.error(*at, "hexadecimal digits")),
                (Some(_), _) => {}
            }
            values.append_option(value.flatten());
        }
        Ok(Arc::new(values.finish()))
    }
}
