//! Texts as booleans, dates and times, as sources read them; and all values as texts, as sinks write them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Date32Array, StringArray};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use weir_core::time::text::{TimestampText, date};

use super::Result;
use crate::arrays::typed;

/// Texts as values of another type; numbers apart.
pub(super) fn read(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let texts = array.as_string::<i32>();
    match to {
        DataType::Boolean => Ok(Arc::new(texts.iter().map(|text| boolean(text?)).collect::<BooleanArray>())),
        DataType::Date32 => Ok(Arc::new(texts.iter().map(|text| date(text?)).collect::<Date32Array>())),
        DataType::Timestamp(unit, zone) => {
            let reader = TimestampText::new(*unit, zone.as_deref())?;
            typed(texts.iter().map(|text| reader.parse(text?.trim_ascii()).ok()).collect(), to)
        }
        to => super::arrows(array, to),
    }
}

/// Values of any type as texts. A time that has no text is null.
pub(super) fn write(array: &ArrayRef) -> Result<ArrayRef> {
    let array = match array.data_type() {
        // All times are written in UTC.
        DataType::Timestamp(unit, _) => {
            let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
            arrow::array::make_array(array.to_data().into_builder().data_type(utc).build()?)
        }
        _ => Arc::clone(array),
    };
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(&array, &options)?;
    let text = |row: usize| array.is_valid(row).then(|| formatter.value(row).try_to_string().ok()).flatten();
    Ok(Arc::new((0..array.len()).map(text).collect::<StringArray>()))
}

fn boolean(text: &str) -> Option<bool> {
    let text = text.trim_ascii();
    match () {
        () if text.eq_ignore_ascii_case("true") => Some(true),
        () if text.eq_ignore_ascii_case("false") => Some(false),
        () => None,
    }
}
