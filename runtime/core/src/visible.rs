//! Text of others as a terminal may show it: data, names and messages that somebody else has written must not steer it.

use std::borrow::Cow;

/// The text with what would steer a terminal, or show its parts in another order, as escapes; line ends and tabs stay.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let escaped = |c: char| if steers(c) { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(escaped).collect())
}

/// As [`visible`], for text that is one line: a line end in it would begin another, which somebody else has written.
#[must_use]
pub fn visible_line(text: &str) -> Cow<'_, str> {
    match visible(text) {
        text if text.contains('\n') => Cow::Owned(text.replace('\n', "\\n")),
        text => text,
    }
}

/// Control characters, and those that turn the direction of text.
fn steers(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::{visible, visible_line};

    #[test]
    fn only_what_steers_a_terminal_is_escaped() {
        for (text, expected) in [
            ("a\n\tb é", "a\n\tb é"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\rb\u{0}", "a\\rb\\u{0}"),
            ("\u{202e}txt.exe", "\\u{202e}txt.exe"),
        ] {
            assert_eq!(visible(text), expected);
        }
        assert_eq!(visible_line("a\nnote: b\u{1b}"), "a\\nnote: b\\u{1b}");
    }
}
