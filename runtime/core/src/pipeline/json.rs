//! A TOML value as JSON, the form in which a component gets its configuration. Dates and times become strings (RFC 3339).

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeInteger, DeValue};

use crate::diagnostic::Diagnostic;
use crate::options::SECRET_OPENING;

/// The value; an error for what JSON cannot say (numbers that are not finite, integers beyond 64 bits), and for secrets.
pub(super) fn to_json(value: &Spanned<DeValue<'_>>) -> Result<Value, Diagnostic> {
    let refuse = |message: String| Diagnostic::error(message, Some(value.span()));
    Ok(match value.get_ref() {
        DeValue::String(text) if text.contains(SECRET_OPENING) => {
            let problem =
                refuse("a component sees no secrets: only options of sources and sinks may name one".to_owned());
            return Err(problem.with_hint("the configuration cannot have \"${secret:...}\""));
        }
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Datetime(when) => Value::String(when.to_string()),
        DeValue::Integer(number) => {
            let number = integer(number).ok_or_else(|| refuse(format!("{number} does not fit 64 bits")))?;
            Value::Number(number.into())
        }
        DeValue::Float(number) => {
            let finite = number.as_str().parse::<f64>().ok().and_then(Number::from_f64);
            Value::Number(finite.ok_or_else(|| {
                refuse(format!(
                    "{number} is not finite, and a component's configuration is JSON, which has finite numbers only"
                ))
            })?)
        }
        DeValue::Array(values) => Value::Array(values.iter().map(to_json).collect::<Result<_, _>>()?),
        DeValue::Table(table) => {
            let mut object = Map::new();
            for (key, value) in table.iter() {
                object.insert(key.get_ref().to_string(), to_json(value)?);
            }
            Value::Object(object)
        }
    })
}

/// The integer, if it fits.
pub(super) fn integer(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}
