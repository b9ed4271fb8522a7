//! Durations (`"1h 30m"`) and sizes (`"32MiB"`) as people write them.

use std::time::Duration;

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
            return Err(format!("{text:?} is not a duration: {name} has no fixed length; write {instead}"));
        }
    }
    let duration = humantime::parse_duration(text).map_err(|error| match error {
        humantime::DurationError::UnknownUnit { unit, .. } if !unit.is_empty() => {
            format!(
                "{text:?} is not a duration: there is no unit {unit:?}; they are us, ms, s, m, h, d and w; {EXAMPLES}"
            )
        }
        humantime::DurationError::UnknownUnit { .. } => {
            format!("{text:?} is not a duration: it has no unit; {EXAMPLES}")
        }
        error => format!("{text:?} is not a duration: {error}; {EXAMPLES}"),
    })?;
    if duration.subsec_nanos() % 1_000 != 0 {
        return Err(format!("{text:?} is not a whole number of microseconds, the smallest unit of time"));
    }
    Ok(duration)
}

/// A length of time as [`duration`] reads it: `1h 30m`; one before zero has a minus.
#[must_use]
pub fn duration_text(us: i64) -> String {
    const UNITS: [(&str, u64); 6] =
        [("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1)];
    let mut left = us.unsigned_abs();
    let mut parts = Vec::new();
    for (unit, length) in UNITS {
        if left >= length {
            parts.push(format!("{}{unit}", left / length));
            left %= length;
        }
    }
    match parts.is_empty() {
        true => "0s".to_owned(),
        false => format!("{}{}", if us < 0 { "-" } else { "" }, parts.join(" ")),
    }
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

const SIZE_UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
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
        return Err(format!("{text:?} is not a size: write a whole number and a unit, for example \"32MiB\""));
    };
    let Some((_, factor)) = SIZE_UNITS.iter().find(|(name, _)| *name == unit) else {
        let names = SIZE_UNITS.map(|(name, _)| name);
        let near = meant_unit(unit).map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
        return Err(format!("{text:?} has no unit of size: they are {}{near}", names.join(", ")));
    };
    number.checked_mul(*factor).ok_or_else(|| format!("{text:?} is too large for a size"))
}

/// The unit that is meant by one that differs in its case, or has only its letter. Of names this short the nearest is any.
fn meant_unit(unit: &str) -> Option<&'static str> {
    let letter = |unit: &str| unit.chars().next().map(|letter| letter.to_ascii_lowercase());
    let is_bytes = ["byte", "bytes"].contains(&unit.to_ascii_lowercase().as_str());
    let mut names = SIZE_UNITS.iter().map(|(name, _)| *name);
    if is_bytes {
        return names.next();
    }
    let same = names.clone().find(|name| name.eq_ignore_ascii_case(unit));
    let is_letter = unit.len() == 1 || unit.eq_ignore_ascii_case(&format!("{}i", unit.get(..1).unwrap_or_default()));
    same.or_else(|| names.find(|name| is_letter && name.ends_with("iB") && letter(name) == letter(unit)))
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
    fn durations_are_written_as_they_are_read() {
        for (us, text) in [
            (0, "0s"),
            (1, "1us"),
            (1_500, "1ms 500us"),
            (60_000_000, "1m"),
            (5_400_000_000, "1h 30m"),
            (-28_800_000_000, "-8h"),
            (86_400_000_000, "1d"),
        ] {
            assert_eq!(duration_text(us), text);
            assert_eq!(signed_duration_us(text), Ok(us));
        }
        assert_eq!(duration_text(i64::MIN), "-106751991d 4h 54s 775ms 808us");
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
    fn units_of_size_are_suggested_where_one_is_meant() {
        assert_eq!((size_bytes("2TiB"), size_bytes("3 TB")), (Ok(2 << 40), Ok(3_000_000_000_000)));
        for (text, meant) in [
            ("1mb", Some("MB")),
            ("1MIB", Some("MiB")),
            ("1K", Some("KiB")),
            ("1Gi", Some("GiB")),
            ("1 bytes", Some("B")),
            ("1XB", None),
            ("1PB", None),
            ("1", None),
            ("32 MB/s", None),
        ] {
            let error = size_bytes(text).unwrap_err();
            let suggested = error.split_once("did you mean ").map(|(_, meant)| meant.trim_matches(['"', '?']));
            assert_eq!(suggested, meant, "{error}");
        }
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
