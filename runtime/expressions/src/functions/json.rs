//! Values out of JSON documents in a column of text. A document is read up to its end without keeping any of it but the value that is
//! looked for; it nests 128 levels at most.

use std::fmt;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array};
use arrow::datatypes::DataType;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::sync::Arc;
use weir_core::exact::exact;

use super::{Bind, BindError, Bound, Function, Given, expect_text, literal_text};
use crate::arguments::Arguments;
use crate::evaluation_error::EvaluationError;
use crate::failures::{Failures, shorten};
use crate::limits::JSON_PATH_STEPS_MAX;
use crate::node::Kernel;
use crate::text_builder::TextBuilder;

pub(super) const FUNCTIONS: [Function; 4] = [
    Function {
        name: "json_get",
        arguments: "text, path",
        meaning: "the value at a path such as `user.tags[0]`: a text as it is, other values as JSON; null if there is none",
        example: "json_get('{\"a\": {\"b\": [1, \"x\"]}}', 'a.b[1]')",
        result: "x",
        arity: 2..=2,
        bind: Bind::Call(|given| get(given, DataType::Utf8, texts)),
    },
    Function {
        name: "json_get_int",
        arguments: "text, path",
        meaning: "as `json_get`, an int64; a value that is not a whole number fails its row",
        example: "json_get_int('{\"n\": 12}', 'n')",
        result: "12",
        arity: 2..=2,
        bind: Bind::Call(|given| {
            get(given, DataType::Int64, |of, path, failures| {
                let value = |row, failures: &mut Failures| {
                    typed(of, path, row, failures, "int64", |json| i64::try_from(exact(json, 0)?).ok())
                };
                Ok(Arc::new((0..of.rows).map(|row| value(row, failures)).collect::<Int64Array>()))
            })
        }),
    },
    Function {
        name: "json_get_float",
        arguments: "text, path",
        meaning: "as `json_get`, a float64; a value that is not a number fails its row",
        example: "json_get_float('[1.5, 2]', '[0]')",
        result: "1.5",
        arity: 2..=2,
        bind: Bind::Call(|given| {
            get(given, DataType::Float64, |of, path, failures| {
                let number = |json: &str| json.parse::<f64>().ok().filter(|value| value.is_finite());
                let value = |row, failures: &mut Failures| typed(of, path, row, failures, "float64", number);
                Ok(Arc::new((0..of.rows).map(|row| value(row, failures)).collect::<Float64Array>()))
            })
        }),
    },
    Function {
        name: "json_get_bool",
        arguments: "text, path",
        meaning: "as `json_get`, a bool; a value that is neither true nor false fails its row",
        example: "json_get_bool('{\"ok\": true}', 'ok')",
        result: "true",
        arity: 2..=2,
        bind: Bind::Call(|given| {
            get(given, DataType::Boolean, |of, path, failures| {
                let value =
                    |row, failures: &mut Failures| typed(of, path, row, failures, "bool", |json| json.parse().ok());
                Ok(Arc::new((0..of.rows).map(|row| value(row, failures)).collect::<BooleanArray>()))
            })
        }),
    },
];

type Column = fn(&Arguments<'_>, &[Step], &mut Failures) -> Result<ArrayRef, EvaluationError>;

fn get(given: &[Given<'_>], makes: DataType, column: Column) -> Result<Bound, BindError> {
    expect_text(given, 0)?;
    let path = steps(literal_text(given, 1, "a path")?).map_err(|message| BindError::of(1, message))?;
    let kernel = Kernel::new(move |of, failures| column(of, &path, failures));
    Ok(Bound { takes: vec![DataType::Utf8; 2], makes, kernel })
}

fn texts(of: &Arguments<'_>, path: &[Step], failures: &mut Failures) -> Result<ArrayRef, EvaluationError> {
    let mut texts = TextBuilder::new(of.rows, of.range);
    for row in 0..of.rows {
        match found(of, path, row, failures) {
            None => texts.append_null(),
            Some(json) if json.starts_with('"') => {
                let text: String = serde_json::from_str(json).unwrap_or_default();
                texts.append(&text, failures, row)?;
            }
            Some(json) => texts.append(json, failures, row)?,
        }
    }
    Ok(texts.finish())
}

fn typed<T>(
    of: &Arguments<'_>,
    path: &[Step],
    row: usize,
    failures: &mut Failures,
    name: &str,
    value: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let json = found(of, path, row, failures)?;
    let value = value(json);
    if value.is_none() {
        failures.add(row, of.range, format!("{} is not of the type {name}", shorten(json)));
    }
    value
}

/// The JSON text of the value in a row's document; `None`: null, or nothing, or the row has failed.
fn found<'a>(of: &Arguments<'a>, path: &[Step], row: usize, failures: &mut Failures) -> Option<&'a str> {
    let document = of.texts(0).get(row)?;
    let mut deserializer = serde_json::Deserializer::from_str(document);
    let found = Path(path).deserialize(&mut deserializer).and_then(|found| deserializer.end().map(|()| found));
    match found {
        Ok(found) => found.map(RawValue::get).filter(|json| *json != "null"),
        Err(error) => {
            failures.add(row, of.range, format!("{:?} is no JSON: {error}", shorten(document)));
            None
        }
    }
}

