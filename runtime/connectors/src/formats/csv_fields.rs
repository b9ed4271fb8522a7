//! The grammar of CSV, RFC 4180, as one small automaton: where a record ends, and what its fields are. Values are left to
//! others. A quote opens a field only as its first byte; inside, two quotes are one. Which bytes
//! have these meanings is a [`Dialect`].

use std::borrow::Cow;

/// Where a record ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CsvEnd {
    /// After this many bytes, its line end included, and this many line ends.
    At { len: usize, lines: u64 },
    /// Not in these bytes.
    Open { in_quotes: bool },
}

/// Which bytes separate fields, quote them, and begin a line that is a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) delimiter: u8,
    /// `None`: a quote is a character like any other.
    pub(crate) quote: Option<u8>,
    /// `None`: there are no comments.
    pub(crate) comment: Option<u8>,
}

impl Dialect {
    /// RFC 4180.
    pub(crate) const STANDARD: Self = Self { delimiter: b',', quote: Some(b'"'), comment: None };

    /// Whether bytes may have a quote.
    pub(crate) fn has_quote(self, bytes: &[u8]) -> bool {
        self.quote.is_some_and(|quote| bytes.contains(&quote))
    }

    /// Whether a line, where a record could begin, is a comment.
    pub(crate) fn is_comment(self, line: &[u8]) -> bool {
        self.comment.is_some() && line.first().copied() == self.comment
    }
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
    fn after(self, byte: u8, dialect: Dialect) -> Self {
        match (self, Some(byte) == dialect.quote) {
            (Self::Quoted, true) => Self::QuoteInQuoted,
            (Self::Quoted, _) | (Self::QuoteInQuoted | Self::FieldStart, true) => Self::Quoted,
            _ if byte == dialect.delimiter => Self::FieldStart,
            _ => Self::Field,
        }
    }
}

/// Finds the end of the record that the bytes begin with.
pub(crate) fn find_end(bytes: &[u8], dialect: Dialect) -> CsvEnd {
    let mut place = Place::FieldStart;
    let mut lines = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'\n' {
            lines += 1;
            if place != Place::Quoted {
                return CsvEnd::At { len: at + 1, lines };
            }
        }
        place = place.after(*byte, dialect);
    }
    CsvEnd::Open { in_quotes: place == Place::Quoted }
}

/// The fields of one record, unquoted. The record may end in a line end.
pub(crate) fn fields(record: &[u8], dialect: Dialect) -> Fields<'_> {
    Fields { rest: Some(without_line_end(record)), dialect }
}

/// See [`fields`].
pub(crate) struct Fields<'a> {
    /// What follows the last field; `None`: the record has ended.
    rest: Option<&'a [u8]>,
    dialect: Dialect,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Cow<'a, [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        if rest.first().is_some_and(|first| Some(*first) == self.dialect.quote) {
            return Some(Cow::Owned(self.unquote(rest)));
        }
        match rest.iter().position(|byte| *byte == self.dialect.delimiter) {
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
            place = before.after(*byte, self.dialect);
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
pub(crate) fn has_bare_return(record: &[u8], dialect: Dialect) -> bool {
    let record = without_line_end(record);
    let mut place = Place::FieldStart;
    record.contains(&b'\r')
        && record.iter().any(|byte| {
            place = place.after(*byte, dialect);
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
            assert_eq!(find_end(text.as_bytes(), Dialect::STANDARD), CsvEnd::At { len, lines }, "{text:?}");
        }
        assert_eq!(find_end(b"a,\"b\n", Dialect::STANDARD), CsvEnd::Open { in_quotes: true });
        assert_eq!(find_end(b"a,\"b\"", Dialect::STANDARD), CsvEnd::Open { in_quotes: false });
    }

    #[test]
    fn a_dialect_has_its_own_quote_or_none() {
        let none = Dialect { quote: None, ..Dialect::STANDARD };
        assert_eq!(find_end(b"\"a\nb\"", none), CsvEnd::At { len: 3, lines: 1 });
        assert!(has_bare_return(b"\"a\rb\"\n", none) && !none.has_quote(b"\"\xff"));
        assert_eq!(fields(b"\"a,b\"\n", none).collect::<Vec<_>>(), [&b"\"a"[..], b"b\""]);
        let single = Dialect { quote: Some(b'\''), comment: Some(b'#'), ..Dialect::STANDARD };
        assert_eq!(fields(b"'a,''b',\"c\n", single).collect::<Vec<_>>(), [&b"a,'b"[..], b"\"c"]);
        assert!(single.is_comment(b"#\n") && !single.is_comment(b" #\n") && !Dialect::STANDARD.is_comment(b"#"));
    }

    #[test]
    fn returns_belong_to_line_ends_or_quotes() {
        for (record, bare) in [("a,b\r\n", false), ("a\rb\n", true), ("\"a\rb\"\r\n", false), ("\r\r\n", true)] {
            assert_eq!(has_bare_return(record.as_bytes(), Dialect::STANDARD), bare, "{record:?}");
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
            let fields: Vec<_> = fields(record.as_bytes(), Dialect::STANDARD).collect();
            assert_eq!(fields, expected.iter().map(|field| field.as_bytes()).collect::<Vec<_>>(), "{record:?}");
        }
    }
}
