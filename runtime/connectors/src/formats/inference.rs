//! Column types guessed from a sample of values. A guess only ever becomes wider; nothing here decides what a value is, only
//! which type can hold all of those that were seen.
//!
//! | values | type |
//! |---|---|
//! | only nulls, or of kinds that do not go together | `utf8` |
//! | `true`, `false` | `bool` |
//! | whole numbers; with a leading zero they are codes, and stay text | `int64` |
//! | numbers with a fraction or an exponent | `float64` |
//! | `2013-01-01` | `date32` |
//! | `2013-01-01T05:17:00Z`, or an offset instead of the Z | `timestamp(us, UTC)` |
//! | `2013-01-01T05:17:00`, without either | `timestamp(us)` |
//! | arrays, objects (in JSON) | `list`, `struct` |

use arrow::array::timezone::Tz;
use arrow::array::types::{Date32Type, Float64Type, Int64Type};
use arrow::compute::kernels::cast_utils::{Parser, string_to_datetime};
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use serde_json::Value;

const UTC_OFFSET: &str = "+00:00";

/// What a column may be, by the values seen so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Guess {
    Unknown,
    Bool,
    Int,
    Float,
    Date,
    Timestamp { zoned: bool },
    Text,
    List(Box<Guess>),
    Struct(Vec<(String, Guess)>),
}

impl Guess {
    /// Of a field of a CSV record.
    pub(crate) fn of_text(text: &str) -> Self {
        match text.as_bytes() {
            [] => Self::Unknown,
            [b't' | b'T' | b'f' | b'F', ..] if ["true", "false"].iter().any(|b| b.eq_ignore_ascii_case(text)) => {
                Self::Bool
            }
            [b'0'..=b'9' | b'-' | b'+' | b'.', ..] => Self::of_number(text).unwrap_or_else(|| Self::of_time(text)),
            _ => Self::Text,
        }
    }

    /// Of a JSON value.
    pub(crate) fn of_json(value: &Value) -> Self {
        match value {
            Value::Null => Self::Unknown,
            Value::Bool(_) => Self::Bool,
            Value::Number(number) if number.is_i64() => Self::Int,
            Value::Number(_) => Self::Float,
            Value::String(text) => Self::of_time(text),
            Value::Array(items) => {
                let item = items.iter().map(Self::of_json).fold(Self::Unknown, Self::or);
                Self::List(Box::new(item))
            }
            Value::Object(fields) => {
                Self::Struct(fields.iter().map(|(name, value)| (name.clone(), Self::of_json(value))).collect())
            }
        }
    }

    fn of_number(text: &str) -> Option<Self> {
        let digits = text.trim_start_matches(['-', '+']);
        let has_leading_zero = matches!(digits.as_bytes(), [b'0', b'0'..=b'9', ..]);
        if has_leading_zero || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')) {
            return None;
        }
        if digits.bytes().all(|b| b.is_ascii_digit()) {
            // A whole number that int64 cannot hold is not a float64 either: its last digits would be lost.
            return Some(Int64Type::parse(text).map_or(Self::Text, |_| Self::Int));
        }
        Float64Type::parse(text).map(|_| Self::Float)
    }

    fn of_time(text: &str) -> Self {
        let has_date = matches!(text.as_bytes(), [a, b, c, d, b'-', _, _, b'-', _, _, ..]
            if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()));
        if !has_date || !text.is_ascii() {
            return Self::Text;
        }
        if text.len() == 10 {
            return Date32Type::parse(text).map_or(Self::Text, |_| Self::Date);
        }
        let utc: Result<Tz, _> = UTC_OFFSET.parse();
        match utc.map(|utc| string_to_datetime(&utc, text)) {
            Ok(Ok(_)) => Self::Timestamp { zoned: text[10..].contains(['Z', 'z', '+', '-']) },
            _ => Self::Text,
        }
    }

    /// What holds the values of both.
    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, known) | (known, Self::Unknown) => known,
            (a, b) if a == b => a,
            (Self::Int, Self::Float) | (Self::Float, Self::Int) => Self::Float,
            (Self::Date, Self::Timestamp { zoned }) | (Self::Timestamp { zoned }, Self::Date) => {
                Self::Timestamp { zoned }
            }
            (Self::Timestamp { .. }, Self::Timestamp { .. }) => Self::Timestamp { zoned: true },
            (Self::List(a), Self::List(b)) => Self::List(Box::new(a.or(*b))),
            (Self::Struct(mut a), Self::Struct(b)) => {
                for (name, guess) in b {
                    add(&mut a, name, guess);
                }
                Self::Struct(a)
            }
            _ => Self::Text,
        }
    }

    /// The type for it.
    pub(crate) fn data_type(&self) -> DataType {
        match self {
            Self::Unknown | Self::Text => DataType::Utf8,
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Date => DataType::Date32,
            Self::Timestamp { zoned } => DataType::Timestamp(TimeUnit::Microsecond, zoned.then(|| "UTC".into())),
            Self::List(item) => DataType::new_list(item.data_type(), true),
            Self::Struct(fields) => DataType::Struct(fields_of(fields)),
        }
    }
}

/// Widens the guess of the column with this name, or adds the column.
pub(crate) fn add(columns: &mut Vec<(String, Guess)>, name: String, guess: Guess) {
    match columns.iter_mut().find(|(known, _)| *known == name) {
        Some((_, known)) => *known = std::mem::replace(known, Guess::Unknown).or(guess),
        None => columns.push((name, guess)),
    }
}

/// Columns with these guesses, all of which may be null.
pub(crate) fn fields_of(columns: &[(String, Guess)]) -> Fields {
    columns.iter().map(|(name, guess)| Field::new(name, guess.data_type(), true)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_core::column_type::type_name;

    #[test]
    fn columns_of_text() {
        for (values, expected) in [
            ("1,,-3", "int64"),
            ("1,2.5,1e9", "float64"),
            ("1,x", "utf8"),
            ("007,12", "utf8"),
            ("0,-0.5", "float64"),
            ("9223372036854775808", "utf8"),
            ("true,FALSE", "bool"),
            ("true,1", "utf8"),
            ("inf,1", "utf8"),
            ("", "utf8"),
            ("-", "utf8"),
            ("2013-01-01,2013-12-31", "date32"),
            ("2013-13-01", "utf8"),
            ("2013-01-01T05:17:00Z,2013-01-01", "timestamp(us, UTC)"),
            ("2013-01-01 05:17:00.25", "timestamp(us)"),
            ("2013-01-01T05:17:00-05:00", "timestamp(us, UTC)"),
            ("2013-01-01T25:17:00Z", "utf8"),
        ] {
            let guess = values.split(',').map(Guess::of_text).fold(Guess::Unknown, Guess::or);
            assert_eq!(type_name(&guess.data_type()), expected, "{values}");
        }
    }

    #[test]
    fn columns_of_json() {
        for (values, expected) in [
            ("[null, 1, 2.5]", "float64"),
            ("[\"12\"]", "utf8"),
            ("[[1], [], [null, 2.5]]", "list<float64>"),
            ("[{\"a\": 1}, {\"b\": \"2013-01-01T00:00:00Z\"}]", "struct<a: int64, b: timestamp(us, UTC)>"),
            ("[{\"a\": 1}, [1]]", "utf8"),
        ] {
            let Value::Array(values) = serde_json::from_str(values).unwrap() else { panic!("{values}") };
            let guess = values.iter().map(Guess::of_json).fold(Guess::Unknown, Guess::or);
            assert_eq!(type_name(&guess.data_type()), expected, "{values:?}");
        }
    }
}
