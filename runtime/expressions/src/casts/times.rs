//! Dates, times and intervals as each other. A time in a coarser unit keeps all its digits, or has no such form.

use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrayRef, AsArray, Date32Array, Int64Array};
use arrow::datatypes::{DataType, Date32Type, TimeUnit};
use chrono::{DateTime, Datelike, LocalResult, NaiveDate, NaiveDateTime, TimeZone};

use super::Result;
use crate::arrays::{per_second, typed};

const DAY_S: i64 = 86_400;
/// 1970-01-01, in days from the first day of the calendar of `chrono`.
const EPOCH_DAYS: i32 = 719_163;
/// Seconds from 1970 within which every zone's clocks are in the calendar: its last days are left out.
const SECONDS_MAX: u64 = 8_200_000_000_000;

/// Dates, times and intervals as each other.
pub(super) fn between(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    match (array.data_type(), to) {
        (DataType::Date32, DataType::Timestamp(unit, zone)) => {
            let zone = zone_of(zone.as_deref())?;
            let dates = array.as_primitive::<Date32Type>();
            typed(dates.iter().map(|days| midnight(days?, zone)?.checked_mul(per_second(*unit))).collect(), to)
        }
        (DataType::Timestamp(unit, zone), DataType::Date32) => {
            let zone = zone_of(zone.as_deref())?;
            let per_second = per_second(*unit);
            let day = |time: i64| day_of(time.div_euclid(per_second), zone);
            Ok(Arc::new(numbers(array)?.iter().map(|time| day(time?)).collect::<Date32Array>()))
        }
        (DataType::Timestamp(from, _), DataType::Timestamp(unit, _))
        | (DataType::Duration(from), DataType::Duration(unit)) => {
            let convert = |value: i64| rescaled(value, *from, *unit);
            typed(numbers(array)?.iter().map(|value| convert(value?)).collect(), to)
        }
        _ => super::arrows(array, to),
    }
}

/// The zone of a time's type; `None`: UTC, whose days are all of one length.
pub(crate) fn zone_of(name: Option<&str>) -> Result<Option<Tz>> {
    match name {
        None | Some("UTC" | "Z" | "+00:00") => Ok(None),
        Some(zone) => Ok(Some(zone.parse()?)),
    }
}

/// The same time in another unit; `None`: it has a fraction there, or the unit does not reach so far.
pub(crate) fn rescaled(value: i64, from: TimeUnit, to: TimeUnit) -> Option<i64> {
    let (from, to) = (per_second(from), per_second(to));
    if to >= from {
        return value.checked_mul(to / from);
    }
    let by = from / to;
    (value % by == 0).then_some(value / by)
}

fn numbers(array: &ArrayRef) -> Result<Int64Array> {
    Ok(Int64Array::from(array.to_data().into_builder().data_type(DataType::Int64).build()?))
}

/// Seconds since 1970 at the beginning of a day.
fn midnight(days: i32, zone: Option<Tz>) -> Option<i64> {
    let Some(zone) = zone else { return Some(i64::from(days) * DAY_S) };
    let midnight = NaiveDate::from_num_days_from_ce_opt(days.checked_add(EPOCH_DAYS)?)?.and_hms_opt(0, 0, 0)?;
    from_local(midnight, zone)
}

/// Whether clocks of every zone can show a time, in seconds since 1970.
pub(crate) fn is_in_calendar(seconds: i64) -> bool {
    seconds.unsigned_abs() <= SECONDS_MAX
}

/// What clocks of a zone show; `None`: the calendar does not reach so far.
pub(crate) fn local(seconds: i64, zone: Tz) -> Option<NaiveDateTime> {
    if !is_in_calendar(seconds) {
        return None;
    }
    Some(DateTime::from_timestamp(seconds, 0)?.with_timezone(&zone).naive_local())
}

/// When clocks of a zone showed a time first, in seconds since 1970; `None`: they never did, or the calendar does not reach so far.
pub(crate) fn from_local(local: NaiveDateTime, zone: Tz) -> Option<i64> {
    if !is_in_calendar(local.and_utc().timestamp()) {
        return None;
    }
    match zone.from_local_datetime(&local) {
        LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => Some(time.timestamp()),
        LocalResult::None => None,
    }
}

/// The day of a time, in days since 1970.
fn day_of(seconds: i64, zone: Option<Tz>) -> Option<i32> {
    match zone {
        None => i32::try_from(seconds.div_euclid(DAY_S)).ok(),
        Some(zone) => Some(local(seconds, zone)?.date().num_days_from_ce() - EPOCH_DAYS),
    }
}
