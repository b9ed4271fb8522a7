//! Functions that look for something in a text, or count its characters.

use std::sync::Arc;

use arrow::array::{BooleanArray, Int64Array};
use arrow::datatypes::{DataType, Int64Type};

use super::{Bind, BindError, Bound, Function, Given, expect_integer, expect_text};
use crate::node::Kernel;
use crate::text_builder::TextBuilder;

pub(super) const FUNCTIONS: [Function; 7] = [
    Function {
        name: "length",
        arguments: "text",
        meaning: "the number of characters",
        example: "length('größe')",
        result: "5",
        arity: 1..=1,
        bind: Bind::Call(|given| count(given, |text| text.chars().count())),
    },
    Function {
        name: "octet_length",
        arguments: "text",
        meaning: "the number of bytes",
        example: "octet_length('größe')",
        result: "7",
        arity: 1..=1,
        bind: Bind::Call(|given| count(given, str::len)),
    },
    Function {
        name: "strpos",
        arguments: "text, part",
        meaning: "the position of the first occurrence of a part, from 1; 0 if there is none; also `position(part in text)`",
        example: "strpos('a=b', '=')",
        result: "2",
        arity: 2..=2,
        bind: Bind::Call(position),
    },
    Function {
        name: "contains",
        arguments: "text, part",
        meaning: "whether the text contains the part",
        example: "contains('/api/v1', 'api')",
        result: "true",
        arity: 2..=2,
        bind: Bind::Call(|given| test(given, |text, part| text.contains(part))),
    },
    Function {
        name: "starts_with",
        arguments: "text, part",
        meaning: "whether the text begins with the part",
        example: "starts_with('/api/v1', '/api/')",
        result: "true",
        arity: 2..=2,
        bind: Bind::Call(|given| test(given, |text, part| text.starts_with(part))),
    },
    Function {
        name: "ends_with",
        arguments: "text, part",
        meaning: "whether the text ends with the part",
        example: "ends_with('a.csv', '.json')",
        result: "false",
        arity: 2..=2,
        bind: Bind::Call(|given| test(given, |text, part| text.ends_with(part))),
    },
    Function {
        name: "split_part",
        arguments: "text, separator, number",
        meaning: "the part with this number between separators, counted from 1, or from the end if it is negative; `''` if there is none",
        example: "split_part('a,b,c', ',', 2)",
        result: "b",
        arity: 3..=3,
        bind: Bind::Call(split_part),
    },
];

fn count(given: &[Given<'_>], of_text: fn(&str) -> usize) -> Result<Bound, BindError> {
    expect_text(given, 0)?;
    let kernel = Kernel::new(move |of, _| {
        let texts = of.texts(0);
        let counts = (0..of.rows).map(|row| texts.get(row).map(|text| of_text(text) as i64));
        Ok(Arc::new(counts.collect::<Int64Array>()))
    });
    Ok(Bound { takes: vec![DataType::Utf8], makes: DataType::Int64, kernel })
}

fn test(given: &[Given<'_>], holds: fn(&str, &str) -> bool) -> Result<Bound, BindError> {
    (0..2).try_for_each(|index| expect_text(given, index))?;
    let kernel = Kernel::new(move |of, _| {
        let (texts, parts) = (of.texts(0), of.texts(1));
        let answers = (0..of.rows).map(|row| Some(holds(texts.get(row)?, parts.get(row)?)));
        Ok(Arc::new(answers.collect::<BooleanArray>()))
    });
    Ok(Bound { takes: vec![DataType::Utf8; 2], makes: DataType::Boolean, kernel })
}

fn position(given: &[Given<'_>]) -> Result<Bound, BindError> {
    (0..2).try_for_each(|index| expect_text(given, index))?;
    let kernel = Kernel::new(|of, _| {
        let (texts, parts) = (of.texts(0), of.texts(1));
        let position = |text: &str, part: &str| {
            text.find(part).and_then(|at| text.get(..at)).map_or(0, |before| before.chars().count() as i64 + 1)
        };
        let positions = (0..of.rows).map(|row| Some(position(texts.get(row)?, parts.get(row)?)));
        Ok(Arc::new(positions.collect::<Int64Array>()))
    });
    Ok(Bound { takes: vec![DataType::Utf8; 2], makes: DataType::Int64, kernel })
}

fn split_part(given: &[Given<'_>]) -> Result<Bound, BindError> {
    (0..2).try_for_each(|index| expect_text(given, index))?;
    expect_integer(given, 2)?;
    let kernel = Kernel::new(|of, failures| {
        let (texts, separators, numbers) = (of.texts(0), of.texts(1), of.numbers::<Int64Type>(2));
        let mut parts = TextBuilder::new(of.rows, of.range);
        for row in 0..of.rows {
            match (texts.get(row), separators.get(row), numbers.get(row)) {
                (Some(_), Some(_), Some(0)) => {
                    failures.add(row, of.range, "parts count from 1, or from -1 at the end");
                    parts.append_null();
                }
                (Some(text), Some(separator), Some(number)) => {
                    let at = usize::try_from(number.unsigned_abs() - 1).unwrap_or(usize::MAX);
                    let part = match (separator, number > 0) {
                        // Nothing separates, so that all of it is one part.
                        ("", _) => Some(text).filter(|_| at == 0),
                        (separator, true) => text.split(separator).nth(at),
                        (separator, false) => text.rsplit(separator).nth(at),
                    };
                    parts.append(part.unwrap_or_default(), failures, row)?;
                }
                _ => parts.append_null(),
            }
        }
        Ok(parts.finish())
    });
    Ok(Bound { takes: vec![DataType::Utf8, DataType::Utf8, DataType::Int64], makes: DataType::Utf8, kernel })
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, reason, table};

    #[test]
    fn texts_are_searched_by_character() {
        let rows = table("t utf8, n int64", &["äb=c=d,2", ",1", "x,0", "\"\",-1"]);
        check(
            &rows,
            &[
                ("length(t)", "6 null 1 0"),
                ("octet_length(t)", "7 null 1 0"),
                ("strpos(t, '=')", "3 null 0 0"),
                ("position('b' in t)", "2 null 0 0"),
                ("contains(t, 'b=')", "true null false false"),
                ("starts_with(t, 'ä')", "true null false false"),
                ("ends_with(t, null)", "null null null null"),
                ("split_part(t, '=', n)", "c null ! \"\""),
                ("split_part(t, '=', -1)", "d null x \"\""),
            ],
        );
        assert_eq!(
            reason("split_part(t, '=', n)", &rows),
            "split_part(t, '=', n): parts count from 1, or from -1 at the end"
        );
    }
}
