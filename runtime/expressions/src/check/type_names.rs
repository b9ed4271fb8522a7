//! The type names of casts: those of pipeline files, and the words of SQL that mean just one of them.

use arrow::datatypes::{DataType, TimeUnit};
use sqlparser::ast::{DataType as Sql, ExactNumberInfo, TimezoneInfo};
use weir_core::column_type::parse_type;

use crate::types::timestamp;

/// The type that a cast names.
///
/// # Errors
/// What is wrong with it, and what to write.
pub(super) fn column_type(name: &Sql) -> Result<DataType, String> {
    Ok(match name {
        Sql::Bool | Sql::Boolean => DataType::Boolean,
        // Eight bits, as in a schema. What PostgreSQL calls int8 is a bigint.
        Sql::Int8(None) => DataType::Int8,
        Sql::Int16 => DataType::Int16,
        Sql::Int32 => DataType::Int32,
        Sql::Int64 => DataType::Int64,
        Sql::UInt8 => DataType::UInt8,
        Sql::UInt16 => DataType::UInt16,
        Sql::UInt32 => DataType::UInt32,
        Sql::UInt64 => DataType::UInt64,
        Sql::TinyInt(None) => DataType::Int8,
        Sql::SmallInt(None) => DataType::Int16,
        Sql::Int(None) | Sql::Integer(None) => DataType::Int32,
        Sql::BigInt(None) => DataType::Int64,
        Sql::Float32 | Sql::Real => DataType::Float32,
        Sql::Float64 | Sql::DoublePrecision | Sql::Double(ExactNumberInfo::None) => DataType::Float64,
        Sql::Float(_) => return Err("float has a different size in each database: write float32 or float64".to_owned()),
        Sql::Text | Sql::String(None) | Sql::Varchar(None) | Sql::CharacterVarying(None) | Sql::CharVarying(None) => {
            DataType::Utf8
        }
        Sql::Char(_) | Sql::Character(_) | Sql::Varchar(_) | Sql::CharacterVarying(_) | Sql::String(_) => {
            return Err("a type of text has no length: write utf8, and left(text, n) to shorten".to_owned());
        }
        Sql::Date | Sql::Date32 => DataType::Date32,
        Sql::Timestamp(digits, zone) => {
            let unit = match digits {
                None | Some(6) => TimeUnit::Microsecond,
                Some(0) => TimeUnit::Second,
                Some(3) => TimeUnit::Millisecond,
                Some(9) => TimeUnit::Nanosecond,
                Some(_) => return Err("a timestamp has 0, 3, 6 or 9 digits in its fraction".to_owned()),
            };
            match (zone, timestamp()) {
                (TimezoneInfo::WithoutTimeZone, _) => DataType::Timestamp(unit, None),
                (_, DataType::Timestamp(_, zone)) => DataType::Timestamp(unit, zone),
                (_, other) => other,
            }
        }
        Sql::Decimal(info) | Sql::Numeric(info) | Sql::Dec(info) => match info {
            ExactNumberInfo::None => return Err("a decimal needs its digits: decimal(PRECISION, SCALE)".to_owned()),
            ExactNumberInfo::Precision(precision) => parse_type(&format!("decimal128({precision}, 0)"))?,
            ExactNumberInfo::PrecisionAndScale(precision, scale) => {
                parse_type(&format!("decimal128({precision}, {scale})"))?
            }
        },
        Sql::Custom(name, modifiers) => {
            let name: Vec<&str> = name.0.iter().filter_map(|part| Some(part.as_ident()?.value.as_str())).collect();
            let modifiers: Vec<String> = modifiers.iter().map(ToString::to_string).collect();
            let modifiers = if modifiers.is_empty() { String::new() } else { format!("({})", modifiers.join(", ")) };
            parse_type(&format!("{}{modifiers}", name.join(".")))?
        }
        other => {
            return Err(parse_type(&other.to_string().to_ascii_lowercase())
                .err()
                .unwrap_or_else(|| format!("there is no type {other}")));
        }
    })
}
