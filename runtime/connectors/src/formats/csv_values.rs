//! Which texts are values of a column, and the values of those that Arrow would change: it cuts times, rounds decimals and makes
//! large numbers infinite.

use std::sync::Arc;

use arrow::array::builder::{BinaryBuilder, PrimitiveBuilder};
use arrow::array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::kernels::cast_utils::Parser;
use arrow::datatypes::{DataType, TimeUnit};
use arrow::error::ArrowError;

use weir_core::exact::decimal;
use weir_core::time::text::{TimestampText, date};

/// Which texts are values of one column.
pub(crate) enum ValueCheck {
    /// Every text is a value.
    Text,
    Bool,
    Hexadecimal,
    Number(fn(&str) -> bool),
    Float(fn(&str) -> bool),
    Date,
    Decimal(u8, i8),
    Timestamp(TimestampText),
}

impl ValueCheck {
    /// For columns of this type.
    ///
    /// # Errors
    /// If CSV has no values of the type.
    pub(crate) fn new(data_type: &DataType) -> Result<Self, ArrowError> {
        fn number<T: ArrowPrimitiveType + Parser>() -> ValueCheck {
            ValueCheck::Number(|text| T::parse(text).is_some())
        }
        Ok(match data_type {
            DataType::Utf8 => Self::Text,
            DataType::Boolean => Self::Bool,
            DataType::Binary => Self::Hexadecimal,
            DataType::Int8 => number::<Int8Type>(),
            DataType::Int16 => number::<Int16Type>(),
            DataType::Int32 => number::<Int32Type>(),
            DataType::Int64 => number::<Int64Type>(),
            DataType::UInt8 => number::<UInt8Type>(),
            DataType::UInt16 => number::<UInt16Type>(),
            DataType::UInt32 => number::<UInt32Type>(),
            DataType::UInt64 => number::<UInt64Type>(),
            DataType::Float32 => Self::Float(|text| float::<Float32Type>(text).is_some()),
            DataType::Float64 => Self::Float(|text| float::<Float64Type>(text).is_some()),
            DataType::Date32 => Self::Date,
            DataType::Decimal128(precision, scale) => Self::Decimal(*precision, *scale),
            DataType::Timestamp(unit, zone) => Self::Timestamp(TimestampText::new(*unit, zone.as_deref())?),
            other => return Err(ArrowError::NotYetImplemented(format!("CSV cannot hold {other}"))),
        })
    }

    /// Why a field with this text is no value: what follows "is not of the type ...", often nothing. `None`: it is one. No text is
    /// null.
    pub(crate) fn misfit(&self, text: &str) -> Option<String> {
        let is_value = text.is_empty()
            || match self {
                Self::Text => true,
                Self::Bool => text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"),
                Self::Hexadecimal => from_hex(text).is_some(),
                Self::Number(is_number) | Self::Float(is_number) => is_number(text),
                Self::Date => date(text).is_some(),
                Self::Decimal(precision, scale) => decimal(text, *precision, *scale).is_some(),
                Self::Timestamp(texts) => match texts.parse(text) {
                    Ok(_) => true,
                    Err(no_time) => return Some(no_time.words()),
                },
            };
        (!is_value).then(String::new)
    }

    /// As [`ValueCheck::misfit`], of an empty field that is not null: only text and bytes have a value without a character.
    pub(crate) fn misfit_of_nothing(&self) -> Option<String> {
        (!matches!(self, Self::Text | Self::Hexadecimal)).then(String::new)
    }

    /// The type that Arrow reads fields as, for a column of this type: text, where Arrow's own rules would change values.
    pub(crate) fn parsed_type(&self, data_type: &DataType) -> DataType {
        match self {
            Self::Hexadecimal | Self::Date | Self::Decimal(..) | Self::Timestamp(_) => DataType::Utf8,
            Self::Text | Self::Bool | Self::Number(_) | Self::Float(_) => data_type.clone(),
        }
    }

