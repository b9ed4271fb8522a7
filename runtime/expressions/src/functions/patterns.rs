//! Regular expressions, of the crate `regex`: they take time in proportion to the text, whatever the pattern. A pattern is a text in
//! quotes, so that it is compiled once and its mistakes are found before rows are.

use std::sync::Arc;

use arrow::array::BooleanArray;
use arrow::datatypes::DataType;
use regex::{Regex, RegexBuilder};

use super::{Bind, BindError, Bound, Function, Given, expect_text, literal_text};
use crate::limits::{REGEX_BYTES_MAX, VALUE_BYTES_MAX};
use crate::node::Kernel;
use crate::text_builder::TextBuilder;

pub(super) const FUNCTIONS: [Function; 3] = [
    Function {
        name: "regexp_like",
        arguments: "text, pattern",
        meaning: "whether the text contains a match; `^` and `$` match its ends, `(?i)` ignores case",
        example: "regexp_like('GET /api', '^(GET|HEAD) ')",
        result: "true",
        arity: 2..=2,
        bind: Bind::Call(like),
    },
    Function {
        name: "regexp_extract",
        arguments: "text, pattern [, group]",
        meaning: "the first match, or one group of it, by number or name; null if there is none",
        example: "regexp_extract('took 35 ms', '([0-9]+) ms', 1)",
        result: "35",
        arity: 2..=3,
        bind: Bind::Call(extract),
    },
    Function {
        name: "regexp_replace",
        arguments: "text, pattern, other",
        meaning: "replaces every match; in `other`, `$1` or `${name}` is a group and `$$` a dollar",
        example: "regexp_replace('/user/17/a', '/[0-9]+', '/:id')",
        result: "/user/:id/a",
        arity: 3..=3,
        bind: Bind::Call(replace),
    },
];

fn compiled(given: &[Given<'_>]) -> Result<Regex, BindError> {
    expect_text(given, 0)?;
    let pattern = literal_text(given, 1, "a pattern")?;
    let regex = RegexBuilder::new(pattern).size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_BYTES_MAX).build();
    regex.map_err(|error| {
        let last = error.to_string();
        let what = last.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        BindError::of(1, format!("this is not a regular expression: {what}"))
    })
}

fn like(given: &[Given<'_>]) -> Result<Bound, BindError> {
    let regex = compiled(given)?;
    let kernel = Kernel::new(move |of, _| {
        let texts = of.texts(0);
        Ok(Arc::new((0..of.rows).map(|row| Some(regex.is_match(texts.get(row)?))).collect::<BooleanArray>()))
    });
    Ok(Bound { takes: vec![DataType::Utf8; 2], makes: DataType::Boolean, kernel })
}

fn extract(given: &[Given<'_>]) -> Result<Bound, BindError> {
    let regex = compiled(given)?;
    let group = match given.get(2) {
        None => 0,
        Some(given_group) => group(&regex, given, given_group)?,
    };
    let kernel = Kernel::new(move |of, failures| {
        let texts = of.texts(0);
        let mut parts = TextBuilder::new(of.rows, of.range);
        for row in 0..of.rows {
            let text = texts.get(row);
            let found = match group {
                0 => text.and_then(|text| regex.find(text)),
                group => text.and_then(|text| regex.captures(text)).and_then(|found| found.get(group)),
            };
            match found {
                Some(found) => parts.append(found.as_str(), failures, row)?,
                None => parts.append_null(),
            }
        }
        Ok(parts.finish())
    });
    let mut takes = vec![DataType::Utf8; 2];
    takes.extend(given.get(2).map(|group| group.data_type.clone()));
    Ok(Bound { takes, makes: DataType::Utf8, kernel })
}

/// The number of a group that a literal names.
fn group(regex: &Regex, given: &[Given<'_>], of: &Given<'_>) -> Result<usize, BindError> {
    use arrow::array::AsArray;
    let groups = regex.captures_len() - 1;
    let number = match (of.data_type, of.constant) {
        (DataType::Int64, Some(number)) => {
            usize::try_from(number.as_primitive::<arrow::datatypes::Int64Type>().value(0)).ok()
        }
        _ => {
            let name = literal_text(given, 2, "the name of a group")?;
            regex.capture_names().position(|known| known == Some(name))
        }
    };
    number.filter(|number| *number <= groups).ok_or_else(|| {
        BindError::of(
            2,
            format!("the pattern has no such group: it has {groups}, and a group is a part in parentheses"),
        )
    })
}

fn replace(given: &[Given<'_>]) -> Result<Bound, BindError> {
    let regex = compiled(given)?;
    expect_text(given, 2)?;
    let kernel = Kernel::new(move |of, failures| {
        let (texts, others) = (of.texts(0), of.texts(2));
        let mut made = TextBuilder::new(of.rows, of.range);
        let mut text_of_row = String::new();
        for row in 0..of.rows {
            let (Some(text), Some(other)) = (texts.get(row), others.get(row)) else {
                made.append_null();
                continue;
            };
            text_of_row.clear();
            let mut end = 0;
            for found in regex.captures_iter(text) {
                let Some(whole) = found.get(0) else { continue };
                text_of_row.push_str(text.get(end..whole.start()).unwrap_or_default());
                found.expand(other, &mut text_of_row);
                end = whole.end();
                // The row fails below; what would follow only takes memory.
                if text_of_row.len() > VALUE_BYTES_MAX {
                    break;
                }
            }
            text_of_row.push_str(text.get(end..).unwrap_or_default());
            made.append(&text_of_row, failures, row)?;
        }
        Ok(made.finish())
    });
    Ok(Bound { takes: vec![DataType::Utf8; 3], makes: DataType::Utf8, kernel })
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, error, table};

    #[test]
    fn patterns_are_compiled_once_and_searched() {
        let rows = table("t utf8", &["GET /a?x=1", "post /b", "", "\"\""]);
        check(
            &rows,
            &[
                ("regexp_like(t, '^[A-Z]+ /')", "true false null false"),
                ("regexp_like(t, '(?i)POST')", "false true null false"),
                ("regexp_extract(t, '/[a-z]')", "/a /b null null"),
                ("regexp_extract(t, 'x=(?<value>[0-9])', 'value')", "1 null null null"),
                ("regexp_extract(t, '(q)|(/[a-z])', 1)", "null null null null"),
                ("regexp_replace(t, '([A-Z]+) ', '$1-')", "GET-/a?x=1 post /b null \"\""),
                ("regexp_replace(t, '$', '!')", "GET /a?x=1! post /b! null !"),
            ],
        );
    }

    #[test]
    fn wrong_patterns_are_found_when_they_are_checked() {
        let columns = table("t utf8", &[]).schema();
        for (text, expected) in [
            ("regexp_like(t, '(')", "this is not a regular expression: unclosed group ['(']"),
            ("regexp_like(t, t)", "a pattern is a text in quotes, the same for all rows [t]"),
            (
                "regexp_extract(t, '(a)', 2)",
                "the pattern has no such group: it has 1, and a group is a part in parentheses [2]",
            ),
            (
                "regexp_like(t, '\\w{1000}')",
                "this is not a regular expression: Compiled regex exceeds size limit of 1048576 bytes. ['\\w{1000}']",
            ),
        ] {
            assert_eq!(error(text, &columns), expected);
        }
    }
}
