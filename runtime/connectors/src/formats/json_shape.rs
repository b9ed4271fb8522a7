//! Whether an input of JSON is lines, an array, or objects over several lines, by its first bytes. Reads nothing, and looks at no more
//! than [`LOOK_BYTES_MAX`].

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::extent::{RECORD_BYTES_MAX, end_of_line};
use super::json_scan::{Scan, Scanned};

/// Bytes that are looked at: a first object that is longer is no record in any shape.
const LOOK_BYTES_MAX: usize = RECORD_BYTES_MAX;

/// How records that are not lines follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum JsonShape {
    /// One object after another.
    Documents,
    /// The elements of one array.
    Array,
}

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    Lines,
    /// The first object begins behind so many bytes; for an array, its bracket.
    Shape(JsonShape, usize),
    /// More bytes are needed.
    Undecided,
}

/// The shape of an input that begins with these bytes. `at_end`: nothing follows them. More bytes do not change what was decided.
pub(super) fn shape_of(bytes: &[u8], at_end: bool) -> Begin {
    let seen = bytes.get(..LOOK_BYTES_MAX).unwrap_or(bytes);
    let is_all = at_end || seen.len() == LOOK_BYTES_MAX;
    let text = seen.trim_ascii_start();
    let undecided = if is_all { Begin::Lines } else { Begin::Undecided };
    let line = match end_of_line(text) {
        Some(len) => text.get(..len).unwrap_or(text),
        None if is_all => text,
        None => return undecided,
    };
    let decided = match text.first() {
        Some(b'[') => is_array(text, line, is_all).map(|is| (JsonShape::Array, is)),
        Some(b'{') => is_documents(text, line, is_all).map(|is| (JsonShape::Documents, is)),
        _ => return Begin::Lines,
    };
    match decided {
        Some((shape, true)) => Begin::Shape(shape, seen.len() - text.len()),
        Some((_, false)) => Begin::Lines,
        None => Begin::Undecided,
    }
}

/// Whether an array of objects is the whole input, and not only its first line.
fn is_array(text: &[u8], line: &[u8], is_all: bool) -> Option<bool> {
    match line.get(1..).unwrap_or_default().trim_ascii_start().first() {
        // It stands alone on its line.
        None => return Some(true),
        Some(b'{' | b']') => {}
        Some(_) => return Some(false),
    }
    let Scanned::End(len) = Scan::default().feed(line) else { return Some(true) };
    match text.get(len..).unwrap_or_default().trim_ascii_start() {
        [] if is_all => Some(true),
        [] => None,
        _ => Some(false),
    }
}

/// Whether the first object ends in a later line than it begins in, and what is between is more likely its content than other lines.
fn is_documents(text: &[u8], line: &[u8], is_all: bool) -> Option<bool> {
    let mut scan = Scan::default();
    if scan.feed(line) != Scanned::Open {
        return Some(false);
    }
    let undecided = is_all.then_some(false);
    let rest = text.get(line.len()..).unwrap_or_default();
    match serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>().next() {
        Some(Ok(_)) => return Some(true),
        Some(Err(error)) if !error.is_eof() => {}
        _ => return undecided,
    }
    // It is no JSON. Lines of which the first is damaged continue with an object, and objects over several lines with a key.
    match (rest.trim_ascii_start().first(), scan.feed(rest)) {
        (Some(b'{'), _) | (_, Scanned::Damaged(..)) => Some(false),
        (_, Scanned::End(_)) => Some(true),
        (_, Scanned::Open) => undecided,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_told_by_the_first_bytes() {
        let array = |at| Begin::Shape(JsonShape::Array, at);
        let documents = |at| Begin::Shape(JsonShape::Documents, at);
        for (text, expected) in [
            ("", Begin::Lines),
            (" \n", Begin::Lines),
            ("{\"a\":1}\n{\n}", Begin::Lines),
            ("{\"a\":1} {\"a\":2}\n", Begin::Lines),
            ("{\"a\":1}x\n}\n", Begin::Lines),
            ("\n {\n\"a\":1}", documents(2)),
            ("{\"a\": [\n{\"b\":1}\n]}\n", documents(0)),
            // Damaged, but not lines.
            ("{\n\"a\":tru\n}\n", documents(0)),
            ("{\n\"a\":1,\n}\n{\n\"a\":1\n}\n", documents(0)),
            // A first line that is damaged, and other lines.
            ("{\"a\":1\n{\"a\":2}\n", Begin::Lines),
            ("{\"a\":\n{\"a\":2}\n{\"a\":2}}\n", Begin::Lines),
            ("{\"a\":{\"b\":1\n{\"a\":2}}\n", Begin::Lines),
            ("{\"a\":\"x\n{\"a\":2}\n", Begin::Lines),
            ("{\"a\":[1}\n{\"a\":2}\n", Begin::Lines),
            ("{\n\"a\":1\n", Begin::Lines),
            ("[", array(0)),
            (" [\n1, 2", array(1)),
            ("[{\"a\":1},\n{\"a\":2}]", array(0)),
            ("[{\"a\":1}]\n\n", array(0)),
            ("[{\"a\":", array(0)),
            ("[]", array(0)),
            // Lines of arrays, and lines of which the first is no object.
            ("[{\"a\":1}]\n[{\"a\":2}]\n", Begin::Lines),
            ("[]\n{\"a\":2}\n", Begin::Lines),
            ("[1, 2]\n{\"a\":2}\n", Begin::Lines),
            ("[2024-01-01] started\n", Begin::Lines),
            ("started {\n", Begin::Lines),
        ] {
            assert_eq!(shape_of(text.as_bytes(), true), expected, "{text:?}");
            let first = (0..=text.len()).map(|len| shape_of(&text.as_bytes()[..len], false));
            let mut decided: Vec<_> = first.filter(|begin| *begin != Begin::Undecided).collect();
            decided.push(expected);
            assert!(decided.iter().all(|begin| *begin == expected), "{text:?}: {decided:?}");
        }
    }

    #[test]
    fn no_more_than_a_record_is_looked_at() {
        let long = format!("{{\n\"a\":\"{}\"\n}}\n", "x".repeat(LOOK_BYTES_MAX));
        assert_eq!(shape_of(long.as_bytes(), true), Begin::Lines);
        assert_eq!(shape_of(&long.as_bytes()[..LOOK_BYTES_MAX - 1], false), Begin::Undecided);
        assert_eq!(shape_of(&long.as_bytes()[..LOOK_BYTES_MAX], false), Begin::Lines);
        assert_eq!(shape_of(&vec![b' '; LOOK_BYTES_MAX], false), Begin::Lines);
    }
}
