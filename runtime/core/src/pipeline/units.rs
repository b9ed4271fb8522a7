//! Durations (`"1h 30m"`) and sizes (`"32MiB"`) as people write them.

use crate::names::nearest;

/// A duration in microseconds.
pub(super) fn duration_us(text: &str) -> Result<i64, String> {
    let duration = humantime::parse_duration(text).map_err(|error| {
        format!("{text:?} is no duration: {error}; write for example \"500ms\", \"30s\" or \"1h 30m\"")
    })?;
    i64::try_from(duration.as_micros()).map_err(|_| format!("{text:?} is too long: event time is int64 microseconds"))
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
