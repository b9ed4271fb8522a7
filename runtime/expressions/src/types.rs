//! Which types go together: the type that holds all values of two types without changing one of them. It converts nothing.

use arrow::datatypes::{DataType, TimeUnit};

/// The most digits of a decimal.
pub(crate) const PRECISION_MAX: u8 = 38;

/// What `timestamp` is: microseconds, UTC.
pub(crate) fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The type that values of both are compared, or chosen from, in; `None`: they do not go together.
///
/// Integers with floats are float64, which rounds integers beyond 2^53; everything else is exact.
pub(crate) fn common(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType::{Date32, Decimal128, Duration, Float32, Float64, Null, Timestamp};
    Some(match (a, b) {
        (a, b) if a == b => a.clone(),
        (Null, other) | (other, Null) => other.clone(),
        (a, b) if a.is_integer() && b.is_integer() => common_integer(a, b),
        (Float32 | Float64, b) if is_number(b) => Float64,
        (a, Float32 | Float64) if is_number(a) => Float64,
        (Decimal128(p, s), Decimal128(q, t)) => decimal((p - *s as u8).max(q - *t as u8), (*s).max(*t)),
        (Decimal128(p, s), integer) | (integer, Decimal128(p, s)) if integer.is_integer() => {
            decimal((p - *s as u8).max(integer_digits(integer)), *s)
        }
        (Timestamp(u, zone), Timestamp(v, other)) => {
            let zone = match (zone, other) {
                (Some(zone), Some(other)) if zone != other => Some("UTC".into()),
                (zone, other) => zone.clone().or_else(|| other.clone()),
            };
            Timestamp((*u).max(*v), zone)
        }
        (Date32, Timestamp(..)) => b.clone(),
        (Timestamp(..), Date32) => a.clone(),
        (Duration(u), Duration(v)) => Duration((*u).max(*v)),
        _ => return None,
    })
}

/// Integers, decimals and floats.
pub(crate) fn is_number(data_type: &DataType) -> bool {
    data_type.is_integer() || data_type.is_floating() || matches!(data_type, DataType::Decimal128(..))
}

/// Whether every value of the one is, as it is, a value of the other.
pub(crate) fn widens(from: &DataType, to: &DataType) -> bool {
    from.is_integer()
        && match to {
            DataType::Decimal128(p, s) => (p - *s as u8) >= integer_digits(from),
            DataType::Float64 => true,
            to => to.is_integer() && common_integer(from, to) == *to,
        }
}

/// A decimal with so many digits before and after the point, or the largest with so many after it.
pub(crate) fn decimal(whole: u8, scale: i8) -> DataType {
    DataType::Decimal128(whole.saturating_add(scale as u8).clamp(1, PRECISION_MAX), scale)
}

/// The digits of the largest value of an integer type.
pub(crate) fn integer_digits(data_type: &DataType) -> u8 {
    match data_type {
        DataType::Int8 | DataType::UInt8 => 3,
        DataType::Int16 | DataType::UInt16 => 5,
        DataType::Int32 | DataType::UInt32 => 10,
        DataType::Int64 => 19,
        _ => 20,
    }
}

fn common_integer(a: &DataType, b: &DataType) -> DataType {
    use DataType::{Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64};
    let bits = |data_type: &DataType| data_type.primitive_width().unwrap_or(8) * 8;
    let (bits_a, bits_b) = (bits(a), bits(b));
    let signed = |bits: usize| match bits {
        0..=8 => Int8,
        9..=16 => Int16,
        17..=32 => Int32,
        33..=64 => Int64,
        // No integer holds them: an uint64 with a signed one.
        _ => decimal(20, 0),
    };
    match (a.is_signed_integer(), b.is_signed_integer()) {
        (true, true) => signed(bits_a.max(bits_b)),
        (true, false) => signed(bits_a.max(bits_b * 2)),
        (false, true) => signed(bits_b.max(bits_a * 2)),
        (false, false) => match bits_a.max(bits_b) {
            0..=8 => UInt8,
            9..=16 => UInt16,
            17..=32 => UInt32,
            _ => UInt64,
        },
    }
}

#[cfg(test)]
mod tests {
    use weir_core::column_type::{parse_type, type_name};

    use super::*;

    #[test]
    fn common_types_hold_both() {
        for (a, b, expected) in [
            ("int8", "int64", "int64"),
            ("uint8", "int8", "int16"),
            ("uint32", "int32", "int64"),
            ("uint32", "uint64", "uint64"),
            ("uint64", "int8", "decimal128(20, 0)"),
            ("int64", "float64", "float64"),
            ("float32", "float32", "float32"),
            ("float32", "float64", "float64"),
            ("decimal128(5, 2)", "float64", "float64"),
            ("decimal128(5, 2)", "decimal128(6, 0)", "decimal128(8, 2)"),
            ("decimal128(5, 2)", "int64", "decimal128(21, 2)"),
            ("decimal128(38, 30)", "int64", "decimal128(38, 30)"),
            ("timestamp(s)", "timestamp(ms)", "timestamp(ms)"),
            ("timestamp(s, UTC)", "timestamp(s)", "timestamp(s, UTC)"),
            ("timestamp(s, +01:00)", "timestamp(s, +02:00)", "timestamp(s, UTC)"),
            ("date32", "timestamp(ms)", "timestamp(ms)"),
            ("utf8", "int64", "none"),
            ("bool", "int8", "none"),
        ] {
            for (a, b) in [(a, b), (b, a)] {
                let common = common(&parse_type(a).unwrap(), &parse_type(b).unwrap());
                assert_eq!(common.as_ref().map_or("none".to_owned(), type_name), expected, "{a} and {b}");
            }
        }
    }
}
