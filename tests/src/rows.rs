//! Rows as text: which are lost and which are doubled. Never knows where they come from.

use anyhow::bail;

/// Whether two sorted lists are the same; the error names the first row that is missing and the first that is too many.
///
/// # Errors
/// If they are not.
pub fn compare(expected: &[String], rows: &[String]) -> anyhow::Result<()> {
    if expected == rows {
        return Ok(());
    }
    bail!(
        "{} rows instead of {}; the first that is missing: {:?}; the first that is too many: {:?}",
        rows.len(),
        expected.len(),
        first_only_in(expected, rows),
        first_only_in(rows, expected)
    )
}

fn first_only_in<'a>(some: &'a [String], others: &[String]) -> Option<&'a String> {
    let mut others = others.iter().peekable();
    some.iter().find(|row| {
        while others.next_if(|other| other < row).is_some() {}
        others.next_if_eq(row).is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_and_what_is_doubled_is_named() {
        let rows = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        assert!(compare(&rows("aabc"), &rows("aabc")).is_ok());
        for (expected, found, missing, too_many) in [
            ("aabc", "abc", Some("a"), None),
            ("abc", "abbc", None, Some("b")),
            ("abd", "bcd", Some("a"), Some("c")),
            ("", "z", None, Some("z")),
        ] {
            let error = compare(&rows(expected), &rows(found)).unwrap_err().to_string();
            let said = format!("missing: {missing:?}; the first that is too many: {too_many:?}");
            assert!(error.ends_with(&said), "{error}");
        }
    }
}
