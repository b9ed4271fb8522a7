//! Functions from texts to texts. Letters are Unicode's, and positions count characters from 1.

use arrow::datatypes::{DataType, Int64Type};

use super::{Bind, BindError, Bound, Function, Given, expect_integer, expect_text};
use crate::node::Kernel;
use crate::text_builder::{TextBuilder, joined};

/// What `trim` takes away by itself.
const BLANK: &[char] = &[' '];

pub(super) const FUNCTIONS: [Function; 11] = [
    Function {
        name: "lower",
        arguments: "text",
        meaning: "the text in lower case",
        example: "lower('GET')",
        result: "get",
        arity: 1..=1,
        bind: Bind::Call(|given| {
            text_of(given, |text, _| {
                // Much faster, and what most texts are.
                Made::Owned(if text.is_ascii() { text.to_ascii_lowercase() } else { text.to_lowercase() })
            })
        }),
    },
    Function {
        name: "upper",
        arguments: "text",
        meaning: "the text in upper case",
        example: "upper('straße')",
        result: "STRASSE",
        arity: 1..=1,
        bind: Bind::Call(|given| {
            text_of(given, |text, _| {
                Made::Owned(if text.is_ascii() { text.to_ascii_uppercase() } else { text.to_uppercase() })
            })
        }),
    },
    Function {
        name: "trim",
        arguments: "text [, characters]",
        meaning: "removes blanks, or these characters, at both ends",
        example: "trim('  a b ')",
        result: "a b",
        arity: 1..=2,
        bind: Bind::Call(|given| text_of(given, |text, set| Made::Part(trimmed(text, set, true, true)))),
    },
    Function {
        name: "ltrim",
        arguments: "text [, characters]",
        meaning: "as `trim`, at the beginning only",
        example: "ltrim('007', '0')",
        result: "7",
        arity: 1..=2,
        bind: Bind::Call(|given| text_of(given, |text, set| Made::Part(trimmed(text, set, true, false)))),
    },
    Function {
        name: "rtrim",
        arguments: "text [, characters]",
        meaning: "as `trim`, at the end only",
        example: "rtrim('a/b/', '/')",
        result: "a/b",
        arity: 1..=2,
        bind: Bind::Call(|given| text_of(given, |text, set| Made::Part(trimmed(text, set, false, true)))),
    },
    Function {
        name: "reverse",
        arguments: "text",
        meaning: "the characters in the opposite order",
        example: "reverse('abc')",
        result: "cba",
        arity: 1..=1,
        bind: Bind::Call(|given| text_of(given, |text, _| Made::Owned(text.chars().rev().collect()))),
    },
    Function {
        name: "substring",
        arguments: "text, from [, length]",
        meaning: "the characters from a position on, counted from 1; also `substring(text from 2 for 3)`",
        example: "substring('abcdef', 2, 3)",
        result: "bcd",
        arity: 2..=3,
        bind: Bind::Call(|given| {
            cut(given, |text, from, length| {
                // As in SQL: positions before the first one count, and hold nothing.
                let end = length.map(|length| from.saturating_add(length));
                between(text, from.saturating_sub(1), end.map(|end| end.saturating_sub(1)))
            })
        }),
    },
    Function {
        name: "left",
        arguments: "text, length",
        meaning: "the first characters",
        example: "left('abcdef', 2)",
        result: "ab",
        arity: 2..=2,
        bind: Bind::Call(|given| cut(given, |text, length, _| between(text, 0, Some(length)))),
    },
    Function {
        name: "right",
        arguments: "text, length",
        meaning: "the last characters",
        example: "right('abcdef', 2)",
        result: "ef",
        arity: 2..=2,
        bind: Bind::Call(|given| {
            cut(given, |text, length, _| {
                let all = text.chars().count() as i64;
                between(text, all.saturating_sub(length.max(0)), None)
            })
        }),
    },
    Function {
        name: "replace",
        arguments: "text, part, other",
        meaning: "replaces every occurrence of a part; an empty part does not occur",
        example: "replace('a-b-c', '-', '')",
        result: "abc",
        arity: 3..=3,
        bind: Bind::Call(replace),
    },
    Function {
        name: "concat",
        arguments: "text, ...",
        meaning: "the texts one after the other; null is no text, while `||` with null is null",
        example: "concat('a', null, 'b')",
        result: "ab",
        arity: 1..=100,
        bind: Bind::Call(concat),
    },
];

/// What happens to a text.
enum Made<'a> {
    Part(&'a str),
    Owned(String),
}

