//! What a checkpoint says of windows, frames and joins has its times in microseconds, the same in every version. For people they are in the
//! units of pipeline files.

use weir_core::pipeline::duration_text;

/// The same text with `60000000 us` as `1m`, and without an offset of zero.
pub(in crate::nodes) fn in_units(described: &str) -> String {
    let described = described.replace(", offset 0 us", "");
    let mut words: Vec<String> = Vec::new();
    for word in described.split(' ') {
        let number = words.last().and_then(|last| last.parse::<i64>().ok());
        match (number, word.strip_prefix("us").filter(|rest| !rest.starts_with(char::is_alphanumeric))) {
            (Some(us), Some(rest)) => {
                words.pop();
                words.push(duration_text(us) + rest);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::in_units;

    #[test]
    fn microseconds_become_durations() {
        for (described, expected) in [
            ("tumbling 60000000 us, offset 0 us", "tumbling 1m"),
            ("sliding 3600000000 us every 60000000 us, offset 1000 us", "sliding 1h every 1m, offset 1ms"),
            ("inner over times from -3600000000 us to any on id = us", "inner over times from -1h to any on id = us"),
            ("of 5 rows", "of 5 rows"),
        ] {
            assert_eq!(in_units(described), expected);
        }
    }
}
