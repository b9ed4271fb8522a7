//! Column types guessed from a sample of values. A guess only ever becomes wider; nothing here decides what a value is, only
//! which type can hold all of those that were seen.
//!
//! | values | type |
//! |---|---|
//! | only nulls, or of kinds that do not go together: a note says which, as of numbers and `NaN` | `utf8` |
//! | `true`, `false` | `bool` |
//! | whole numbers; with a leading zero or plus they are codes, and stay text | `int64`; `uint64` if that holds all of them and int64 does not |
//! | numbers with a fraction or an exponent, and whole numbers among them, up to 2^53 | `float64` |
//! | numbers that neither of these types holds with all their digits | `utf8` |
//! | `2013-01-01` | `date32` |
//! | `2013-01-01T05:17:00Z`, or an offset instead of the Z | `timestamp(us, UTC)`; with `ns`, if fractions are finer |
//! | `2013-01-01T05:17:00`, without either | `timestamp(us)`, or with `ns` |
//! | arrays, objects (in JSON) | `list`, `struct` |

use arrow::array::types::{Date32Type, Float64Type};
use arrow::compute::kernels::cast_utils::Parser;
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use serde_json::Value;

use weir_core::time::text::TimestampText;

/// Whether a float64 that was read from a number has all its digits: whether it is written with as many in the same way. Up to 15 it
/// always is, and more than 17 are those of a float that was written in full.
fn has_digits(value: f64, number: &str) -> bool {
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0').trim_end_matches('0');
    let Some(more) = digits.len().checked_sub(1) else { return true };
    let written = format!("{:.*e}", more, value.abs());
    let written: String = written.split('e').next().unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
    written == digits
}

/// Up to here float64 has every whole number.
const FLOAT_WHOLE_MAX: u64 = 1 << 53;
/// Marks text that stands for a number in JSON: see [`numbers_as_text`].
pub(crate) const NUMBER_MARK: char = '\0';

