//! Instants in text, as logs have them. It knows no clock and no zones but offsets.

use crate::timestamp::Timestamp;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const SECONDS_PER_DAY: i64 = 86_400;
const MICROS_PER_SECOND: i64 = 1_000_000;

impl Timestamp {
    /// Reads an instant in one of these forms:
    ///
    /// | form | |
    /// |---|---|
    /// | RFC 3339 | `2024-05-01T12:30:00Z`, `2024-05-01T12:30:00.25+02:00` |
    /// | with a space | `2024-05-01 12:30:00`, also with a fraction or an offset |
    /// | logs of web servers | `01/May/2024:12:30:00 +0200` |
    ///
    /// Without an offset it is UTC. A fraction has six digits that are not zero at most, for nothing is cut off; second 60 is the first
    /// of the next minute.
    ///
    /// ```
    /// use weir_sdk::Timestamp;
    /// assert_eq!(Timestamp::parse("1970-01-01T00:00:01.5Z"), Ok(Timestamp(1_500_000)));
    /// assert_eq!(Timestamp::parse("01/Jan/1970:02:00:00 +0200"), Ok(Timestamp(0)));
    /// ```
    ///
    /// # Errors
    /// If it is none of these, or no such day or time exists; the message has the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rest = Rest(text.trim());
        let read = if rest.0.as_bytes().get(2) == Some(&b'/') { web_server(&mut rest) } else { rfc_3339(&mut rest) };
        match read {
            Some(instant) if rest.0.is_empty() => Ok(instant),
            _ => Err(format!("{text:?} is no time such as 2024-05-01T12:30:00Z or 01/May/2024:12:30:00 +0200")),
        }
    }
}

/// What is left of a text.
struct Rest<'t>(&'t str);

impl Rest<'_> {
    /// A number of so many digits, up to a greatest one.
    fn number(&mut self, digits: usize, max: i64) -> Option<i64> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        let number = number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())??;
        self.0 = rest;
        (number <= max).then_some(number)
    }

    /// One of some characters.
    fn one_of(&mut self, chars: &[char]) -> Option<()> {
        self.0 = self.0.strip_prefix(chars)?;
        Some(())
    }
}

fn rfc_3339(rest: &mut Rest<'_>) -> Option<Timestamp> {
    let year = rest.number(4, 9999)?;
    rest.one_of(&['-'])?;
    let month = rest.number(2, 12)?;
    rest.one_of(&['-'])?;
    let day = rest.number(2, 31)?;
    rest.one_of(&['T', 't', ' '])?;
    let time_us = time(rest)?;
    let offset_s = offset(rest)?;
    instant([year, month, day], time_us, offset_s)
}

fn web_server(rest: &mut Rest<'_>) -> Option<Timestamp> {
    let day = rest.number(2, 31)?;
    rest.one_of(&['/'])?;
    let (name, after) = rest.0.split_at_checked(3)?;
    let month = MONTHS.iter().zip(1..).find(|(month, _)| **month == name).map(|(_, number)| number)?;
    rest.0 = after;
    rest.one_of(&['/'])?;
    let year = rest.number(4, 9999)?;
    rest.one_of(&[':'])?;
    let time_us = time(rest)?;
    let offset_s = offset(rest)?;
    instant([year, month, day], time_us, offset_s)
}

/// `12:30:00`, with a fraction perhaps: microseconds of the day.
fn time(rest: &mut Rest<'_>) -> Option<i64> {
    let hour = rest.number(2, 23)?;
    rest.one_of(&[':'])?;
    let minute = rest.number(2, 59)?;
    rest.one_of(&[':'])?;
    let second = rest.number(2, 60)?;
    let mut fraction_us = 0;
    if rest.one_of(&['.', ',']).is_some() {
        let digits = rest.0.len() - rest.0.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (fraction, after) = rest.0.split_at_checked(digits)?;
        let fraction_of_micros = fraction.get(6..).unwrap_or_default();
        if digits == 0 || fraction_of_micros.bytes().any(|digit| digit != b'0') {
            return None;
        }
        fraction_us = format!("{:0<6}", fraction.get(..6).unwrap_or(fraction)).parse().ok()?;
        rest.0 = after;
    }
    Some((hour * 3600 + minute * 60 + second) * MICROS_PER_SECOND + fraction_us)
}

/// `Z`, `+02:00`, `+0200`, ` +0200`, or nothing: seconds.
fn offset(rest: &mut Rest<'_>) -> Option<i64> {
    let _ = rest.one_of(&[' ']);
    if rest.0.is_empty() || rest.one_of(&['Z', 'z']).is_some() {
        return Some(0);
    }
    let sign = if rest.one_of(&['+']).is_some() { 1 } else { rest.one_of(&['-']).map(|()| -1)? };
    let hours = rest.number(2, 23)?;
    let _ = rest.one_of(&[':']);
    let minutes = rest.number(2, 59)?;
    Some(sign * (hours * 3600 + minutes * 60))
}

fn instant([year, month, day]: [i64; 3], time_us: i64, offset_s: i64) -> Option<Timestamp> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) {
        return None;
    }
    let seconds = days_since_epoch(year, month, day) * SECONDS_PER_DAY - offset_s;
    Some(Timestamp(seconds * MICROS_PER_SECOND + time_us))
}

/// Days of the Gregorian calendar, in years that begin in March, so that a leap day is the last of its year.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_logs_are_read() {
        for (text, micros) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01 00:00:00", 0),
            ("1969-12-31T23:59:59.999999Z", -1),
            ("2000-02-29T12:30:45+00:00", 951_827_445_000_000),
            ("2024-05-01 12:30:00,250", 1_714_566_600_250_000),
            ("2024-05-01T12:30:00.250000000+02:00", 1_714_559_400_250_000),
            ("10/Oct/2000:13:55:36 -0700", 971_211_336_000_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
            ("0000-03-01T00:00:00Z", -62_162_035_200_000_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000_000),
        ] {
            assert_eq!(Timestamp::parse(text), Ok(Timestamp(micros)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused_with_its_text() {
        for text in [
            "",
            "yesterday",
            "2023-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-04-31T00:00:00Z",
            "2024-05-00T00:00:00Z",
            "2024-05-01T24:00:00Z",
            "2024-05-01T12:30:00.1234567Z",
            "2024-05-01T12:30:00.Z",
            "2024-05-01T12:30:00 CET",
            "2024-05-01T12:30:00Zx",
            "2024-05-01",
            "+024-05-01T12:30:00Z",
            "10/Okt/2000:13:55:36 -0700",
            "10/äbc/2000:13:55:36 -0700",
        ] {
            let told = Timestamp::parse(text).unwrap_err();
            assert!(told.starts_with(&format!("{text:?} is no time such as ")), "{told}");
        }
    }
}
