//! A text that is no TOML: what the library says of it, in words for people who do not know TOML, and what to write instead.

use crate::diagnostic::Diagnostic;
use crate::span::Span;

/// What is wrong with a text, of which the library says `said`.
pub(super) fn problem(text: &str, said: &str, span: Option<Span>) -> Diagnostic {
    let (message, hint) = match &span {
        Some(span) if said == "duplicate key" => twice(text, span),
        Some(place) if is_of_value(said) => return no_value(text.get(place.clone()).unwrap_or_default(), span),
        _ => match RULES.iter().find(|(of, ..)| said.starts_with(of)) {
            Some((_, message, hint)) => ((*message).to_owned(), *hint),
            None => return Diagnostic::error(said, span),
        },
    };
    Diagnostic::error(message, span).with_hint(hint)
}

/// What the library says, what is said instead, and what to do.
const RULES: [(&str, &str, &str); 7] = [
    ("invalid basic string", "the text has no closing \"", "close it with \""),
    ("invalid literal string", "the text has no closing '", "close it with '"),
    ("invalid multi-line basic string", "the text has no closing \"\"\"", "close it with \"\"\""),
    ("invalid multi-line literal string", "the text has no closing '''", "close it with '''"),
    (
        "unexpected key or value",
        "something follows the value",
        "a line is KEY = VALUE; text with \" in it is written in single quotes: 'a = \"b\"'",
    ),
    ("key with no value", "there is no = after the key", "a line is KEY = VALUE, and a comment begins with #"),
    (
        "missing escaped value",
        "\\ begins an escape, and this is none",
        "write \\\\ for a backslash, or put the text in single quotes",
    ),
];

fn twice(text: &str, span: &Span) -> (String, &'static str) {
    let name = text.get(span.clone()).unwrap_or_default().trim_matches(['"', '\'']);
    let before = text.get(..span.start).unwrap_or_default();
    let line = before.rfind('\n').map_or(before, |newline| &before[newline + 1..]);
    match line.trim_start().starts_with('[') {
        true => (
            format!("there is a second table {name:?}"),
            "put all keys under one header, or give one of them another name",
        ),
        false => (format!("there is a second key {name:?}"), "remove one of them"),
    }
}

/// Whether it is said of what stands where a value must be.
fn is_of_value(said: &str) -> bool {
    ["string values must be quoted", "invalid boolean", "invalid float"].iter().any(|of| said.starts_with(of))
}

fn no_value(value: &str, place: Option<Span>) -> Diagnostic {
    let message = if value.is_empty() { "there is no value".to_owned() } else { format!("{value} is no value") };
    let hint = match value {
        "" => "write one after the =; text is in quotes: \"text\"".to_owned(),
        "True" | "False" | "TRUE" | "FALSE" => format!("write {}", value.to_lowercase()),
        "null" | "None" | "nil" | "NULL" => "leave the key out".to_owned(),
        // Quotes of a text processor are none.
        _ => format!("text is in quotes: \"{}\"", value.trim_matches(['“', '”', '„', '‘', '’', '"', '\''])),
    };
    Diagnostic::error(message, place).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use toml::de::DeTable;

    use super::problem;

    #[test]
    fn mistakes_of_toml_are_explained() {
        for (text, place, expected) in [
            ("name = t", "t", "t is no value; text is in quotes: \"t\""),
            ("d = 10s # long", "10s", "10s is no value; text is in quotes: \"10s\""),
            ("x = [1, b]", "b", "b is no value; text is in quotes: \"b\""),
            ("x = two words", "two words", "two words is no value; text is in quotes: \"two words\""),
            ("x = nope", "nope", "nope is no value; text is in quotes: \"nope\""),
            ("x = “a”", "“a”", "“a” is no value; text is in quotes: \"a\""),
            ("x = True", "True", "True is no value; write true"),
            ("x = null", "null", "null is no value; leave the key out"),
            ("name =\n", "", "there is no value; write one after the =; text is in quotes: \"text\""),
            ("a = 1\na = 2", "a", "there is a second key \"a\"; remove one of them"),
            (
                "[s.a]\n[s.a]",
                "a",
                "there is a second table \"a\"; put all keys under one header, or give one of them another name",
            ),
            ("name = \"a", "", "the text has no closing \"; close it with \""),
            ("name = 'a\nb = 1", "", "the text has no closing '; close it with '"),
            ("name = \"\"\"a\nb = 1", "", "the text has no closing \"\"\"; close it with \"\"\""),
            (
                "w = \"a = \"b\"\"",
                "",
                "something follows the value; a line is KEY = VALUE; text with \" in it is written in single quotes: 'a = \"b\"'",
            ),
            ("name \"a\"", "", "there is no = after the key; a line is KEY = VALUE, and a comment begins with #"),
            (
                "p = \"C:\\data\"",
                "",
                "\\ begins an escape, and this is none; write \\\\ for a backslash, or put the text in single quotes",
            ),
            ("[sources.a", "", "unclosed table, expected `]`"),
        ] {
            let error = DeTable::parse(text).unwrap_err();
            let problem = problem(text, error.message(), error.span());
            let hint = problem.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
            assert_eq!(format!("{}{hint}", problem.message), expected, "{text}");
            let span = problem.span.unwrap();
            assert_eq!(place, if place.is_empty() { "" } else { &text[span] }, "{text}");
        }
    }
}
