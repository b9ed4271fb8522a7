//! Which texts of a CSV field are null. Knows no types.

use std::fmt;

use regex::Regex;

/// Texts that can stand for null: every field is compared with them.
pub(crate) const NULL_VALUES_MAX: usize = 100;
/// Bytes of one of them.
const NULL_BYTES_MAX: usize = 1000;

/// The texts that are null: the empty one, if no others are given.
#[derive(Clone, Default)]
pub(crate) struct Nulls(Option<Regex>);

impl Nulls {
    /// Exactly these texts.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub(crate) fn new(texts: &[String]) -> Result<Self, String> {
        if texts.len() > NULL_VALUES_MAX || texts.iter().any(|text| text.len() > NULL_BYTES_MAX) {
            return Err(format!(
                "`null-values` has at most {NULL_VALUES_MAX} texts, each of at most {NULL_BYTES_MAX} bytes"
            ));
        }
        let texts: Vec<_> = texts.iter().map(|text| regex::escape(text)).collect();
        // An empty list has nothing null; `$^` would match the empty text.
        let pattern = if texts.is_empty() { "[^\\s\\S]".to_owned() } else { format!("\\A(?:{})\\z", texts.join("|")) };
        Regex::new(&pattern).map(|pattern| Self(Some(pattern))).map_err(|error| format!("`null-values`: {error}"))
    }

    /// Whether a field with this text is null.
    pub(crate) fn is_null(&self, text: &str) -> bool {
        self.0.as_ref().map_or(text.is_empty(), |pattern| pattern.is_match(text))
    }

    /// What matches the texts, if it is not only the empty one.
    pub(crate) fn pattern(&self) -> Option<&Regex> {
        self.0.as_ref()
    }
}

impl PartialEq for Nulls {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ref().map(Regex::as_str) == other.0.as_ref().map(Regex::as_str)
    }
}

impl fmt::Debug for Nulls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Nulls").field(&self.0.as_ref().map_or("", Regex::as_str)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_given_texts_are_null() {
        let nulls = |texts: &[&str]| Nulls::new(&texts.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        for (nulls, null, others) in [
            (Nulls::default(), &[""][..], &["NA", "-", "\n"][..]),
            (nulls(&["-", "NA", "a.b|c"]), &["-", "NA", "a.b|c"], &["", "na", "NA\n", "xNA", "axb|c", "c"]),
            (nulls(&["", "NULL"]), &["", "NULL"], &["\n", "NULLS"]),
            (nulls(&[]), &[], &["", "a", "\n"]),
        ] {
            assert!(null.iter().all(|text| nulls.is_null(text)), "{nulls:?}");
            assert!(others.iter().all(|text| !nulls.is_null(text)), "{nulls:?}");
        }
        assert!(Nulls::new(&vec![String::new(); NULL_VALUES_MAX + 1]).is_err());
        assert!(Nulls::new(&["x".repeat(NULL_BYTES_MAX + 1)]).is_err());
    }
}
