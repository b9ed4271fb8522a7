//! The grammar of CSV, RFC 4180, as one small automaton: where a record ends, and what its fields are. Values are left to
//! others. A quote opens a field only as its first byte; inside, two quotes are one.

use std::borrow::Cow;

/// Where a record ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CsvEnd {
    /// After this many bytes, its line end included, and this many line ends.
    At { len: usize, lines: u64 },
    /// Not in these bytes.
    Open { in_quotes: bool },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    FieldStart,
    Field,
    Quoted,
    /// After a quote inside a quoted field: its end, or the first of two.
    QuoteInQuoted,
}

impl Place {
    /// Where a byte leads to. A line end outside of quotes is the caller's to see.
    #[inline]
    fn after(self, byte: u8, delimiter: u8) -> Self {
        match (self, byte) {
            (Self::Quoted, b'"') => Self::QuoteInQuoted,
            (Self::Quoted, _) | (Self::QuoteInQuoted | Self::FieldStart, b'"') => Self::Quoted,
            (_, byte) if byte == delimiter => Self::FieldStart,
            _ => Self::Field,
        }
    }
}

/// Finds the end of the record that the bytes begin with.
pub(crate) fn find_end(bytes: &[u8], delimiter: u8) -> CsvEnd {
    let mut place = Place::FieldStart;
    let mut lines = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'\n' {
            lines += 1;
            if place != Place::Quoted {
                return CsvEnd::At { len: at + 1, lines };
            }
        }
        place = place.after(*byte, delimiter);
    }
    CsvEnd::Open { in_quotes: place == Place::Quoted }
}

/// The fields of one record, unquoted. The record may end in a line end.
pub(crate) fn fields(record: &[u8], delimiter: u8) -> Fields<'_> {
    Fields { rest: Some(without_line_end(record)), delimiter }
}

/// See [`fields`].
pub(crate) struct Fields<'a> {
    /// What follows the last field; `None`: the record has ended.
    rest: Option<&'a [u8]>,
    delimiter: u8,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Cow<'a, [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        if rest.first() == Some(&b'"') {
            return Some(Cow::Owned(self.unquote(rest)));
        }
        match rest.iter().position(|byte| *byte == self.delimiter) {
            None => Some(Cow::Borrowed(rest)),
            Some(end) => {
                self.rest = rest.get(end + 1..);
                rest.get(..end).map(Cow::Borrowed)
            }
        }
    }
}

impl<'a> Fields<'a> {
    /// The field that these bytes begin with, which begins with a quote.
    fn unquote(&mut self, bytes: &'a [u8]) -> Vec<u8> {
        let (mut field, mut place) = (Vec::new(), Place::FieldStart);
        for (at, byte) in bytes.iter().enumerate() {
            let before = place;
            place = before.after(*byte, self.delimiter);
            match (before, place) {
                (_, Place::FieldStart) => {
                    self.rest = bytes.get(at + 1..);
                    break;
                }
                // Quotes around a field are not part of it; of two inside it, the second is.
                (Place::FieldStart, Place::Quoted) | (Place::Quoted, Place::QuoteInQuoted) => {}
                _ => field.push(*byte),
            }
        }
        field
    }
}

fn without_line_end(record: &[u8]) -> &[u8] {
    let record = record.strip_suffix(b"\n").unwrap_or(record);
    record.strip_suffix(b"\r").unwrap_or(record)
}

/// Whether a record has a carriage return that neither is quoted nor belongs to its line end. Some readers take it for a line
/// end of its own.
pub(crate) fn has_bare_return(record: &[u8], delimiter: u8) -> bool {
    let record = without_line_end(record);
    let mut place = Place::FieldStart;
    record.contains(&b'\r')
        && record.iter().any(|byte| {
            place = place.after(*byte, delimiter);
            *byte == b'\r' && place == Place::Field
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_end_outside_of_quotes() {
        for (text, len, lines) in [
            ("a,b\nc", 4, 1),
            ("a,\"b\nc\"\nd", 8, 2),
            ("\"a\"\"\n\"\nx", 7, 2),
            ("a\"b\nc\"", 4, 1),
            ("\"a\"x\ny", 5, 1),
            ("\"\",\"\"\n", 6, 1),
        ] {
            assert_eq!(find_end(text.as_bytes(), b','), CsvEnd::At { len, lines }, "{text:?}");
        }
        assert_eq!(find_end(b"a,\"b\n", b','), CsvEnd::Open { in_quotes: true });
        assert_eq!(find_end(b"a,\"b\"", b','), CsvEnd::Open { in_quotes: false });
    }

    #[test]
    fn returns_belong_to_line_ends_or_quotes() {
        for (record, bare) in [("a,b\r\n", false), ("a\rb\n", true), ("\"a\rb\"\r\n", false), ("\r\r\n", true)] {
            assert_eq!(has_bare_return(record.as_bytes(), b','), bare, "{record:?}");
        }
    }

    #[test]
    fn fields_are_unquoted() {
        for (record, expected) in [
            ("a,b\r\n", vec!["a", "b"]),
            ("", vec![""]),
            (",", vec!["", ""]),
            ("\"a,\"\"b\"\"\n\",c", vec!["a,\"b\"\n", "c"]),
            ("a\"b,\"c\"d", vec!["a\"b", "cd"]),
        ] {
            let fields: Vec<_> = fields(record.as_bytes(), b',').collect();
            assert_eq!(fields, expected.iter().map(|field| field.as_bytes()).collect::<Vec<_>>(), "{record:?}");
        }
    }
}
