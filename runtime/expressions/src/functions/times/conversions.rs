//! Times from integers and texts, and back.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::Int64Array;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use chrono::format::{Fixed, Item, Parsed, StrftimeItems, parse};
use chrono::{DateTime, NaiveTime, Utc};
use weir_core::column_type::type_name;

use super::{time_type, unit_and_zone};
use crate::arrays::{per_second, plain, typed};
use crate::casts::rescaled;
use crate::failures::{TOO_FAR, shorten};
use crate::functions::{BindError, Bound, Given, literal_text};
use crate::node::Kernel;
use crate::text_builder::TextBuilder;
use crate::types::timestamp;

pub(super) fn to_timestamp(given: &[Given<'_>]) -> Result<Bound, BindError> {
    match given.first().map(|given| given.data_type) {
        Some(DataType::Utf8) => from_text(given),
        Some(DataType::Null) | None => from_text(given).or_else(|_| from_integer(given)),
        Some(data_type) if data_type.is_integer() => from_integer(given),
        Some(other) => Err(BindError::of(0, format!("this is {}, but must be an integer or text", type_name(other)))),
    }
}

fn from_integer(given: &[Given<'_>]) -> Result<Bound, BindError> {
    let (from, to) = match literal_text(given, 1, "a unit")? {
        "s" => (TimeUnit::Second, TimeUnit::Microsecond),
        "ms" => (TimeUnit::Millisecond, TimeUnit::Microsecond),
        "us" => (TimeUnit::Microsecond, TimeUnit::Microsecond),
        "ns" => (TimeUnit::Nanosecond, TimeUnit::Nanosecond),
        _ => return Err(BindError::of(1, "the unit is 's', 'ms', 'us' or 'ns'")),
    };
    let makes = DataType::Timestamp(to, Some("UTC".into()));
    let data_type = makes.clone();
    let kernel = Kernel::new(move |of, failures| {
        let numbers = of.numbers::<Int64Type>(0);
        let mut values = Vec::with_capacity(of.rows);
        for row in 0..of.rows {
            values.push(numbers.get(row).and_then(|number| {
                let value = rescaled(number, from, to);
                if value.is_none() {
                    failures.add(row, of.range, TOO_FAR);
                }
                value
            }));
        }
        typed(values, &data_type)
    });
    Ok(Bound { takes: vec![DataType::Int64, DataType::Utf8], makes, kernel })
}

fn from_text(given: &[Given<'_>]) -> Result<Bound, BindError> {
    let items = items(given)?;
    let is_zone_name = |item: &Item<'_>| matches!(item, Item::Fixed(Fixed::TimezoneName));
    if items.iter().any(is_zone_name) {
        return Err(BindError::of(1, "%Z is the name of a zone, which does not tell the offset: use %z"));
    }
    let kernel = Kernel::new(move |of, failures| {
        let texts = of.texts(0);
        let mut values = Vec::with_capacity(of.rows);
        for row in 0..of.rows {
            values.push(texts.get(row).and_then(|text| {
                let value = time_of(text, &items);
                if value.is_none() {
                    failures.add(row, of.range, format!("{:?} does not have the format", shorten(text)));
                }
                value
            }));
        }
        typed(values, &timestamp())
    });
    Ok(Bound { takes: vec![DataType::Utf8; 2], makes: timestamp(), kernel })
}

/// Microseconds since 1970. A time without an offset is UTC, and one without a time of day midnight, as in `event-time`; a fraction
/// that is finer is not of the format.
fn time_of(text: &str, items: &[Item<'static>]) -> Option<i64> {
    let mut parsed = Parsed::new();
    parse(&mut parsed, text, items.iter()).ok()?;
    let in_us =
        |time: DateTime<Utc>| time.timestamp_subsec_nanos().is_multiple_of(1_000).then(|| time.timestamp_micros());
    if let Ok(time) = parsed.to_datetime() {
        return in_us(time.to_utc());
    }
    if parsed.offset().is_some() {
        return None;
    }
    if let Ok(time) = parsed.to_naive_datetime_with_offset(0) {
        return in_us(time.and_utc());
    }
    let parts = [parsed.hour_div_12(), parsed.hour_mod_12(), parsed.minute(), parsed.second()];
    let has_time = parts.iter().any(Option::is_some);
    let date = parsed.to_naive_date().ok().filter(|_| !has_time)?;
    in_us(date.and_time(NaiveTime::MIN).and_utc())
}

/// The placeholders of a format.
fn items(given: &[Given<'_>]) -> Result<Vec<Item<'static>>, BindError> {
    let format = literal_text(given, 1, "a format")?;
    let wrong = |_| BindError::of(1, format!("{format:?} has an unknown placeholder"));
    StrftimeItems::new(format).parse_to_owned().map_err(wrong)
}

pub(super) fn strftime(given: &[Given<'_>]) -> Result<Bound, BindError> {
    let items = items(given)?;
    let data_type = time_type(given, 0)?;
    let (per_second, zone) = unit_and_zone(&data_type)?;
    let takes = vec![data_type, DataType::Utf8];
    let kernel = Kernel::new(move |of, failures| {
        let times = plain(of, 0)?;
        let mut texts = TextBuilder::new(of.rows, of.range);
        let mut text = String::new();
        for row in 0..of.rows {
            let Some(time) = times.get(row) else {
                texts.append_null();
                continue;
            };
            text.clear();
            let seconds = time.div_euclid(per_second);
            let nanos = u32::try_from(time.rem_euclid(per_second) * (1_000_000_000 / per_second)).unwrap_or_default();
            // The last days of the calendar have no local time.
            let time = DateTime::from_timestamp(seconds, nanos).filter(|_| crate::casts::is_in_calendar(seconds));
            let written = time.map(|time| match zone {
                None => write!(text, "{}", time.format_with_items(items.iter())),
                Some(zone) => write!(text, "{}", time.with_timezone(&zone).format_with_items(items.iter())),
            });
            match written {
                Some(Ok(())) => texts.append(&text, failures, row)?,
                Some(Err(_)) | None => {
                    failures.add(row, of.range, "the time cannot be written in this format");
                    texts.append_null();
                }
            }
        }
        Ok(texts.finish())
    });
    Ok(Bound { takes, makes: DataType::Utf8, kernel })
}

/// How many of a unit a time is after 1970, or an interval is long.
pub(super) fn epoch(given: &[Given<'_>], to: TimeUnit) -> Result<Bound, BindError> {
    let data_type = match given.first() {
        Some(Given { data_type: of @ DataType::Duration(_), .. }) => (*of).clone(),
        _ => time_type(given, 0)?,
    };
    let (DataType::Timestamp(from, _) | DataType::Duration(from)) = data_type else {
        return Err(BindError::of(0, "this is no time"));
    };
    let (from, to) = (per_second(from), per_second(to));
    let kernel = Kernel::new(move |of, failures| {
        let times = plain(of, 0)?;
        let value = |time: i64| if to >= from { time.checked_mul(to / from) } else { Some(time.div_euclid(from / to)) };
        let values = (0..of.rows).map(|row| {
            let value = value(times.get(row)?);
            if value.is_none() {
                failures.add(row, of.range, TOO_FAR);
            }
            value
        });
        let values: Int64Array = values.collect();
        Ok(Arc::new(values))
    });
    Ok(Bound { takes: vec![data_type], makes: DataType::Int64, kernel })
}
