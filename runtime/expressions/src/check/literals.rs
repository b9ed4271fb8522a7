//! Literals: numbers, texts, booleans, null, `timestamp '...'`, `interval '90 minutes'`.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, NullArray, StringArray, UInt64Array,
};
use arrow::datatypes::{DataType, TimeUnit};
use sqlparser::ast::{DateTimeField, Expr, Interval, TypedString, Value};
use weir_core::exact::exact;

use super::{Checker, Result, type_names};
use crate::arrays::interval_us;
use crate::error::ExpressionError;
use crate::node::{Node, Op};
use crate::types::PRECISION_MAX;

/// Units of intervals, and their microseconds.
const UNITS: [(&[&str], i64); 7] = [
    (&["us", "microsecond", "microseconds"], 1),
    (&["ms", "millisecond", "milliseconds"], 1_000),
    (&["s", "sec", "secs", "second", "seconds"], 1_000_000),
    (&["m", "min", "mins", "minute", "minutes"], 60_000_000),
    (&["h", "hour", "hours"], 3_600_000_000),
    (&["d", "day", "days"], 86_400_000_000),
    (&["w", "week", "weeks"], 604_800_000_000),
];
const INTERVAL_FORM: &str = "an interval is numbers with units, such as '90 minutes' or '1 day 12 hours'";

/// A literal without a type in front.
pub(super) fn value(value: &Value, range: Range<usize>) -> Result<Node> {
    match value {
        Value::Number(digits, _) => number(digits, range),
        Value::SingleQuotedString(text) => {
            Ok(constant(Arc::new(StringArray::from(vec![text.as_str()])), DataType::Utf8, range))
        }
        Value::Boolean(flag) => Ok(constant(Arc::new(BooleanArray::from(vec![*flag])), DataType::Boolean, range)),
        Value::Null => Ok(constant(Arc::new(NullArray::new(1)), DataType::Null, range)),
        _ => Err(ExpressionError::new(
            &range,
            "text is written in single quotes, and this form of a literal is not possible",
        )),
    }
}

/// A number: an integer if it has no point, a decimal with just its digits if it has one, a float64 if it has an exponent.
pub(super) fn number(digits: &str, range: Range<usize>) -> Result<Node> {
    let refuse = |message: &str| Err(ExpressionError::new(&range, message));
    if digits.contains(['e', 'E']) {
        return match digits.parse::<f64>() {
            Ok(value) if value.is_finite() => {
                Ok(constant(Arc::new(Float64Array::from(vec![value])), DataType::Float64, range))
            }
            _ => refuse("this number is beyond all floats"),
        };
    }
    if let Ok(value) = digits.parse::<i64>() {
        return Ok(constant(Arc::new(Int64Array::from(vec![value])), DataType::Int64, range));
    }
    if let Ok(value) = digits.parse::<u64>() {
        return Ok(constant(Arc::new(UInt64Array::from(vec![value])), DataType::UInt64, range));
    }
    let scale = digits.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let whole = digits.trim_start_matches('-').split('.').next().unwrap_or_default().trim_start_matches('0').len();
    let value = i8::try_from(scale).ok().and_then(|scale| Some((scale, exact(digits, scale)?)));
    match value {
        Some((scale, value)) if whole + scale as usize <= usize::from(PRECISION_MAX) => {
            let precision = (whole + scale as usize).max(1) as u8;
            let array = Decimal128Array::from(vec![value]).with_precision_and_scale(precision, scale);
            let array = array.map_err(|error| ExpressionError::new(&range, error.to_string()))?;
            Ok(constant(Arc::new(array), DataType::Decimal128(precision, scale), range))
        }
        _ => refuse("a number has at most 38 digits; with an exponent, such as 1e40, it is a float64"),
    }
}

fn constant(array: ArrayRef, data_type: DataType, range: Range<usize>) -> Node {
    Node::new(Op::Constant(array), data_type, range)
}

impl Checker<'_> {
    /// `timestamp '...'`, `date '...'`, and any other type in front of a text.
    pub(super) fn typed_text(&self, text: &TypedString, within: &Range<usize>) -> Result<Node> {
        let range = self.places.range(text.value.span, within);
        let to = type_names::column_type(&text.data_type).map_err(|message| ExpressionError::new(&range, message))?;
        let node = value(&text.value.value, range)?;
        self.cast(node, to, false)
    }

    /// `interval '1 day'`, `interval '1' day`.
    pub(super) fn interval(&mut self, interval: &Interval, within: &Range<usize>) -> Result<Node> {
        let (text, range) = match &*interval.value {
            Expr::Value(value) => {
                let range = self.places.range(value.span, within);
                match &value.value {
                    Value::SingleQuotedString(text) | Value::Number(text, _) => (text.clone(), range),
                    _ => return Err(ExpressionError::new(&range, INTERVAL_FORM)),
                }
            }
            _ => return Err(ExpressionError::new(within, INTERVAL_FORM)),
        };
        let text = match (&interval.leading_field, &interval.last_field) {
            (None, None) => text,
            (Some(field), None) => format!("{text} {}", field_name(field)),
            _ => return Err(ExpressionError::new(&range, INTERVAL_FORM)),
        };
        let us = interval_text(&text).map_err(|message| ExpressionError::new(&range, message))?;
        Ok(constant(interval_us(us), DataType::Duration(TimeUnit::Microsecond), range))
    }
}

fn field_name(field: &DateTimeField) -> String {
    field.to_string().to_ascii_lowercase()
}

/// The microseconds of `1 day 12.5 hours`.
fn interval_text(text: &str) -> std::result::Result<i64, String> {
    let mut rest = text.trim();
    let mut sum: i128 = 0;
    if rest.is_empty() {
        return Err(INTERVAL_FORM.to_owned());
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-')).unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let after = after.trim_start();
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        rest = after.trim_start();
        let lower = unit.to_ascii_lowercase();
        if ["month", "months", "mon", "quarter", "quarters", "year", "years", "y"].contains(&lower.as_str()) {
            return Err(
                "months and years have no fixed length: an interval has weeks, days or smaller units".to_owned()
            );
        }
        let Some((_, us)) = UNITS.iter().find(|(names, _)| names.contains(&lower.as_str())) else {
            return Err(format!("{unit:?} is not a unit of time; {INTERVAL_FORM}"));
        };
        // To a fraction of a microsecond of the smallest unit, which must be nothing then.
        let scaled = exact(number, 12).and_then(|value| value.checked_mul(i128::from(*us)));
        let scaled = scaled.ok_or_else(|| format!("{number:?} is not a number of {unit}; {INTERVAL_FORM}"))?;
        if scaled % 10_i128.pow(12) != 0 {
            return Err(format!("{number} {unit} are not a whole number of microseconds"));
        }
        sum += scaled / 10_i128.pow(12);
    }
    i64::try_from(sum).map_err(|_| "the interval is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::interval_text;

    #[test]
    fn intervals_are_whole_microseconds() {
        for (text, expected) in [
            ("1 day", Some(86_400_000_000)),
            ("90 minutes", Some(5_400_000_000)),
            ("1.5h", Some(5_400_000_000)),
            ("1 hour 30 min", Some(5_400_000_000)),
            ("-1 second", Some(-1_000_000)),
            ("0.0000015 s", None),
            ("1 month", None),
            ("1", None),
            ("days", None),
            ("", None),
            ("99999999999999999999 days", None),
        ] {
            assert_eq!(interval_text(text).ok(), expected, "{text}");
        }
    }
}
