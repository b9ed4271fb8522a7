//! Where a record of several lines begins: at a line that matches a pattern. Lines that do not match belong to the record before them,
//! and those before the first match are a record too. Nothing here reads.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};

/// Bytes of a line that a pattern looks at: a line of gigabytes must not be held to know whether a record begins there.
const LINE_BYTES_MAX: usize = 4 << 10;
/// Bytes of a compiled pattern, and of what it remembers while it searches.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// The pattern of lines that begin a record.
#[derive(Clone)]
pub(crate) struct RecordStart(Regex);

impl RecordStart {
    /// From the text of a pattern.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(crate) fn new(pattern: &str) -> Result<Self, String> {
        let mut builder = RegexBuilder::new(pattern);
        let built = builder.size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX).build();
        built.map(Self).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                "`record-start` is too large: it takes more than 1 MiB of memory".to_owned()
            }
            error => format!("`record-start` is not a regular expression: {error}"),
        })
    }

    /// Whether the line that these bytes begin with begins a record; `None`: that depends on what follows the bytes. It is seen without
    /// its line end, and only its first 4 KiB.
    pub(crate) fn begins(&self, bytes: &[u8]) -> Option<bool> {
        let seen = bytes.get(..LINE_BYTES_MAX).unwrap_or(bytes);
        let line = match seen.iter().position(|byte| *byte == b'\n') {
            Some(end) => seen[..end].strip_suffix(b"\r").unwrap_or(&seen[..end]),
            None if seen.len() == LINE_BYTES_MAX => seen,
            None => return None,
        };
        Some(self.0.is_match(line))
    }
}

impl PartialEq for RecordStart {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl fmt::Debug for RecordStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RecordStart").field(&self.0.as_str()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_decided_when_it_has_come() {
        let start = RecordStart::new("^[0-9]+$").unwrap();
        for (bytes, expected) in
            [("", None), ("12", None), ("12\nx", Some(true)), ("12\r\n", Some(true)), ("x\n", Some(false))]
        {
            assert_eq!(start.begins(bytes.as_bytes()), expected, "{bytes:?}");
        }
        let long = "7".repeat(LINE_BYTES_MAX);
        assert_eq!(start.begins(&long.as_bytes()[1..]), None);
        assert_eq!(start.begins((long.clone() + "x\n").as_bytes()), Some(true), "what is behind 4 KiB is not seen");
        assert_eq!(RecordStart::new("^\\S").unwrap().begins(b"\xff\n"), Some(false));
    }

    #[test]
    fn patterns_are_bounded() {
        assert!(RecordStart::new("(").unwrap_err().starts_with("`record-start` is not a regular expression: "));
        assert!(RecordStart::new("(\\w{1000}){1000}").unwrap_err().contains("more than 1 MiB"));
    }
}
