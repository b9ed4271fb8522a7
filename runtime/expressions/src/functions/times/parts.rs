//! Times cut to the beginning of a unit, and the parts of times.

use std::sync::Arc;

use arrow::array::Int64Array;
use arrow::array::timezone::Tz;
use arrow::datatypes::DataType;
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, Timelike};
use weir_core::names::did_you_mean;

use super::{time_type, unit_and_zone};
use crate::arrays::{plain, typed};
use crate::casts::{from_local, local};
use crate::failures::TOO_FAR;
use crate::functions::{BindError, Bound, Given, literal_text};
use crate::node::Kernel;

/// What a time is cut to.
#[derive(Clone, Copy)]
enum Cut {
    /// So many of them are a second.
    Fraction(i64),
    /// So many seconds.
    Seconds(i64),
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

const CUTS: [(&str, Cut); 10] = [
    ("microsecond", Cut::Fraction(1_000_000)),
    ("millisecond", Cut::Fraction(1_000)),
    ("second", Cut::Seconds(1)),
    ("minute", Cut::Seconds(60)),
    ("hour", Cut::Seconds(3_600)),
    ("day", Cut::Day),
    ("week", Cut::Week),
    ("month", Cut::Month),
    ("quarter", Cut::Quarter),
    ("year", Cut::Year),
];

/// A part of a time on the clock of its zone.
type Part = fn(&NaiveDateTime) -> i64;

const PARTS: [(&str, Part); 13] = [
    ("year", |t| i64::from(t.year())),
    ("quarter", |t| i64::from(t.month0() / 3 + 1)),
    ("month", |t| i64::from(t.month())),
    ("week", |t| i64::from(t.iso_week().week())),
    ("day", |t| i64::from(t.day())),
    ("doy", |t| i64::from(t.ordinal())),
    ("dow", |t| i64::from(t.weekday().num_days_from_sunday())),
    ("isodow", |t| i64::from(t.weekday().number_from_monday())),
    ("hour", |t| i64::from(t.hour())),
    ("minute", |t| i64::from(t.minute())),
    ("second", |t| i64::from(t.second())),
    ("millisecond", |t| i64::from(t.nanosecond() / 1_000_000)),
    ("microsecond", |t| i64::from(t.nanosecond() / 1_000)),
];

fn named<T: Copy>(given: &[Given<'_>], known: &[(&str, T)]) -> Result<T, BindError> {
    let name = literal_text(given, 0, "a unit")?.to_ascii_lowercase();
    if let Some((_, found)) = known.iter().find(|(known, _)| *known == name) {
        return Ok(*found);
    }
    if name == "epoch" {
        let message = "\"epoch\" is not a part of a time: epoch_s(time), epoch_ms(time) and epoch_us(time) are";
        // Of `extract(epoch from t)` no place of the unit is known.
        return Err(BindError::of(1, message));
    }
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let near = did_you_mean(&name, &names);
    Err(BindError::of(0, format!("there is no unit {name:?}{near}; the units are {}", names.join(", "))))
}

pub(super) fn date_trunc(given: &[Given<'_>]) -> Result<Bound, BindError> {
    let cut = named(given, &CUTS)?;
    let data_type = time_type(given, 1)?;
    let (per_second, zone) = unit_and_zone(&data_type)?;
    let makes = data_type.clone();
    let kernel = Kernel::new(move |of, failures| {
        let times = plain(of, 1)?;
        let mut values = Vec::with_capacity(of.rows);
        for row in 0..of.rows {
            values.push(times.get(row).and_then(|time| {
                let value = truncated(time, cut, per_second, zone);
                if value.is_none() {
                    failures.add(row, of.range, TOO_FAR);
                }
                value
            }));
        }
        typed(values, &data_type)
    });
    Ok(Bound { takes: vec![DataType::Utf8, makes.clone()], makes, kernel })
}

fn truncated(time: i64, cut: Cut, per_second: i64, zone: Option<Tz>) -> Option<i64> {
    let multiple = |of: i64| time.checked_sub(time.rem_euclid(of));
    match (cut, zone) {
        (Cut::Fraction(unit), _) if unit >= per_second => Some(time),
        (Cut::Fraction(unit), _) => multiple(per_second / unit),
        (Cut::Seconds(seconds), None) => multiple(per_second * seconds),
        (Cut::Day, None) => multiple(per_second * 86_400),
        (cut, zone) => {
            let seconds = time.div_euclid(per_second);
            let begin = beginning(clock(seconds, zone)?, cut)?;
            let seconds = match zone {
                None => begin.and_utc().timestamp(),
                // Hours and less are cut off the clock, so that an hour that comes twice stays the one that it is.
                Some(zone) => match cut {
                    Cut::Seconds(_) => seconds - (clock(seconds, Some(zone))? - begin).num_seconds(),
                    _ => from_local(begin, zone)?,
                },
            };
            seconds.checked_mul(per_second)
        }
    }
}

/// What clocks show, of UTC if there is no zone.
fn clock(seconds: i64, zone: Option<Tz>) -> Option<NaiveDateTime> {
    match zone {
        None => Some(DateTime::from_timestamp(seconds, 0)?.naive_utc()),
        Some(zone) => local(seconds, zone),
    }
}

fn beginning(time: NaiveDateTime, cut: Cut) -> Option<NaiveDateTime> {
    let date = time.date();
    let date = match cut {
        Cut::Fraction(_) => return Some(time),
        Cut::Seconds(seconds) => {
            let of_day = i64::from(time.num_seconds_from_midnight());
            return date
                .and_hms_opt(0, 0, 0)?
                .checked_add_signed(chrono::TimeDelta::seconds(of_day - of_day % seconds));
        }
        Cut::Day => date,
        Cut::Week => date.checked_sub_days(Days::new(u64::from(date.weekday().num_days_from_monday())))?,
        Cut::Month => date.with_day(1)?,
        Cut::Quarter => NaiveDate::from_ymd_opt(date.year(), date.month0() / 3 * 3 + 1, 1)?,
        Cut::Year => NaiveDate::from_ymd_opt(date.year(), 1, 1)?,
    };
    date.and_hms_opt(0, 0, 0)
}

pub(super) fn date_part(given: &[Given<'_>]) -> Result<Bound, BindError> {
    let part = named(given, &PARTS)?;
    let data_type = time_type(given, 1)?;
    let (per_second, zone) = unit_and_zone(&data_type)?;
    let kernel = Kernel::new(move |of, failures| {
        let times = plain(of, 1)?;
        let value = |time: i64| {
            let fraction = u32::try_from(time.rem_euclid(per_second) * (1_000_000_000 / per_second)).ok()?;
            Some(part(&clock(time.div_euclid(per_second), zone)?.with_nanosecond(fraction)?))
        };
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
    Ok(Bound { takes: vec![DataType::Utf8, data_type], makes: DataType::Int64, kernel })
}
