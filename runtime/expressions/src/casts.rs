//! Values of one type as values of another: exactly, or the row fails. Floats are the nearest float, which is what their type means;
//! a date of a time is its day, which is what that cast means. Nothing else is cut or rounded.

mod numbers;
mod texts;
mod times;

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use weir_core::column_type::type_name;

use crate::evaluation_error::EvaluationError;
use crate::failures::{Failures, shorten};
use crate::types::{is_number, widens};

pub(crate) use times::{from_local, is_in_calendar, local, rescaled, zone_of};

type Result<T> = std::result::Result<T, EvaluationError>;

/// Whether there is a cast between two types, or what to write instead.
pub(crate) fn check_cast(from: &DataType, to: &DataType) -> std::result::Result<(), String> {
    use DataType::{Boolean, Date32, Duration, Null, Timestamp, Utf8};
    let refuse = |hint: &str| Err(format!("there is no cast of {} to {}{hint}", type_name(from), type_name(to)));
    match (from, to) {
        (from, to) if from == to => Ok(()),
        (Null, _) | (Utf8, Boolean | Date32 | Timestamp(..)) => Ok(()),
        (from, to) if is_number(from) && (is_number(to) || *to == Utf8) => Ok(()),
        (Utf8, to) if is_number(to) => Ok(()),
        (Boolean | Date32 | Timestamp(..), Utf8) | (Date32 | Timestamp(..), Date32 | Timestamp(..)) => Ok(()),
        (Duration(_), Duration(_)) => Ok(()),
        (from, Timestamp(..)) if is_number(from) => refuse(": to_timestamp(number, 'ms') says what the number counts"),
        (Timestamp(..) | Duration(_), to) if is_number(to) => {
            refuse(": epoch_s(...), epoch_ms(...) and epoch_us(...) make integers of times")
        }
        (Boolean, to) if is_number(to) => refuse(": write case when ... then 1 else 0 end"),
        _ => refuse(""),
    }
}

/// A column as another type; rows whose value has no such form fail, and are null.
pub(crate) fn cast(array: &ArrayRef, to: &DataType, range: &Range<usize>, failures: &mut Failures) -> Result<ArrayRef> {
    let from = array.data_type();
    if from == to {
        return Ok(Arc::clone(array));
    }
    if *from == DataType::Null {
        return Ok(new_null_array(to, array.len()));
    }
    if widens(from, to) {
        return arrows(array, to);
    }
    let result = match (from, to) {
        (DataType::Utf8, to) if is_number(to) => numbers::from_text(array, to),
        (from, to) if is_number(from) && is_number(to) => numbers::between(array, to),
        (DataType::Utf8, _) => texts::read(array, to),
        (_, DataType::Utf8) => texts::write(array),
        _ => times::between(array, to),
    }?;
    // A value that became null has no such form.
    if result.null_count() != array.null_count() {
        for row in (0..array.len()).filter(|row| array.is_valid(*row) && result.is_null(*row)) {
            failures.add(row, range, format!("{} is not of the type {}", shown(array, row), type_name(to)));
        }
    }
    Ok(result)
}

/// Arrow's cast; what it cannot convert is null.
fn arrows(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let options = CastOptions { safe: true, ..CastOptions::default() };
    Ok(cast_with_options(array, to, &options)?)
}

/// A value, for a message.
fn shown(array: &ArrayRef, row: usize) -> String {
    let options = FormatOptions::default();
    let text = ArrayFormatter::try_new(array, &options)
        .map_or_else(|error| error.to_string(), |formatter| formatter.value(row).to_string());
    match array.data_type() {
        DataType::Utf8 => format!("{:?}", shorten(&text)),
        _ => shorten(&text),
    }
}
