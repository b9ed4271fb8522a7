//! Days, weeks, months and years of a time zone: how long one is depends on where it lies. Never reads a clock.

use arrow::array::timezone::Tz;
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeZone};

use super::Window;

/// A time zone by its name, such as `Europe/Berlin`.
#[derive(Clone, Copy, Debug)]
pub struct Zone(Tz);

impl Zone {
    /// The zone of a name, or of an offset such as `+02:00`; `None`: there is none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        name.parse().ok().map(Self)
    }
}

impl std::fmt::Display for Zone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for Zone {}

/// What a calendar window counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalendarUnit {
    /// Days, counted from 1970-01-01.
    Days,
    /// Weeks that begin on Monday, counted from that of 1970-01-01.
    Weeks,
    /// Months, counted from January of the year 0: those of a quarter begin in January, April, July and October.
    Months,
}

/// Windows of so many days, weeks or months of a zone, end to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CalendarWindow {
    /// What is counted.
    pub unit: CalendarUnit,
    /// How many a window has, at least one.
    pub every: u32,
    /// Whose clocks count.
    pub zone: Zone,
}

const SECOND_US: i64 = 1_000_000;
const DAY_S: i64 = 86_400;
/// 1970-01-01, in days from the first day of the calendar of `chrono`.
const EPOCH_DAYS: i64 = 719_163;
/// The Monday of the week of 1970-01-01, in days from that day.
const MONDAY: i64 = -3;
/// Hours after a midnight that clocks never show within which they continue.
const SKIPPED_HOURS_MAX: u32 = 26;

impl CalendarWindow {
    /// The window of a time. Beyond the calendar, which no event time is, windows are days of UTC.
    #[must_use]
    pub fn window_of(&self, time: i64) -> Window {
        self.within_calendar(time).unwrap_or_else(|| {
            let day = DAY_S * SECOND_US;
            let start = time.div_euclid(day).saturating_mul(day);
            Window { start, end: start.saturating_add(day) }
        })
    }

    fn within_calendar(&self, time: i64) -> Option<Window> {
        let utc = DateTime::from_timestamp(time.div_euclid(SECOND_US), 0)?;
        let offset = self.zone.0.offset_from_utc_datetime(&utc.naive_utc());
        let local = utc.naive_utc().checked_add_offset(chrono::Offset::fix(&offset))?.date();
        let every = i64::from(self.every);
        let first = match self.unit {
            CalendarUnit::Days => day(floor(days_of(local), 0, every))?,
            CalendarUnit::Weeks => day(floor(days_of(local), MONDAY, 7 * every))?,
            CalendarUnit::Months => {
                let months = floor(i64::from(local.year()) * 12 + i64::from(local.month0()), 0, every);
                let (year, month) = (i32::try_from(months.div_euclid(12)).ok()?, months.rem_euclid(12));
                NaiveDate::from_ymd_opt(year, u32::try_from(month).ok()? + 1, 1)?
            }
        };
        let next = match self.unit {
            CalendarUnit::Days => first.checked_add_days(Days::new(u64::from(self.every)))?,
            CalendarUnit::Weeks => first.checked_add_days(Days::new(7 * u64::from(self.every)))?,
            CalendarUnit::Months => first.checked_add_months(Months::new(self.every))?,
        };
        Some(Window { start: self.midnight(first)?, end: self.midnight(next)? })
    }

    /// When a day begins, microseconds: at the first midnight that clocks show, or where they continue if they leave it out.
    fn midnight(&self, date: NaiveDate) -> Option<i64> {
        let midnight = date.and_hms_opt(0, 0, 0)?;
        // Zones leave out whole quarters of an hour.
        let moments = (0..SKIPPED_HOURS_MAX * 4).map(|quarters| chrono::Duration::minutes(i64::from(quarters) * 15));
        let shown =
            moments.filter_map(|after| self.zone.0.from_local_datetime(&(midnight + after)).earliest()).next()?;
        shown.timestamp().checked_mul(SECOND_US)
    }
}

fn days_of(date: NaiveDate) -> i64 {
    i64::from(date.num_days_from_ce()) - EPOCH_DAYS
}

fn day(days: i64) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(i32::try_from(days + EPOCH_DAYS).ok()?)
}

/// The greatest number that is not above `of` and is so many steps from `origin`.
fn floor(of: i64, origin: i64, step: i64) -> i64 {
    (of - origin).div_euclid(step) * step + origin
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::utc_text;

    fn window(unit: CalendarUnit, every: u32, zone: &str, time: &str) -> (String, String, i64) {
        let time = DateTime::parse_from_rfc3339(time).unwrap().timestamp_micros();
        let window = CalendarWindow { unit, every, zone: Zone::named(zone).unwrap() }.window_of(time);
        assert!(window.start <= time && time < window.end);
        (utc_text(window.start), utc_text(window.end), (window.end - window.start) / (3_600 * SECOND_US))
    }

    #[test]
    fn days_have_23_24_or_25_hours() {
        let of = |time| window(CalendarUnit::Days, 1, "Europe/Berlin", time);
        let expected = |a: &str, b: &str, hours| (a.to_owned(), b.to_owned(), hours);
        assert_eq!(of("2024-03-31T12:00:00Z"), expected("2024-03-30T23:00:00Z", "2024-03-31T22:00:00Z", 23));
        assert_eq!(of("2024-06-01T22:30:00Z"), expected("2024-06-01T22:00:00Z", "2024-06-02T22:00:00Z", 24));
        assert_eq!(of("2024-10-27T00:30:00Z"), expected("2024-10-26T22:00:00Z", "2024-10-27T23:00:00Z", 25));
        // Clocks of Havana go from 23:59:59 to 01:00.
        let havana = window(CalendarUnit::Days, 1, "America/Havana", "2024-03-10T12:00:00Z");
        assert_eq!(havana, expected("2024-03-10T05:00:00Z", "2024-03-11T04:00:00Z", 23));
    }

    #[test]
    fn weeks_begin_on_monday_and_months_have_their_days() {
        let (start, end, _) = window(CalendarUnit::Weeks, 1, "UTC", "2024-05-15T10:00:00Z");
        assert_eq!((start.as_str(), end.as_str()), ("2024-05-13T00:00:00Z", "2024-05-20T00:00:00Z"));
        let (start, end, hours) = window(CalendarUnit::Months, 1, "UTC", "2024-02-29T23:59:59Z");
        assert_eq!((start.as_str(), end.as_str(), hours), ("2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z", 29 * 24));
        let (start, end, _) = window(CalendarUnit::Months, 3, "UTC", "2024-06-30T00:00:00Z");
        assert_eq!((start.as_str(), end.as_str()), ("2024-04-01T00:00:00Z", "2024-07-01T00:00:00Z"));
    }

    proptest! {
        /// Windows hold their times, and lie end to end.
        #[test]
        fn windows_tile_time(
            time in -60_000_000_000_000_000..60_000_000_000_000_000i64,
            every in 1..5u32,
            zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/Havana", "Asia/Kolkata", "Pacific/Apia", "+05:45"]),
            unit in prop::sample::select(vec![CalendarUnit::Days, CalendarUnit::Weeks, CalendarUnit::Months]),
        ) {
            let windows = CalendarWindow { unit, every, zone: Zone::named(zone).unwrap() };
            let window = windows.window_of(time);
            prop_assert!(window.start <= time && time < window.end);
            prop_assert_eq!(windows.window_of(window.start), window);
            prop_assert_eq!(windows.window_of(window.end).start, window.end);
        }
    }
}