/// A text, and characters that are the same for all rows or not, into a text.
fn text_of(given: &[Given<'_>], make: for<'a> fn(&'a str, &[char]) -> Made<'a>) -> Result<Bound, BindError> {
    (0..given.len()).try_for_each(|index| expect_text(given, index))?;
    let has_set = given.len() > 1;
    let kernel = Kernel::new(move |of, failures| {
        let text = of.texts(0);
        let mut texts = TextBuilder::new(of.rows, of.range);
        let mut set = Vec::new();
        for row in 0..of.rows {
            let Some(text) = text.get(row) else {
                texts.append_null();
                continue;
            };
            let characters = if has_set { of.texts(1).get(row) } else { Some(" ") };
            let Some(characters) = characters else {
                texts.append_null();
                continue;
            };
            set.clear();
            set.extend(characters.chars());
            match make(text, if has_set { &set } else { BLANK }) {
                Made::Part(part) => texts.append(part, failures, row)?,
                Made::Owned(text) => texts.append(&text, failures, row)?,
            }
        }
        Ok(texts.finish())
    });
    Ok(Bound { takes: vec![DataType::Utf8; given.len()], makes: DataType::Utf8, kernel })
}

fn trimmed<'a>(text: &'a str, set: &[char], begin: bool, end: bool) -> &'a str {
    let text = if begin { text.trim_start_matches(set) } else { text };
    if end { text.trim_end_matches(set) } else { text }
}

/// A text and one or two positions into a part of it.
fn cut(given: &[Given<'_>], part: for<'a> fn(&'a str, i64, Option<i64>) -> &'a str) -> Result<Bound, BindError> {
    expect_text(given, 0)?;
    (1..given.len()).try_for_each(|index| expect_integer(given, index))?;
    let has_length = given.len() > 2;
    let kernel = Kernel::new(move |of, failures| {
        let (text, from) = (of.texts(0), of.numbers::<Int64Type>(1));
        let mut texts = TextBuilder::new(of.rows, of.range);
        for row in 0..of.rows {
            let length = if has_length { of.numbers::<Int64Type>(2).get(row).map(Some) } else { Some(None) };
            match (text.get(row), from.get(row), length) {
                (Some(text), Some(from), Some(length)) => texts.append(part(text, from, length), failures, row)?,
                _ => texts.append_null(),
            }
        }
        Ok(texts.finish())
    });
    let mut takes = vec![DataType::Int64; given.len()];
    takes[0] = DataType::Utf8;
    Ok(Bound { takes, makes: DataType::Utf8, kernel })
}

/// The characters of a range, which may be outside of the text.
fn between(text: &str, from: i64, to: Option<i64>) -> &str {
    let at = |count: i64| match usize::try_from(count) {
        Err(_) => 0,
        Ok(count) => text.char_indices().nth(count).map_or(text.len(), |(at, _)| at),
    };
    let from = at(from);
    text.get(from..to.map_or(text.len(), at).max(from)).unwrap_or_default()
}

fn replace(given: &[Given<'_>]) -> Result<Bound, BindError> {
    (0..3).try_for_each(|index| expect_text(given, index))?;
    let kernel = Kernel::new(|of, failures| {
        let (text, part, other) = (of.texts(0), of.texts(1), of.texts(2));
        let mut texts = TextBuilder::new(of.rows, of.range);
        for row in 0..of.rows {
            match (text.get(row), part.get(row), other.get(row)) {
                (Some(text), Some(""), Some(_)) => texts.append(text, failures, row)?,
                (Some(text), Some(part), Some(other)) => {
                    let pieces = text.split(part).enumerate();
                    let pieces = pieces.flat_map(move |(index, piece)| [if index == 0 { "" } else { other }, piece]);
                    texts.append_parts(pieces, failures, row)?;
                }
                _ => texts.append_null(),
            }
        }
        Ok(texts.finish())
    });
    Ok(Bound { takes: vec![DataType::Utf8; 3], makes: DataType::Utf8, kernel })
}

fn concat(given: &[Given<'_>]) -> Result<Bound, BindError> {
    (0..given.len()).try_for_each(|index| expect_text(given, index))?;
    let kernel = Kernel::new(|of, failures| joined(of, failures, true));
    Ok(Bound { takes: vec![DataType::Utf8; given.len()], makes: DataType::Utf8, kernel })
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, table};

    #[test]
    fn texts_and_nulls() {
        check(
            &table("t utf8, n int64", &["abc,2", "äöü,-1", ",1", "\"\",0", "x,"]),
            &[
                ("upper(t)", "ABC ÄÖÜ null \"\" X"),
                ("reverse(t)", "cba üöä null \"\" x"),
                ("left(t, n)", "ab \"\" null \"\" null"),
                ("right(t, n)", "bc \"\" null \"\" null"),
                ("substring(t, n)", "bc äöü null \"\" null"),
                ("substring(t, n, 3)", "bc ä null \"\" null"),
                ("substring(t from 2 for 1)", "b ö null \"\" \"\""),
                ("replace(t, 'b', t)", "aabcc äöü null \"\" x"),
                ("replace(t, '', 'z')", "abc äöü null \"\" x"),
                ("concat(t, '-', t)", "abc-abc äöü-äöü - - x-x"),
                ("t || '-' || t", "abc-abc äöü-äöü null - x-x"),
                ("trim(both 'ax' from t)", "bc äöü null \"\" \"\""),
            ],
        );
    }
}