/// What a column may be, by the values seen so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Guess {
    Unknown,
    Bool,
    /// Whole numbers from `min`, which is not above zero, to `max`.
    Whole {
        min: i64,
        max: u64,
    },
    Float,
    /// Numbers that no other type holds with all their digits.
    Digits,
    /// Values of kinds that do not go together: the first two, in words.
    Mixed(&'static str, &'static str),
    Date,
    Timestamp {
        zoned: bool,
        unit: TimeUnit,
    },
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

    /// Of a field that is not null, though it may be empty.
    pub(crate) fn of_value(text: &str) -> Self {
        if text.is_empty() { Self::Text } else { Self::of_text(text) }
    }

    /// Of a JSON value.
    pub(crate) fn of_json(value: &Value) -> Self {
        match value {
            Value::Null => Self::Unknown,
            Value::Bool(_) => Self::Bool,
            Value::Number(number) => Self::of_number(&number.to_string()).unwrap_or(Self::Digits),
            Value::String(text) => match text.strip_prefix(NUMBER_MARK) {
                Some(number) => Self::of_number(number).unwrap_or(Self::Digits),
                None => Self::of_time(text),
            },
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
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_code = matches!(digits.as_bytes(), [b'0', b'0'..=b'9', ..] | [b'+', ..]);
        if is_code || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')) {
            return None;
        }
        let whole = digits.find(['.', 'e', 'E']).map_or(digits, |end| &digits[..end]);
        if whole.len() == digits.len() {
            return Some(match (text.parse::<i64>(), text.parse::<u64>()) {
                (_, Ok(max)) => Self::Whole { min: 0, max },
                (Ok(min), _) => Self::Whole { min, max: 0 },
                _ if digits.bytes().all(|b| b.is_ascii_digit()) => Self::Digits,
                _ => return None,
            });
        }
        let value = Float64Type::parse(text)?;
        Some(if value.is_finite() && has_digits(value, digits) { Self::Float } else { Self::Digits })
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
        let zoned = text[10..].contains(['Z', 'z', '+', '-']);
        let holds = |unit: &TimeUnit| TimestampText::new(*unit, None).is_ok_and(|texts| texts.parse(text).is_ok());
        let unit = [TimeUnit::Microsecond, TimeUnit::Nanosecond].into_iter().find(holds);
        unit.map_or(Self::Text, |unit| Self::Timestamp { zoned, unit })
    }

    /// What holds the values of both.
    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, known) | (known, Self::Unknown) => known,
            (a, b) if a == b => a,
            (Self::Whole { min: a, max: b }, Self::Whole { min: c, max: d }) => {
                Self::Whole { min: a.min(c), max: b.max(d) }
            }
            (Self::Whole { min, max }, Self::Float) | (Self::Float, Self::Whole { min, max }) => {
                if min.unsigned_abs().max(max) <= FLOAT_WHOLE_MAX { Self::Float } else { Self::Digits }
            }
            (Self::Digits, Self::Whole { .. } | Self::Float) | (Self::Whole { .. } | Self::Float, Self::Digits) => {
                Self::Digits
            }
            (Self::Date, Self::Timestamp { zoned, unit }) | (Self::Timestamp { zoned, unit }, Self::Date) => {
                Self::Timestamp { zoned, unit }
            }
            (Self::Timestamp { zoned: a, unit: b }, Self::Timestamp { zoned: c, unit: d }) => {
                Self::Timestamp { zoned: a || c, unit: b.max(d) }
            }
            (Self::List(a), Self::List(b)) => Self::List(Box::new(a.or(*b))),
            (Self::Struct(mut a), Self::Struct(b)) => {
                for (name, guess) in b {
                    add(&mut a, name, guess);
                }
                Self::Struct(a)
            }
            (mixed @ Self::Mixed(..), _) | (_, mixed @ Self::Mixed(..)) => mixed,
            (a, b) if a.kind() == b.kind() => Self::Text,
            (a, b) => Self::Mixed(a.kind(), b.kind()),
        }
    }

    /// What such values are, in words.
    fn kind(&self) -> &'static str {
        match self {
            Self::Unknown => "nothing",
            Self::Bool => "true or false",
            Self::Whole { .. } | Self::Float | Self::Digits => "numbers",
            Self::Date | Self::Timestamp { .. } => "times",
            Self::Text | Self::Mixed(..) => "text",
            Self::List(_) => "arrays",
            Self::Struct(_) => "objects",
        }
    }

    /// The type for it.
    pub(crate) fn data_type(&self) -> DataType {
        match self {
            Self::Unknown | Self::Text | Self::Digits | Self::Mixed(..) => DataType::Utf8,
            Self::Bool => DataType::Boolean,
            Self::Whole { max, .. } if i64::try_from(*max).is_ok() => DataType::Int64,
            Self::Whole { min: 0, .. } => DataType::UInt64,
            Self::Whole { .. } => DataType::Utf8,
            Self::Float => DataType::Float64,
            Self::Date => DataType::Date32,
            Self::Timestamp { zoned, unit } => DataType::Timestamp(*unit, zoned.then(|| "UTC".into())),
            Self::List(item) => DataType::new_list(item.data_type(), true),
            Self::Struct(fields) => DataType::Struct(fields_of(fields)),
        }
    }
}

impl Guess {
    /// What a person should be told about the type, beside its name.
    pub(crate) fn remark(&self) -> String {
        match self {
            Self::Digits | Self::Whole { .. } if self.data_type() == DataType::Utf8 => {
                " (its numbers fit no other type with all their digits)".to_owned()
            }
            Self::Mixed(one, other) => format!(" (it has {one} and {other})"),
            _ => String::new(),
        }
    }
}

