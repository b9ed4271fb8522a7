//! Dates and times as text into what their column holds. Nothing is cut: a fraction finer than the column's unit is refused, and so
//! is a time of day in a column of dates.
//!
//! A time without an offset is local time of the column's zone (UTC, if the column has none). Where clocks are put back, an hour
//! comes twice: it is the first of the two. Where they are put forward an hour never comes: it is refused. Second 60, which clocks
//! show when they wait for the earth, is the first second of the next minute.

use crate::column_type::is_abbreviation;
use arrow::array::timezone::Tz;
use arrow::array::types::Date32Type;
use arrow::compute::kernels::cast_utils::{Parser, string_to_datetime};
use arrow::datatypes::TimeUnit;
use arrow::error::ArrowError;
use chrono::{DateTime, LocalResult, TimeZone};

/// What a timestamp without a zone is read as.
const NO_ZONE: &str = "+00:00";
/// Where the fraction of a second begins in `2013-01-01T05:17:00.25`.
const FRACTION_AT: usize = 19;
/// Digits of a fraction that Arrow reads.
const FRACTION_DIGITS_MAX: usize = 9;
/// As long as `2013-01-01`.
const DATE_CHARS: usize = 10;

/// Reads the texts of one column of timestamps.
#[derive(Clone, Debug)]
pub struct TimestampText {
    zone: Tz,
    /// The zone's name, if its clocks are changed.
    local: Option<String>,
    utc: Tz,
    unit: &'static str,
    per_second: i64,
}

/// Why a text is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoTime {
    /// It is no time.
    Form,
    /// It has a fraction that the column's unit does not hold.
    TooFine(&'static str),
    /// The column's numbers do not reach so far.
    TooFar,
    /// Clocks never showed it in this zone.
    Never(String),
    /// It has an abbreviation for its zone.
    Abbreviated(String),
}

impl TimestampText {
    /// For columns of this unit and zone.
    ///
    /// # Errors
    /// If there is no such zone.
    pub fn new(unit: TimeUnit, zone: Option<&str>) -> Result<Self, ArrowError> {
        let name = zone.unwrap_or(NO_ZONE);
        let (unit, per_second) = match unit {
            TimeUnit::Second => ("seconds", 1),
            TimeUnit::Millisecond => ("milliseconds", 1_000),
            TimeUnit::Microsecond => ("microseconds", 1_000_000),
            TimeUnit::Nanosecond => ("nanoseconds", 1_000_000_000),
        };
        let local = name.contains(|c: char| c.is_ascii_alphabetic()).then(|| name.to_owned());
        Ok(Self { zone: name.parse()?, local, utc: NO_ZONE.parse()?, unit, per_second })
    }

    /// The value of a text.
    ///
    /// # Errors
    /// Why it has none.
    pub fn parse(&self, text: &str) -> Result<i64, NoTime> {
        if let Some(zone) = abbreviation(text) {
            return Err(NoTime::Abbreviated(zone.to_owned()));
        }
        let time = match string_to_datetime(&self.zone, text) {
            Ok(time) => time,
            Err(_) => self.local_time(text)?,
        };
        let per_unit = 1_000_000_000 / self.per_second;
        // More than a second's worth of them in a leap second, which is in the next second then.
        let nanos = i64::from(time.timestamp_subsec_nanos());
        if nanos % per_unit != 0 || !is_zero(unread_digits(text)) {
            return Err(NoTime::TooFine(self.unit));
        }
        // Before 1970 the seconds may be out of range where they are not with the fraction.
        let value = i128::from(time.timestamp()) * i128::from(self.per_second) + i128::from(nanos / per_unit);
        i64::try_from(value).map_err(|_| NoTime::TooFar)
    }

