//! Durations (`"1h 30m"`) and sizes (`"32MiB"`) as people write them.

use std::time::Duration;

use crate::names::nearest;

/// What follows the reason why a text is no length of time.
const EXAMPLES: &str = "write for example \"500ms\", \"30s\" or \"1h 30m\"";
/// Units whose length depends on where in the calendar they are: what each is called, and what to write instead.
const CALENDAR_UNITS: [(&[&str], &str, &str); 2] = [
    (&["M", "month", "months"], "a month", "\"30d\" (a minute is \"1m\")"),
    (&["y", "yr", "yrs", "year", "years"], "a year", "\"365d\""),
];

/// A length of time such as `1h 30m`: whole microseconds, in units of a fixed length.
///
/// # Errors
/// What is wrong with the text, and what to write.
pub fn duration(text: &str) -> Result<Duration, String> {
    let units = text.split(|c: char| !c.is_alphabetic()).filter(|unit| !unit.is_empty());
    for unit in units {
        if let Some((_, name, instead)) = CALENDAR_UNITS.iter().find(|(units, ..)| units.contains(&unit)) {
            return Err(format!("{text:?} is no duration: {name} has no fixed length; write {instead}"));
        }
    }
    let duration = humantime::parse_duration(text).map_err(|error| match error {
        humantime::DurationError::UnknownUnit { unit, .. } if !unit.is_empty() => {
            format!("{text:?} is no duration: there is no unit {unit:?}; they are us, ms, s, m, h, d and w; {EXAMPLES}")
        }
        error => format!("{text:?} is no duration: {error}; {EXAMPLES}"),
    })?;
    if duration.subsec_nanos() % 1_000 != 0 {
        return Err(format!("{text:?} is not a whole number of microseconds, which is as fine as time is here"));
    }
    Ok(duration)
}

/// A duration in microseconds.
pub(super) fn duration_us(text: &str) -> Result<i64, String> {
    i64::try_from(duration(text)?.as_micros())
        .map_err(|_| format!("{text:?} is too long: event time is int64 microseconds"))
}

/// As [`duration_us`], and may be less than zero (`"-8h"`).
pub(super) fn signed_duration_us(text: &str) -> Result<i64, String> {
    match text.strip_prefix('-') {
        Some(rest) => duration_us(rest).map(|us| -us),
        None => duration_us(text),
    }
}

const SIZE_UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// A size in bytes: a whole number and a unit, such as `32MiB`.
///
/// # Errors
/// What is wrong with the text, and what to write.
pub fn size_bytes(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim();
    let Ok(number) = number.parse::<u64>() else {
        return Err(format!("{text:?} is no size: write a whole number and a unit, for example \"32MiB\""));
    };
    let Some((_, factor)) = SIZE_UNITS.iter().find(|(name, _)| *name == unit) else {
        let names = SIZE_UNITS.map(|(name, _)| name);
        let near = nearest(unit, names.into_iter()).filter(|_| !unit.is_empty());
        let near = near.map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
        return Err(format!("{text:?} has no unit of size: they are {}{near}", names.join(", ")));
    };
    number.checked_mul(*factor).ok_or_else(|| format!("{text:?} is more bytes than there are"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_microseconds() {
        for (text, us) in
            [("1us", 1), ("1500ns", -1), ("2000ns", 2), ("1ns", -1), ("1m", 60_000_000), ("1h 30m", 5_400_000_000)]
        {
            assert_eq!(duration_us(text).unwrap_or(-1), us, "{text}");
        }
        assert_eq!(signed_duration_us("-8h"), Ok(-28_800_000_000));
    }

    #[test]
    fn units_of_the_calendar_are_refused() {
        for text in ["1M", "1 month", "2months", "1d 1M"] {
            let error = duration(text).unwrap_err();
            assert!(error.contains("a month has no fixed length; write \"30d\""), "{error}");
        }
        for text in ["1y", "1 year", "2years", "1yr", "3 yrs", "1y1d"] {
            let error = duration(text).unwrap_err();
            assert!(error.contains("a year has no fixed length; write \"365d\""), "{error}");
        }
        assert!(signed_duration_us("-1M").is_err());
    }

    #[test]
    fn what_is_no_duration_is_explained() {
        for (text, reason) in [
            ("4 parsecs", "there is no unit \"parsecs\""),
            ("5", "write for example"),
            ("", "write for example"),
            ("300000y", "a year has no fixed length"),
            ("200000000d", "is too long"),
        ] {
            let error = duration_us(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
