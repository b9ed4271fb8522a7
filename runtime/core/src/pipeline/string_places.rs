//! Places within a string of a TOML text: what stands in the string may be shorter than what stands in the text, because of escapes.

use std::ops::Range;

use crate::span::Span;

/// The place in a TOML text of a part of a string, which is at `string` with its quotes; bytes of the string's value. A string that was
/// not written as such has one place, its own.
#[must_use]
pub fn place_in_string(text: &str, string: &Span, part: &Range<usize>) -> Span {
    let written = text.get(string.clone()).unwrap_or_default();
    let (quotes, has_escapes) = match written.as_bytes() {
        [b'"', b'"', b'"', ..] => (3, true),
        [b'\'', b'\'', b'\'', ..] => (3, false),
        [b'"', ..] => (1, true),
        [b'\'', ..] => (1, false),
        _ => return string.clone(),
    };
    let mut begin = quotes;
    // A line end right behind three quotes is not part of the string.
    if quotes == 3 {
        let rest = written.get(begin..).unwrap_or_default();
        begin += rest.len() - rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n')).unwrap_or(rest).len();
    }
    let body = written.get(begin..written.len().saturating_sub(quotes)).unwrap_or_default();
    let at = |wanted: usize| {
        string.start + begin + if has_escapes { written_at(body, wanted) } else { wanted.min(body.len()) }
    };
    at(part.start)..at(part.end).max(at(part.start))
}

/// Where a byte of the value is in the body of a string with escapes.
fn written_at(body: &str, wanted: usize) -> usize {
    let (mut at, mut value) = (0, 0);
    while let Some(c) = body.get(at..).and_then(|rest| rest.chars().next()) {
        let (written, means) =
            if c == '\\' { escape(body.get(at..).unwrap_or_default()) } else { (c.len_utf8(), c.len_utf8()) };
        // What means nothing is in front of what comes next.
        if value >= wanted && means > 0 {
            break;
        }
        at += written;
        value += means;
    }
    at
}

/// How many bytes an escape has, and how many what it means.
fn escape(text: &str) -> (usize, usize) {
    let digits = match text.as_bytes().get(1) {
        Some(b'x') => 2,
        Some(b'u') => 4,
        Some(b'U') => 8,
        // A line that continues: all blanks up to the next word are nothing.
        Some(b'\n' | b'\r' | b' ' | b'\t') => {
            let rest = text.get(1..).unwrap_or_default();
            return (1 + rest.len() - rest.trim_start().len(), 0);
        }
        _ => return (2.min(text.len()), 1),
    };
    let code = text.get(2..2 + digits).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    ((2 + digits).min(text.len()), code.and_then(char::from_u32).map_or(1, char::len_utf8))
}

#[cfg(test)]
mod tests {
    use toml::de::{DeTable, DeValue};

    use super::place_in_string;

    #[test]
    fn parts_are_found_behind_escapes() {
        for (text, part, expected) in [
            (r#"w = "a = b""#, "b", "b"),
            (r#"w = 'a = b'"#, "b", "b"),
            (r#"w = "\"mean-delay\" > 1""#, "> 1", "> 1"),
            (r#"w = "\u00e4\t\x41 = b""#, "b", "b"),
            (r#"w = "ä = b""#, "b", "b"),
            (r#"w = "ä\\ = b""#, "\\ = b", "\\\\ = b"),
            ("w = \"\"\"\na = 1\n  and b\"\"\"", "b", "b"),
            ("w = '''\na = 1\n  and b'''", "b", "b"),
            ("w = \"\"\"a \\\n   = b\"\"\"", "= b", "= b"),
        ] {
            let table = DeTable::parse(text).unwrap();
            let (_, value) = table.get_ref().iter().next().unwrap();
            let DeValue::String(string) = value.get_ref() else { panic!("{text}") };
            let at = string.find(part).unwrap();
            let place = place_in_string(text, &value.span(), &(at..at + part.len()));
            assert_eq!(&text[place], expected, "{text}");
        }
        assert_eq!(place_in_string("w = 5", &(4..5), &(0..3)), 4..5);
        assert_eq!(place_in_string("w = 'a'", &(4..7), &(5..9)), 6..6);
    }
}