    /// A time that clocks show twice, or never.
    fn local_time(&self, text: &str) -> Result<DateTime<Tz>, NoTime> {
        // A zone may be in the text: `2013-01-01 05:17:00 Europe/Berlin`.
        let after_date = text.get(DATE_CHARS + 1..).unwrap_or_default();
        let (local, zone, name) = match after_date.find(|c: char| c.is_ascii_alphabetic() || c == ' ') {
            Some(at) => {
                let (local, name) = text.split_at(DATE_CHARS + 1 + at);
                (local, name.trim().parse().map_err(|_| NoTime::Form)?, Some(name.trim().to_owned()))
            }
            None => (text, self.zone, self.local.clone()),
        };
        let local = string_to_datetime(&self.utc, local).map_err(|_| NoTime::Form)?.naive_utc();
        match zone.from_local_datetime(&local) {
            LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => Ok(time.with_timezone(&self.zone)),
            LocalResult::None => Err(name.map_or(NoTime::Form, NoTime::Never)),
        }
    }
}

impl NoTime {
    /// What follows "is not of the type ...".
    pub fn words(&self) -> String {
        match self {
            Self::Form => String::new(),
            Self::TooFine(unit) => format!(": its fraction is finer than {unit}"),
            Self::TooFar => ": its unit does not reach so far".to_owned(),
            Self::Abbreviated(zone) => {
                format!(": {zone} is an abbreviation, which does not tell the offset; +01:00 or Europe/Berlin does")
            }
            Self::Never(zone) => format!(": clocks in {zone} were put forward past it, so it does not exist"),
        }
    }
}

/// The abbreviation of a zone that a text ends with.
fn abbreviation(text: &str) -> Option<&str> {
    // All of them end so, and hardly any other time.
    if !matches!(text.as_bytes(), [.., b't' | b'T']) {
        return None;
    }
    let begin = text.rfind(|c: char| !c.is_ascii_alphabetic()).map_or(0, |at| at + 1);
    text.get(begin..).filter(|zone| is_abbreviation(zone))
}

/// The days since 1970 of a text that is a date and nothing more.
pub fn date(text: &str) -> Option<i32> {
    let text = text.trim_ascii();
    let is_extended = text.starts_with(['+', '-']);
    Date32Type::parse(text).filter(|_| is_extended || text.len() <= DATE_CHARS)
}

/// The digits of a fraction that are too many for Arrow to look at.
fn unread_digits(text: &str) -> &[u8] {
    match text.as_bytes().get(FRACTION_AT..) {
        Some([b'.', digits @ ..]) => {
            let end = digits.iter().position(|digit| !digit.is_ascii_digit()).unwrap_or(digits.len());
            digits.get(FRACTION_DIGITS_MAX..end).unwrap_or_default()
        }
        _ => &[],
    }
}

