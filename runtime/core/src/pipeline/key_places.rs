//! Where the text of a pipeline has a key, and where its value.

use toml::de::{DeTable, DeValue};

use crate::span::Span;

/// The places of the last of some keys, one within the table of the other, and of its value. `None`: there is no such key.
#[must_use]
pub fn places_of_key(text: &str, keys: &[&str]) -> Option<(Span, Span)> {
    let root = DeTable::parse(text).ok()?;
    let (last, parents) = keys.split_last()?;
    let mut table = root.get_ref();
    for parent in parents {
        let (_, value) = table.iter().find(|(key, _)| key.get_ref().as_ref() == *parent)?;
        let DeValue::Table(inner) = value.get_ref() else { return None };
        table = inner;
    }
    let (key, value) = table.iter().find(|(key, _)| key.get_ref().as_ref() == *last)?;
    Some((key.span(), value.span()))
}

#[cfg(test)]
mod tests {
    use super::places_of_key;

    #[test]
    fn keys_are_found_in_tables_of_every_form() {
        let text = "[operators.count]\nconfig = { tag = 3 }\nlimits.memory = \"8MiB\"\n";
        for (keys, expected) in [
            (["operators", "count", "config"].as_slice(), Some(("config", "{ tag = 3 }"))),
            (&["operators", "count", "config", "tag"], Some(("tag", "3"))),
            (&["operators", "count", "limits", "memory"], Some(("memory", "\"8MiB\""))),
            (&["operators", "count", "tag"], None),
            (&["operators", "count", "config", "tag", "x"], None),
            (&[], None),
        ] {
            let found = places_of_key(text, keys).map(|(key, value)| (&text[key], &text[value]));
            assert_eq!(found, expected, "{keys:?}");
        }
        assert_eq!(places_of_key("= 3", &["a"]), None);
    }
}
