//! Numbers as other numbers, and texts as numbers, with all their digits. What has no such form is null.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Decimal128Array, PrimitiveArray};
use arrow::datatypes::{
    DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use weir_core::exact::{decimal, exact};

use super::{Result, arrows};

/// Texts as numbers.
pub(super) fn from_text(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let texts = array.as_string::<i32>();
    match to {
        DataType::Float64 => {
            Ok(Arc::new(texts.iter().map(|text| float(text?)).collect::<PrimitiveArray<Float64Type>>()))
        }
        DataType::Float32 => {
            let single = |text: &str| float(text).map(|value| (value, value as f32));
            // Beyond all of them.
            let finite = |(value, single): (f64, f32)| (!value.is_finite() || single.is_finite()).then_some(single);
            let read = |text: Option<&str>| single(text?).and_then(finite);
            Ok(Arc::new(texts.iter().map(read).collect::<PrimitiveArray<Float32Type>>()))
        }
        DataType::Decimal128(precision, scale) => {
            let values: Decimal128Array = texts.iter().map(|text| decimal(text?, *precision, *scale)).collect();
            Ok(Arc::new(values.with_precision_and_scale(*precision, *scale)?))
        }
        // A point in a whole number is no whole number, as in CSV.
        _ => whole(to, texts.len(), |row| {
            let text = texts.is_valid(row).then(|| texts.value(row))?;
            text.bytes().all(|byte| !matches!(byte, b'.' | b'e' | b'E')).then(|| exact(text, 0))?
        }),
    }
}

/// Numbers as other numbers.
pub(super) fn between(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    match (array.data_type(), to) {
        (_, DataType::Float32 | DataType::Float64) => {
            let floats = arrows(array, to)?;
            match (array.data_type(), to) {
                // A finite float that is beyond all of the smaller type.
                (DataType::Float64, DataType::Float32) => {
                    let (from, to) = (array.as_primitive::<Float64Type>(), floats.as_primitive::<Float32Type>());
                    let both = from.iter().zip(to.iter());
                    let kept =
                        both.map(|(from, to)| to.filter(|to| to.is_finite() || !from.unwrap_or(0.0).is_finite()));
                    Ok(Arc::new(kept.collect::<PrimitiveArray<Float32Type>>()))
                }
                _ => Ok(floats),
            }
        }
        (DataType::Float32 | DataType::Float64, to) => {
            let floats = arrows(array, &DataType::Float64)?;
            let floats = floats.as_primitive::<Float64Type>().clone();
            // The shortest digits that mean this float: 0.1 is one tenth.
            let single = *array.data_type() == DataType::Float32;
            let digits = move |row: usize| {
                let value = floats.is_valid(row).then(|| floats.value(row)).filter(|value| value.is_finite())?;
                Some(if single { format!("{:e}", value as f32) } else { format!("{value:e}") })
            };
            match to {
                DataType::Decimal128(precision, scale) => {
                    let value = |row| decimal(&digits(row)?, *precision, *scale);
                    decimals(array.len(), (*precision, *scale), value)
                }
                to => whole(to, array.len(), |row| exact(&digits(row)?, 0)),
            }
        }
        (from, to) => {
            let (values, scale) = match from {
                DataType::Decimal128(_, scale) => (array.as_primitive::<Decimal128Type>().clone(), *scale),
                _ => (arrows(array, &DataType::Decimal128(20, 0))?.as_primitive::<Decimal128Type>().clone(), 0),
            };
            let value = |row: usize, to: i8| rescaled(values.is_valid(row).then(|| values.value(row))?, scale, to);
            match to {
                DataType::Decimal128(precision, to) => {
                    let fits = |value: &i128| value.unsigned_abs() < 10_u128.pow(u32::from(*precision));
                    decimals(array.len(), (*precision, *to), |row| value(row, *to).filter(fits))
                }
                to => whole(to, array.len(), |row| value(row, 0)),
            }
        }
    }
}

/// A number of so many digits behind the point with another number of them; `None`: a digit would be lost.
pub(crate) fn rescaled(value: i128, from: i8, to: i8) -> Option<i128> {
    let power = |by: i8| 10_i128.checked_pow(u32::from(by.unsigned_abs()));
    match to - from {
        up @ 0.. => value.checked_mul(power(up)?),
        down => {
            let power = power(down)?;
            (value % power == 0).then_some(value / power)
        }
    }
}

fn float(text: &str) -> Option<f64> {
    let text = text.trim_ascii();
    let value: f64 = text.parse().ok()?;
    // A number that is too large is not infinite.
    let says_so = !text.bytes().any(|byte| byte.is_ascii_digit());
    (value.is_finite() || says_so).then_some(value)
}

fn decimals(len: usize, (precision, scale): (u8, i8), value: impl Fn(usize) -> Option<i128>) -> Result<ArrayRef> {
    let values: Decimal128Array = (0..len).map(value).collect();
    Ok(Arc::new(values.with_precision_and_scale(precision, scale)?))
}

fn whole(to: &DataType, len: usize, value: impl Fn(usize) -> Option<i128>) -> Result<ArrayRef> {
    match to {
        DataType::Int8 => Ok(integers::<Int8Type>(len, value)),
        DataType::Int16 => Ok(integers::<Int16Type>(len, value)),
        DataType::Int32 => Ok(integers::<Int32Type>(len, value)),
        DataType::UInt8 => Ok(integers::<UInt8Type>(len, value)),
        DataType::UInt16 => Ok(integers::<UInt16Type>(len, value)),
        DataType::UInt32 => Ok(integers::<UInt32Type>(len, value)),
        DataType::UInt64 => Ok(integers::<UInt64Type>(len, value)),
        _ => Ok(integers::<Int64Type>(len, value)),
    }
}

fn integers<T: ArrowPrimitiveType>(len: usize, value: impl Fn(usize) -> Option<i128>) -> ArrayRef
where
    T::Native: TryFrom<i128>,
{
    let values = (0..len).map(|row| value(row).and_then(|value| T::Native::try_from(value).ok()));
    Arc::new(PrimitiveArray::<T>::from_iter(values))
}