fn is_zero(digits: &[u8]) -> bool {
    digits.iter().all(|digit| *digit == b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(unit: TimeUnit, zone: Option<&str>, text: &str) -> Result<i64, NoTime> {
        TimestampText::new(unit, zone).unwrap().parse(text)
    }

    #[test]
    fn fractions_are_never_cut() {
        use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
        for (unit, text, expected) in [
            (Second, "1970-01-01T00:00:01", Ok(1)),
            (Second, "1970-01-01T00:00:01.000", Ok(1)),
            (Second, "1970-01-01T00:00:01.5", Err(NoTime::TooFine("seconds"))),
            (Millisecond, "1969-12-31T23:59:59.999Z", Ok(-1)),
            (Millisecond, "1970-01-01T00:00:00.0001Z", Err(NoTime::TooFine("milliseconds"))),
            (Microsecond, "1970-01-01T00:00:00.000001Z", Ok(1)),
            (Microsecond, "1970-01-01T00:00:00.0000001Z", Err(NoTime::TooFine("microseconds"))),
            (Nanosecond, "1969-12-31T23:59:59.999999999Z", Ok(-1)),
            (Nanosecond, "1677-09-21T00:12:43.145224192Z", Ok(i64::MIN)),
            (Nanosecond, "1600-01-01T00:00:00Z", Err(NoTime::TooFar)),
            (Nanosecond, "1970-01-01T00:00:00.0000000001", Err(NoTime::TooFine("nanoseconds"))),
            (Nanosecond, "1970-01-01T00:00:00.00000000100000Z", Ok(1)),
            (Second, "1970-01-01T00:00:60Z", Ok(60)),
            (Microsecond, "1970-01-01T00:00:60.5Z", Ok(60_500_000)),
            (Second, "1970-01-01T25:00:00Z", Err(NoTime::Form)),
            (Second, "1357000000", Err(NoTime::Form)),
        ] {
            assert_eq!(read(unit, None, text), expected, "{text}");
        }
    }

    #[test]
    fn zones_are_offsets_and_places_and_no_abbreviations() {
        let read = |text: &str| read(TimeUnit::Second, None, text);
        let expected = read("2024-07-01T10:00:00Z");
        for text in ["2024-07-01T12:00:00+02:00", "2024-07-01 12:00:00 Europe/Berlin", "2024-07-01 10:00:00 UTC"] {
            assert_eq!(read(text), expected, "{text}");
        }
        for zone in ["EST", "MST", "HST", "CET", "MET", "EET", "WET"] {
            for text in [format!("2024-07-01 12:00:00 {zone}"), format!("2024-07-01T12:00:00{zone}")] {
                assert_eq!(read(&text), Err(NoTime::Abbreviated(zone.to_owned())), "{text}");
            }
        }
        for zone in ["PST", "IST", "CST", "BST", "CEST", "EDT"] {
            assert_eq!(read(&format!("2024-07-01 12:00:00 {zone}")), Err(NoTime::Form), "{zone}");
        }
    }

    #[test]
    fn local_times_that_come_twice_are_the_first_and_those_that_never_come_are_refused() {
        let berlin = Some("Europe/Berlin");
        let utc = |text| read(TimeUnit::Second, None, text);
        for (zone, text, expected) in [
            (berlin, "2024-10-27 01:30:00", "2024-10-26 23:30:00"),
            (berlin, "2024-10-27 02:30:00", "2024-10-27 00:30:00"),
            (berlin, "2024-10-27 02:30:00+01:00", "2024-10-27 01:30:00"),
            (berlin, "2024-10-27 03:30:00", "2024-10-27 02:30:00"),
            (None, "2024-10-27 02:30:00 Europe/Berlin", "2024-10-27 00:30:00"),
            (Some("America/New_York"), "2024-11-03T01:30:00", "2024-11-03 05:30:00"),
            // Clocks were changed at midnight: the first midnight.
            (Some("America/Havana"), "2024-11-03", "2024-11-03 04:00:00"),
        ] {
            assert_eq!(read(TimeUnit::Second, zone, text), utc(expected), "{text}");
        }
        for (zone, text, named) in [
            (berlin, "2024-03-31 02:30:00", "Europe/Berlin"),
            (Some("America/New_York"), "2024-03-10T02:00:00", "America/New_York"),
            (None, "2024-03-31 02:30:00 Europe/Berlin", "Europe/Berlin"),
            // Samoa went over the date line, and had no such day.
            (Some("Pacific/Apia"), "2011-12-30", "Pacific/Apia"),
        ] {
            assert_eq!(read(TimeUnit::Second, zone, text), Err(NoTime::Never(named.to_owned())), "{text}");
        }
        assert_eq!(read(TimeUnit::Second, berlin, "2024-03-31 02:60:00"), Err(NoTime::Form));
        assert_eq!(read(TimeUnit::Second, berlin, "2024-03-31 02:30:00 Mars"), Err(NoTime::Form));
    }

    #[test]
    fn a_time_of_day_is_no_part_of_a_date() {
        for (text, days) in [
            ("1970-01-02", Some(1)),
            ("1969-12-31", Some(-1)),
            ("19700102", Some(1)),
            ("+10000-01-01", Some(2_932_897)),
            ("1970-01-02T05:17:00Z", None),
            ("1970-01-02T00:00:00", None),
            ("86400", None),
        ] {
            assert_eq!(date(text), days, "{text}");
        }
    }
}
