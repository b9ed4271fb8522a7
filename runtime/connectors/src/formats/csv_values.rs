//! Which texts are values of a column, by the same functions that Arrow's CSV decoder reads values with. No value is made here.

use arrow::array::timezone::Tz;
use arrow::array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::compute::kernels::cast_utils::{Parser, parse_decimal, string_to_datetime};
use arrow::datatypes::{DataType, TimeUnit};
use arrow::error::ArrowError;

/// What a timestamp without a zone is read as.
const NO_ZONE: &str = "+00:00";

/// Checks the texts of one column.
pub(crate) enum ValueCheck {
    /// Every text is a value.
    Text,
    Bool,
    Hexadecimal,
    Number(fn(&str) -> bool),
    Decimal(u8, i8),
    Timestamp(TimeUnit, Tz),
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
            DataType::Float32 => number::<Float32Type>(),
            DataType::Float64 => number::<Float64Type>(),
            DataType::Date32 => number::<Date32Type>(),
            DataType::Decimal128(precision, scale) => Self::Decimal(*precision, *scale),
            DataType::Timestamp(unit, zone) => Self::Timestamp(*unit, zone.as_deref().unwrap_or(NO_ZONE).parse()?),
            other => return Err(ArrowError::NotYetImplemented(format!("CSV cannot hold {other}"))),
        })
    }

    /// Whether a field with this text is a value. No text is null.
    pub(crate) fn accepts(&self, text: &str) -> bool {
        text.is_empty()
            || match self {
                Self::Text => true,
                Self::Bool => text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"),
                Self::Hexadecimal => from_hex(text).is_some(),
                Self::Number(is_number) => is_number(text),
                Self::Decimal(precision, scale) => parse_decimal::<Decimal128Type>(text, *precision, *scale).is_ok(),
                Self::Timestamp(unit, zone) => string_to_datetime(zone, text)
                    .is_ok_and(|time| *unit != TimeUnit::Nanosecond || time.timestamp_nanos_opt().is_some()),
            }
    }
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