/// A line of JSON with every number as marked text: as numbers serde would round large ones, and refuse those beyond float64.
pub(crate) fn numbers_as_text(line: &str) -> String {
    let (mut text, mut in_string, mut in_number, mut is_escaped) =
        (String::with_capacity(line.len()), false, false, false);
    for c in line.chars() {
        if in_number && !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E') {
            in_number = false;
            text.push('"');
        } else if !in_string && !in_number && matches!(c, '0'..='9' | '-') {
            in_number = true;
            text.push_str("\"\\u0000");
        }
        if c == '"' && !is_escaped {
            in_string = !in_string;
        }
        is_escaped = in_string && c == '\\' && !is_escaped;
        text.push(c);
    }
    text
}

/// JSON with numbers as they were before [`numbers_as_text`].
pub(crate) fn text_as_numbers(json: &str) -> String {
    let mut pieces = json.split("\"\\u0000");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        text.push_str(&piece.replacen('"', "", 1));
    }
    text
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
            ("9223372036854775808", "uint64"),
            ("1,18446744073709551615", "uint64"),
            ("-1,18446744073709551615", "utf8"),
            ("18446744073709551616", "utf8"),
            ("18446744073709551616,1", "utf8"),
            ("9007199254740992,1.5", "float64"),
            ("9007199254740993,1.5", "utf8"),
            ("1.5,-9007199254740993", "utf8"),
            ("1,1.5,9007199254740993,x", "utf8"),
            ("9007199254740993.5", "utf8"),
            ("99999999999999.99", "utf8"),
            ("1.5,99999999999999.99", "utf8"),
            ("9999999999999.99,1234567.12345678", "float64"),
            ("0.1234567890123456,-52.520006600000002,0.10000000000000001", "float64"),
            ("0.1234567890123456789", "utf8"),
            ("0.1000000000000000055511151231257827,0.000,100000000000000000000.0", "float64"),
            ("1e23,1.7976931348623157e308,5e-324,2.5e-3", "float64"),
            ("1e300", "float64"),
            ("1e400", "utf8"),
            ("1-2", "utf8"),
            ("+4930123456", "utf8"),
            ("2013-01-01T05:17:00.123456789Z,2013-01-01T05:17:00Z", "timestamp(ns, UTC)"),
            ("2013-01-01T05:17:00.1234567", "timestamp(ns)"),
            ("2013-01-01T05:17:00.1234560", "timestamp(us)"),
            ("2013-01-01T05:17:00.0000000001", "utf8"),
            ("--1", "utf8"),
            (".5,1.", "float64"),
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
    fn text_that_is_no_text_alone_is_remarked() {
        for (values, expected) in [
            ("1.5,NaN", " (it has numbers and text)"),
            ("x,2,2013-01-01", " (it has text and numbers)"),
            ("true,1", " (it has true or false and numbers)"),
            ("a,b", ""),
            ("1,2", ""),
            ("99999999999999.99", " (its numbers fit no other type with all their digits)"),
        ] {
            let guess = values.split(',').map(Guess::of_text).fold(Guess::Unknown, Guess::or);
            assert_eq!(guess.remark(), expected, "{values}");
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
            ("[9007199254740993]", "int64"),
            ("[1, 18446744073709551615]", "uint64"),
            ("[18446744073709551616]", "utf8"),
            ("[9007199254740993, 1.5]", "utf8"),
            ("[[18446744073709551615], [2]]", "list<uint64>"),
            ("[{\"a\": 18446744073709551616}]", "struct<a: utf8>"),
            ("[1e400]", "utf8"),
            ("[1e300, -2]", "float64"),
            ("[\"\\\"1\", \"a\\\\\"]", "utf8"),
        ] {
            let Value::Array(values) = serde_json::from_str(&numbers_as_text(values)).unwrap() else {
                panic!("{values}")
            };
            let guess = values.iter().map(Guess::of_json).fold(Guess::Unknown, Guess::or);
            assert_eq!(type_name(&guess.data_type()), expected, "{values:?}");
        }
    }
}
