//! The text of cases in TOML: read as JSON, and `[expect]` written.

use anyhow::bail;
use serde_json::{Map, Value};

/// TOML has times, which are text here, and numbers that JSON has not.
pub(super) fn to_json(text: &str) -> anyhow::Result<Value> {
    fn of(value: toml::Value) -> anyhow::Result<Value> {
        Ok(match value {
            toml::Value::String(text) => Value::String(text),
            toml::Value::Integer(number) => number.into(),
            toml::Value::Float(number) if !number.is_finite() => {
                bail!("write nan and inf as text: \"NaN\", \"Infinity\", \"-Infinity\"")
            }
            toml::Value::Float(number) => number.into(),
            toml::Value::Boolean(bool) => bool.into(),
            toml::Value::Datetime(time) => Value::String(time.to_string()),
            toml::Value::Array(items) => Value::Array(items.into_iter().map(of).collect::<Result<_, _>>()?),
            toml::Value::Table(table) => {
                let fields = table.into_iter().map(|(name, value)| Ok((name, of(value)?)));
                Value::Object(fields.collect::<anyhow::Result<_>>()?)
            }
        })
    }
    of(toml::Value::Table(toml::from_str(text)?))
}

/// `[expect]` and its tables, a row a line.
pub(super) fn of_expect(expect: &Map<String, Value>) -> String {
    let (tables, lists): (Vec<_>, Vec<_>) = expect.iter().partition(|(_, value)| value.is_object());
    let mut text = if lists.is_empty() { String::new() } else { "[expect]\n".to_owned() };
    let line = |(name, value): (&String, &Value)| format!("{} = {}\n", key(name), listed(value));
    text.extend(lists.into_iter().map(line));
    for (name, value) in tables {
        text += &format!("{}[expect.{}]\n", if text.is_empty() { "" } else { "\n" }, key(name));
        text.extend(value.as_object().into_iter().flatten().map(line));
    }
    text
}

fn listed(value: &Value) -> String {
    match value.as_array() {
        Some(rows) if !rows.is_empty() => {
            let rows: String = rows.iter().map(|row| format!("    {},\n", inline(row))).collect();
            format!("[\n{rows}]")
        }
        _ => inline(value),
    }
}

/// A value in one line; a null has no TOML, and a column that is left out is null.
fn inline(value: &Value) -> String {
    match value {
        Value::Null => "\"\"".to_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            let fields: Vec<String> =
                fields.map(|(name, value)| format!("{} = {}", key(name), inline(value))).collect();
            if fields.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", fields.join(", ")) }
        }
        // Beyond what TOML holds, as it may be written in JSON too.
        Value::Number(number) if number.as_i64().is_none() && number.is_u64() => format!("\"{number}\""),
        Value::String(text) => toml::Value::String(text.clone()).to_string(),
        other => other.to_string(),
    }
}

fn key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if is_bare { name.to_owned() } else { toml::Value::String(name.to_owned()).to_string() }
}