/// One step into a document.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// `a.b[0]`, also with `$.` in front; a key with other characters is in double quotes: `a."b.c"`.
fn steps(path: &str) -> Result<Vec<Step>, String> {
    let form = || "a path is keys and indices, such as a.b[0] or \"a key\".b".to_owned();
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    let mut steps = Vec::new();
    let mut is_first = !path.starts_with('$');
    while !rest.is_empty() || is_first {
        if let Some(after) = rest.strip_prefix('[') {
            let (index, after) = after.split_once(']').ok_or_else(form)?;
            steps.push(Step::Index(index.parse().map_err(|_| form())?));
            rest = after;
        } else {
            let after = if is_first { rest } else { rest.strip_prefix('.').ok_or_else(form)? };
            let (key, after) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or_else(form)?,
                None => after.split_at(after.find(['.', '[', '"']).unwrap_or(after.len())),
            };
            if key.is_empty() && !after.starts_with('"') && !rest.contains('"') {
                return Err(form());
            }
            steps.push(Step::Key(key.to_owned()));
            rest = after;
        }
        is_first = false;
        if steps.len() > JSON_PATH_STEPS_MAX {
            return Err(format!("a path has {JSON_PATH_STEPS_MAX} steps at most"));
        }
    }
    Ok(steps)
}

/// Follows a path into a document. Of keys that are there twice the last counts, as in columns of JSON records.
struct Path<'p>(&'p [Step]);

impl<'de> DeserializeSeed<'de> for Path<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        match self.0.is_empty() {
            true => <&RawValue as serde::Deserialize>::deserialize(deserializer).map(Some),
            false => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Path<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            match self.0.split_first() {
                Some((Step::Key(wanted), rest)) if *wanted == key => found = map.next_value_seed(Path(rest))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        let mut at = 0;
        loop {
            match self.0.split_first() {
                Some((Step::Index(wanted), rest)) if *wanted == at => match list.next_element_seed(Path(rest))? {
                    Some(value) => found = value,
                    None => return Ok(found),
                },
                _ => {
                    if list.next_element::<IgnoredAny>()?.is_none() {
                        return Ok(found);
                    }
                }
            }
            at += 1;
        }
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{RecordBatch, StringArray};

    use super::*;
    use crate::testing::{check, error, reason};

    #[test]
    fn values_are_found_by_their_path() {
        let documents = [
            Some(r#"{"a": {"b c": [1, "x\ny", null]}, "n": 12, "f": 1.5, "ok": true}"#),
            Some(r#"{"a": 1, "n": "12", "f": "x", "ok": 1}"#),
            Some("[1, 2]"),
            Some("nonsense"),
            Some("{} x"),
            None,
        ];
        let rows =
            RecordBatch::try_from_iter([("t", Arc::new(StringArray::from(documents.to_vec())) as ArrayRef)]).unwrap();
        check(
            &rows,
            &[
                ("json_get(t, 'a.\"b c\"[0]')", "1 null null ! ! null"),
                ("json_get(t, '$.n')", "12 12 null ! ! null"),
                ("json_get(t, 'a.\"b c\"[2]')", "null null null ! ! null"),
                ("json_get(t, '[1]')", "null null 2 ! ! null"),
                ("json_get_int(t, 'n')", "12 ! null ! ! null"),
                ("json_get_float(t, 'f')", "1.5 ! null ! ! null"),
                ("json_get_bool(t, 'ok')", "true ! null ! ! null"),
            ],
        );
        assert_eq!(reason("json_get_int(t, 'n')", &rows), "json_get_int(t, 'n'): \"12\" is not of the type int64");
        let deep = "[".repeat(100_000);
        let deep = RecordBatch::try_from_iter([("t", Arc::new(StringArray::from(vec![deep])) as ArrayRef)]).unwrap();
        check(&deep, &[("json_get(t, 'a')", "!")]);
    }

    #[test]
    fn wrong_paths_are_found_when_they_are_checked() {
        let columns = crate::testing::table("t utf8", &[]).schema();
        for path in ["a..b", "a[", "a[x]", "", "a.b[1]c", "a.\"b"] {
            let error = error(&format!("json_get(t, '{path}')"), &columns);
            assert!(error.starts_with("a path is keys and indices"), "{path}: {error}");
        }
        let key = |key: &str| Step::Key(key.to_owned());
        assert_eq!(steps("a.\"b.c\"[3].d").unwrap(), [key("a"), key("b.c"), Step::Index(3), key("d")]);
        assert_eq!(steps("$[0]").unwrap(), [Step::Index(0)]);
        assert_eq!(steps("$").unwrap(), []);
    }
}
