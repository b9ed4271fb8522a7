//! Numbers, sizes, times and tables as people read them. Never prints.

use std::time::{Duration, UNIX_EPOCH};

use comfy_table::{CellAlignment, Table, presets};

/// Aligned columns with a header; those from `right_from` on are numbers.
pub(crate) fn table(header: &[&str], rows: Vec<Vec<String>>, right_from: usize) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.to_vec()).add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
        if column.index >= right_from {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines: Vec<_> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}

/// `1,234,567`
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 row`, `1,234 rows`
pub(crate) fn counted(n: u64, what: &str) -> String {
    let plural = if what.ends_with("ch") { "es" } else { "s" };
    format!("{} {what}{}", count(n), if n == 1 { "" } else { plural })
}

/// `1.23 M`: three digits and a unit.
pub(crate) fn short(n: f64) -> String {
    let (scaled, unit) = [(1e9, " G"), (1e6, " M"), (1e3, " k")]
        .into_iter()
        .find(|(size, _)| n >= *size)
        .map_or((n, ""), |(size, unit)| (n / size, unit));
    let decimals = if unit.is_empty() || scaled >= 100.0 {
        0
    } else if scaled >= 10.0 {
        1
    } else {
        2
    };
    format!("{scaled:.decimals$}{unit}")
}

/// `1.5 MiB`
pub(crate) fn bytes(n: u64) -> String {
    let (size, unit) = if n >= 1 << 20 { (1 << 20, "MiB") } else { (1 << 10, "KiB") };
    if n < 1 << 10 { format!("{n} B") } else { format!("{:.1} {unit}", n as f64 / f64::from(size)) }
}

/// Two units at most: `1h 2m`, `3.2 s`, `450 µs`.
pub(crate) fn duration(us: i64) -> String {
    let sign = if us < 0 { "-" } else { "" };
    let us = us.unsigned_abs();
    let n = us as f64;
    let size = match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{:.1} ms", n / 1e3),
        1_000_000..60_000_000 => format!("{:.2} s", n / 1e6),
        _ => {
            let s = us / 1_000_000;
            let units = [(s / 86_400, "d"), (s / 3_600 % 24, "h"), (s / 60 % 60, "m"), (s % 60, "s")];
            let units = units.into_iter().filter(|(n, _)| *n > 0).take(2);
            units.map(|(n, unit)| format!("{}{unit}", count(n))).collect::<Vec<_>>().join(" ")
        }
    };
    format!("{sign}{size}")
}

/// An event time as a date, if calendars have it.
pub(crate) fn event_time(us: i64) -> String {
    const YEAR_10000_S: u64 = 253_402_300_800;
    match u64::try_from(us) {
        Ok(us) if us / 1_000_000 < YEAR_10000_S => {
            humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_micros(us)).to_string()
        }
        _ => format!("{us} µs"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times() {
        assert_eq!([0, 999, 1_000, 12_345_678].map(count), ["0", "999", "1,000", "12,345,678"]);
        assert_eq!(
            [(1, "row"), (2, "row"), (2, "batch")].map(|(n, of)| counted(n, of)),
            ["1 row", "2 rows", "2 batches"]
        );
        assert_eq!([0.4, 999.0, 1_234.0, 45_600.0, 7.0e8].map(short), ["0", "999", "1.23 k", "45.6 k", "700 M"]);
        assert_eq!([12, 2048, 3 << 20].map(bytes), ["12 B", "2.0 KiB", "3.0 MiB"]);
        assert_eq!(
            [-5, 450, 3_200, 3_200_000, -3_723_000_000].map(duration),
            ["-5 µs", "450 µs", "3.2 ms", "3.20 s", "-1h 2m"]
        );
        assert_eq!(
            [0, i64::MIN, i64::MAX].map(event_time),
            ["1970-01-01T00:00:00Z".to_owned(), format!("{} µs", i64::MIN), format!("{} µs", i64::MAX)]
        );
    }
}
