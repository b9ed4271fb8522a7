//! JSON values into columns, over Arrow's decoders: integers strictly, and a value that does not fit its column costs only its
//! own row. Knows no text and no line.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::ArrayRef;
use arrow::array::builder::PrimitiveBuilder;
use arrow::array::types::{
    ArrowPrimitiveType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::compute::kernels::cast_utils::Parser;
use arrow::datatypes::{DataType, FieldRef, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::reader::{ArrayDecoder, DecoderContext, DecoderFactory, Tape, TapeElement};

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
        let bad_values = place.map(|place| BadValuesOf { place, bad_values: self.bad_values.clone() });
        if let Some(decoder) = whole_numbers(field.data_type(), bad_values.clone()) {
            return Ok(Some(decoder));
        }
        let Some(bad_values) = bad_values else { return Ok(None) };
        let values = context.make_builtin_decoder(field, is_nullable)?;
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

/// Decodes integers strictly: Arrow's own decoder cuts fractions off. `None`: the type is none of integers.
fn whole_numbers(data_type: &DataType, bad_values: Option<BadValuesOf>) -> Option<Box<dyn ArrayDecoder>> {
    fn of<T: ArrowPrimitiveType + Parser>(bad_values: Option<BadValuesOf>) -> Option<Box<dyn ArrayDecoder>>
    where
        T::Native: std::str::FromStr + TryFrom<i64>,
    {
        Some(Box::new(WholeNumberDecoder::<T> { bad_values, native: PhantomData }))
    }
    match data_type {
        DataType::Int8 => of::<Int8Type>(bad_values),
        DataType::Int16 => of::<Int16Type>(bad_values),
        DataType::Int32 => of::<Int32Type>(bad_values),
        DataType::Int64 => of::<Int64Type>(bad_values),
        DataType::UInt8 => of::<UInt8Type>(bad_values),
        DataType::UInt16 => of::<UInt16Type>(bad_values),
        DataType::UInt32 => of::<UInt32Type>(bad_values),
        DataType::UInt64 => of::<UInt64Type>(bad_values),
        _ => None,
    }
}

struct WholeNumberDecoder<T> {
    /// Where bad values go, which then are null; `None`: the first is an error, because they are within a value of another column.
    bad_values: Option<BadValuesOf>,
    native: PhantomData<fn() -> T>,
}

impl<T: ArrowPrimitiveType + Parser> ArrayDecoder for WholeNumberDecoder<T>
where
    T::Native: std::str::FromStr + TryFrom<i64>,
{
    fn decode(&mut self, tape: &Tape<'_>, pos: &[u32]) -> Result<ArrayRef, ArrowError> {
        let mut values = PrimitiveBuilder::<T>::with_capacity(pos.len());
        for (row, at) in pos.iter().enumerate() {
            let value = match tape.get(*at) {
                TapeElement::Null => {
                    values.append_null();
                    continue;
                }
                TapeElement::Number(index) => whole::<T>(tape.get_string(index)),
                TapeElement::String(index) => T::parse(tape.get_string(index)),
                _ => None,
            };
            match (value, &self.bad_values) {
                (Some(value), _) => values.append_value(value),
                (None, Some(bad_values)) => {
                    values.append_null();
                    bad_values.push(row);
                }
                (None, None) => return Err(tape.error(*at, "integer in range")),
            }
        }
        Ok(Arc::new(values.finish()))
    }
}

/// `12`, but also `12.0` and `1.2e1`, which JSON does not tell apart from it; not beyond what a double holds exactly.
fn whole<T: ArrowPrimitiveType>(text: &str) -> Option<T::Native>
where
    T::Native: std::str::FromStr + TryFrom<i64>,
{
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if let Ok(value) = text.parse() {
        return Some(value);
    }
    let float = text.parse::<f64>().ok().filter(|float| float.fract() == 0.0 && float.abs() <= EXACT_MAX)?;
    T::Native::try_from(float as i64).ok()
}
