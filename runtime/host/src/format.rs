//! Arrow types as the format strings of the Arrow C data interface, and back. Only the types that cross the boundary; the
//! others have no format here, and the caller says so to the author.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DECIMAL128_MAX_SCALE, DataType, FieldRef, TimeUnit};

/// What every error about a type says.
pub(crate) const SUPPORTED: &str =
    "bool, int8 to uint64, float32, float64, utf8, binary, date32, timestamp, decimal128, list and struct";

/// The format string of a type; `None` if it does not cross the boundary. Children of nested types have formats of their own.
#[must_use]
pub fn format_of(data_type: &DataType) -> Option<Cow<'static, str>> {
    Some(Cow::Borrowed(match data_type {
        DataType::Boolean => "b",
        DataType::Int8 => "c",
        DataType::UInt8 => "C",
        DataType::Int16 => "s",
        DataType::UInt16 => "S",
        DataType::Int32 => "i",
        DataType::UInt32 => "I",
        DataType::Int64 => "l",
        DataType::UInt64 => "L",
        DataType::Float32 => "f",
        DataType::Float64 => "g",
        DataType::Utf8 => "u",
        DataType::Binary => "z",
        DataType::Date32 => "tdD",
        DataType::List(_) => "+l",
        DataType::Struct(fields) if !fields.is_empty() => "+s",
        DataType::Timestamp(unit, zone) => {
            let unit = match unit {
                TimeUnit::Second => 's',
                TimeUnit::Millisecond => 'm',
                TimeUnit::Microsecond => 'u',
                TimeUnit::Nanosecond => 'n',
            };
            return Some(Cow::Owned(format!("ts{unit}:{}", zone.as_deref().unwrap_or_default())));
        }
        DataType::Decimal128(precision, scale) => return Some(Cow::Owned(format!("d:{precision},{scale}"))),
        _ => return None,
    }))
}

/// The type of a format string with its children.
///
/// # Errors
/// A sentence about a format that is unknown or has the wrong number of children.
pub fn data_type_of(format: &str, children: Vec<FieldRef>) -> Result<DataType, String> {
    let flat = match format {
        "b" => DataType::Boolean,
        "c" => DataType::Int8,
        "C" => DataType::UInt8,
        "s" => DataType::Int16,
        "S" => DataType::UInt16,
        "i" => DataType::Int32,
        "I" => DataType::UInt32,
        "l" => DataType::Int64,
        "L" => DataType::UInt64,
        "f" => DataType::Float32,
        "g" => DataType::Float64,
        "u" => DataType::Utf8,
        "z" => DataType::Binary,
        "tdD" => DataType::Date32,
        "+l" => {
            let [item] = <[FieldRef; 1]>::try_from(children)
                .map_err(|children| format!("a list (+l) has one child, not {}", children.len()))?;
            return Ok(DataType::List(item));
        }
        "+s" if children.is_empty() => return Err("a struct (+s) has at least one child".into()),
        "+s" => return Ok(DataType::Struct(children.into())),
        _ => parameterised(format)?,
    };
    if children.is_empty() {
        Ok(flat)
    } else {
        Err(format!("the format {format:?} has no children, not {}", children.len()))
    }
}

fn parameterised(format: &str) -> Result<DataType, String> {
    if let Some((unit, zone)) = format.strip_prefix("ts").and_then(|rest| rest.split_once(':')) {
        let unit = match unit {
            "s" => TimeUnit::Second,
            "m" => TimeUnit::Millisecond,
            "u" => TimeUnit::Microsecond,
            "n" => TimeUnit::Nanosecond,
            _ => return Err(unknown(format)),
        };
        return Ok(DataType::Timestamp(unit, (!zone.is_empty()).then(|| Arc::from(zone))));
    }
    let Some(decimal) = format.strip_prefix("d:") else { return Err(unknown(format)) };
    let mut parts = decimal.split(',');
    let precision = parts.next().and_then(|p| p.parse::<u8>().ok());
    let scale = parts.next().and_then(|s| s.parse::<i8>().ok());
    let bits = parts.next();
    match (precision, scale, bits, parts.next()) {
        (Some(precision), Some(scale), None | Some("128"), None)
            if (1..=DECIMAL128_MAX_PRECISION).contains(&precision)
                && scale.unsigned_abs() <= DECIMAL128_MAX_SCALE.unsigned_abs()
                && i16::from(scale) <= i16::from(precision) =>
        {
            Ok(DataType::Decimal128(precision, scale))
        }
        _ => Err(format!("the decimal format {format:?} is not d:PRECISION,SCALE with a precision of 1 to 38")),
    }
}

fn unknown(format: &str) -> String {
    let shown: String = format.chars().take(40).collect();
    format!("the format {shown:?} is none that Weir carries ({SUPPORTED})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_round_trip() {
        for format in [
            "b",
            "c",
            "C",
            "s",
            "S",
            "i",
            "I",
            "l",
            "L",
            "f",
            "g",
            "u",
            "z",
            "tdD",
            "tss:",
            "tsm:UTC",
            "tsu:Europe/Vienna",
            "tsn:+02:00",
            "d:38,10",
            "d:5,-2",
        ] {
            let data_type = data_type_of(format, Vec::new()).unwrap();
            assert_eq!(format_of(&data_type).as_deref(), Some(format));
        }
        assert_eq!(data_type_of("d:10,2,128", Vec::new()), Ok(DataType::Decimal128(10, 2)));
    }

    #[test]
    fn what_is_no_format_is_refused() {
        for format in [
            "",
            "x",
            "U",
            "vu",
            "tdm",
            "ts",
            "tsx:",
            "tsu",
            "d:",
            "d:0,0",
            "d:39,0",
            "d:5,6",
            "d:5,2,256",
            "d:5",
            "+l",
            "+s",
            "+w:3",
        ] {
            assert!(data_type_of(format, Vec::new()).is_err(), "{format:?}");
        }
        let child = || Arc::new(arrow::datatypes::Field::new("item", DataType::Int8, true));
        assert!(data_type_of("l", vec![child()]).is_err());
        assert!(data_type_of("+l", vec![child(), child()]).is_err());
    }
}
