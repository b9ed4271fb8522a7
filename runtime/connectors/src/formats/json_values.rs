//! Where the next record is in JSON that is not lines: the next element of an array, or the next of several objects. Holds no bytes.

use super::extent::end_of_line;
use super::json_scan::{DEPTH_MAX, Scan, Scanned};
use super::json_shape::JsonShape;

/// What is ahead.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ahead {
    /// A record of `len` bytes behind `lead` bytes that are not part of it; one that is refused for a reason.
    Value { lead: usize, len: usize, refused: Option<&'static str> },
    /// Nothing but what separates records.
    Blank { len: usize },
    /// More bytes are needed.
    Missing,
    /// A value begins behind `lead` bytes, and its end is not there.
    Open { lead: usize },
    /// What begins behind `lead` bytes is no value; it is seen at `at`.
    Damaged { lead: usize, at: usize, reason: &'static str },
}

const TOO_DEEP: &str = "it has more than 128 levels of objects and arrays";
const _: () = assert!(DEPTH_MAX == 128);

/// What these bytes begin with. `is_first`: no element of the array was before them. `at_end`: nothing follows them.
pub(super) fn find(shape: JsonShape, bytes: &[u8], is_first: bool, at_end: bool) -> Ahead {
    match shape {
        JsonShape::Array => find_element(bytes, is_first, at_end),
        JsonShape::Documents => find_document(bytes, at_end),
    }
}

/// What separates an element from the one before it is in front of it: so what is between two elements says that it is between two.
fn find_element(bytes: &[u8], is_first: bool, at_end: bool) -> Ahead {
    let damaged = |at: usize, reason| Ahead::Damaged { lead: at, at, reason };
    let separator = skip_blank(bytes, 0);
    let lead = match bytes.get(separator) {
        Some(b'[') if is_first => skip_blank(bytes, separator + 1),
        Some(b',') if !is_first => skip_blank(bytes, separator + 1),
        Some(b']') if !is_first => return find_array_end(bytes, separator, at_end),
        None if !at_end || bytes.is_empty() => return Ahead::Missing,
        None => return damaged(0, "the array is not closed"),
        Some(_) => return damaged(separator, "an element is followed neither by a comma nor by the end of the array"),
    };
    match bytes.get(lead) {
        None if at_end => damaged(lead, "the array is not closed"),
        None => Ahead::Missing,
        Some(b']') if is_first => find_array_end(bytes, lead, at_end),
        Some(b'{' | b'[' | b'"') => find_closed(bytes, lead),
        Some(b',' | b':' | b']' | b'}') => damaged(lead, "an element is missing"),
        Some(_) => {
            let is_end = |byte: &u8| byte.is_ascii_whitespace() || b",:[]{}\"".contains(byte);
            match bytes.get(lead..).unwrap_or_default().iter().position(is_end) {
                Some(len) => Ahead::Value { lead, len, refused: None },
                None => Ahead::Open { lead },
            }
        }
    }
}

/// Nothing follows the bracket that closes the array.
fn find_array_end(bytes: &[u8], bracket: usize, at_end: bool) -> Ahead {
    match skip_blank(bytes, bracket + 1) {
        len if len < bytes.len() => {
            Ahead::Damaged { lead: len, at: len, reason: "the array is closed, and something follows it" }
        }
        len if at_end => Ahead::Blank { len },
        _ => Ahead::Missing,
    }
}

/// What does not begin with a bracket is no record, up to the end of its line.
fn find_document(bytes: &[u8], at_end: bool) -> Ahead {
    let lead = skip_blank(bytes, 0);
    match bytes.get(lead) {
        None if bytes.is_empty() => Ahead::Missing,
        // By themselves, because how many are there may depend on what was read by now.
        _ if lead > 0 => Ahead::Blank { len: lead },
        Some(b'{' | b'[') => find_closed(bytes, 0),
        _ => match end_of_line(bytes) {
            Some(len) => Ahead::Value { lead: 0, len, refused: None },
            None if at_end => Ahead::Value { lead: 0, len: bytes.len(), refused: None },
            None => Ahead::Open { lead: 0 },
        },
    }
}

fn find_closed(bytes: &[u8], lead: usize) -> Ahead {
    let mut scan = Scan::default();
    match scan.feed(bytes.get(lead..).unwrap_or_default()) {
        Scanned::End(len) => Ahead::Value { lead, len, refused: scan.is_too_deep().then_some(TOO_DEEP) },
        Scanned::Open => Ahead::Open { lead },
        Scanned::Damaged(at, reason) => Ahead::Damaged { lead, at: lead + at, reason },
    }
}

/// Where the first byte is that is not blank, from a place on.
fn skip_blank(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_between_separators() {
        let value = |lead, len| Ahead::Value { lead, len, refused: None };
        for (bytes, is_first, expected) in [
            ("[ {} ,", true, value(2, 2)),
            (" ,\n{\"a\":1}", false, value(3, 7)),
            (",1]", false, value(1, 1)),
            (",\"]\"]", false, value(1, 3)),
            ("[]\n", true, Ahead::Blank { len: 3 }),
            (" ]\n", false, Ahead::Blank { len: 3 }),
            (",{\"a\"", false, Ahead::Open { lead: 1 }),
        ] {
            assert_eq!(find(JsonShape::Array, bytes.as_bytes(), is_first, true), expected, "{bytes:?}");
        }
        for (bytes, is_first, place, reason) in [
            ("\n", false, 0, "the array is not closed"),
            (", \n", false, 3, "the array is not closed"),
            (" {}", false, 1, "an element is followed neither by a comma nor by the end of the array"),
            (",,", false, 1, "an element is missing"),
            (",]", false, 1, "an element is missing"),
            ("]\n]", false, 2, "the array is closed, and something follows it"),
        ] {
            let expected = Ahead::Damaged { lead: place, at: place, reason };
            assert_eq!(find(JsonShape::Array, bytes.as_bytes(), is_first, true), expected, "{bytes:?}");
        }
        for bytes in ["", " ", ",", "]", "] \n"] {
            assert_eq!(find(JsonShape::Array, bytes.as_bytes(), false, false), Ahead::Missing, "{bytes:?}");
        }
    }

    #[test]
    fn documents_follow_each_other() {
        let value = |len| Ahead::Value { lead: 0, len, refused: None };
        for (bytes, expected) in [
            ("{\n}{}", value(3)),
            ("{\"a\":\n1}\n", value(8)),
            ("\n {}", Ahead::Blank { len: 2 }),
            ("[1]{}", value(3)),
            ("} {}\n{}", value(5)),
            (" \n", Ahead::Blank { len: 2 }),
            ("{\n", Ahead::Open { lead: 0 }),
            ("{]", Ahead::Damaged { lead: 0, at: 1, reason: "a bracket is closed that is not open" }),
        ] {
            assert_eq!(find(JsonShape::Documents, bytes.as_bytes(), false, true), expected, "{bytes:?}");
        }
    }
}