    /// From what Arrow has read to the column.
    ///
    /// # Errors
    /// If a text is no value.
    pub(crate) fn finish(&self, parsed: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        match self {
            Self::Text | Self::Bool | Self::Number(_) => Ok(Arc::clone(parsed)),
            Self::Float(_) => Ok(with_one_nan(parsed)),
            Self::Hexadecimal => {
                let mut bytes = BinaryBuilder::new();
                for text in parsed.as_string::<i32>() {
                    bytes.append_option(text.map(|text| from_hex(text).ok_or_else(|| no_value(text))).transpose()?);
                }
                Ok(Arc::new(bytes.finish()))
            }
            Self::Date => values::<Date32Type>(parsed, data_type, date),
            Self::Decimal(precision, scale) => {
                values::<Decimal128Type>(parsed, data_type, |text| decimal(text, *precision, *scale))
            }
            Self::Timestamp(texts) => {
                let value = |text: &str| texts.parse(text).ok();
                match data_type {
                    DataType::Timestamp(TimeUnit::Second, _) => values::<TimestampSecondType>(parsed, data_type, value),
                    DataType::Timestamp(TimeUnit::Millisecond, _) => {
                        values::<TimestampMillisecondType>(parsed, data_type, value)
                    }
                    DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                        values::<TimestampNanosecondType>(parsed, data_type, value)
                    }
                    _ => values::<TimestampMicrosecondType>(parsed, data_type, value),
                }
            }
        }
    }

    /// Whether a column that Arrow has read may have a number that is too large for it: Arrow makes it infinite.
    pub(crate) fn may_be_beyond(&self, column: &ArrayRef) -> bool {
        match (self, column.data_type()) {
            (Self::Float(_), DataType::Float32) => {
                column.as_primitive::<Float32Type>().values().iter().any(|value| value.is_infinite())
            }
            (Self::Float(_), DataType::Float64) => {
                column.as_primitive::<Float64Type>().values().iter().any(|value| value.is_infinite())
            }
            _ => false,
        }
    }
}

/// A NaN has no sign: with one it would be another key, and be written as the same.
fn with_one_nan(column: &ArrayRef) -> ArrayRef {
    macro_rules! with_one_nan {
        ($type:ty, $nan:expr) => {{
            let floats = column.as_primitive::<$type>();
            match floats.values().iter().any(|value| value.is_nan() && value.is_sign_negative()) {
                true => Arc::new(floats.unary::<_, $type>(|value| if value.is_nan() { $nan } else { value })),
                false => Arc::clone(column),
            }
        }};
    }
    match column.data_type() {
        DataType::Float32 => with_one_nan!(Float32Type, f32::NAN),
        DataType::Float64 => with_one_nan!(Float64Type, f64::NAN),
        _ => Arc::clone(column),
    }
}

/// The nearest float. A number that is beyond all floats has none; infinity is written as such, and NaN has no sign.
pub(crate) fn float<T: ArrowPrimitiveType + Parser>(text: &str) -> Option<T::Native>
where
    T::Native: Into<f64> + Copy,
{
    let value = T::parse(text)?;
    let as_f64: f64 = value.into();
    if as_f64.is_nan() {
        return T::parse("NaN");
    }
    (!as_f64.is_infinite() || !text.bytes().any(|byte| byte.is_ascii_digit())).then_some(value)
}

fn values<T: ArrowPrimitiveType>(
    texts: &ArrayRef,
    data_type: &DataType,
    value: impl Fn(&str) -> Option<T::Native>,
) -> Result<ArrayRef, ArrowError> {
    let texts = texts.as_string::<i32>();
    let mut values = PrimitiveBuilder::<T>::with_capacity(texts.len()).with_data_type(data_type.clone());
    for text in texts {
        values.append_option(text.map(|text| value(text).ok_or_else(|| no_value(text))).transpose()?);
    }
    Ok(Arc::new(values.finish()))
}

fn no_value(text: &str) -> ArrowError {
    ArrowError::ParseError(format!("{text:?} is no value of its column"))
}

/// The bytes that hexadecimal digits stand for.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    let pair = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}
