//! [`OperatorOptions`]: how an operator is run, as a caller says it in JSON. It opens nothing.

use serde::Deserialize;
use serde_json::{Map, Value};
use weir_core::key_group::KEY_GROUPS_DEFAULT;

use crate::error::EmbedError;

/// How an operator is run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct OperatorOptions {
    /// What the operator is called in errors and log lines.
    pub name: Option<String>,
    /// The configuration of the component.
    pub config: Map<String, Value>,
    /// As `on-error` of an operator in a pipeline file; `None`: `fail`.
    pub on_error: Option<String>,
    /// The column with the event time of a row; `None`: the time at which it is processed.
    pub event_time: Option<String>,
    /// As `limits` of an operator in a pipeline file.
    pub limits: Map<String, Value>,
    /// The columns of the key; none: the operator keeps nothing between rows.
    pub keys: Vec<String>,
    /// How many key groups there are; `None`: as in a pipeline file.
    pub key_groups: Option<u32>,
    /// As `ttl` of an operator in a pipeline file.
    pub ttl: Option<Value>,
    /// Of a component that aggregates: what a window of a pipeline file says beside its input, its keys and this component.
    pub window: Option<Map<String, Value>>,
    /// The columns that it aggregates.
    pub columns: Vec<String>,
    /// What its results are called.
    pub aggregate: String,
}

impl OperatorOptions {
    /// Reads a JSON object.
    ///
    /// # Errors
    /// Names the option that is none, or has a value that it cannot have.
    pub fn parse(json: &[u8]) -> Result<Self, EmbedError> {
        let refused = |what: String| EmbedError::Operator(what);
        let options: Map<String, Value> =
            serde_json::from_slice(json).map_err(|error| refused(format!("options are no JSON object: {error}")))?;
        for (name, value) in &options {
            // Alone: the reason then is that of this one, and its place in text that the caller has not written is left out.
            let alone = Value::Object([(name.clone(), value.clone())].into_iter().collect());
            Self::deserialize(&alone).map_err(|error| refused(format!("{name}: {error}")))?;
            if let Some(path) = null_in(value, name.clone()).filter(|_| !value.is_null()) {
                return Err(refused(format!("{path} is null, which an option cannot be: leave it out")));
            }
        }
        Self::deserialize(Value::Object(options)).map_err(|error| refused(error.to_string()))
    }

    pub(super) fn key_groups(&self) -> u32 {
        self.key_groups.unwrap_or(KEY_GROUPS_DEFAULT)
    }
}

/// Where a value has a null, which TOML has not.
fn null_in(value: &Value, path: String) -> Option<String> {
    match value {
        Value::Null => Some(path),
        Value::Array(items) => items.iter().enumerate().find_map(|(at, item)| null_in(item, format!("{path}[{at}]"))),
        Value::Object(fields) => fields.iter().find_map(|(name, field)| null_in(field, format!("{path}.{name}"))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        for (json, reason) in [
            (r#"{ "config": "x" }"#, "config: invalid type: string \"x\", expected a map"),
            (r#"{ "name": "a", "on-error": 5 }"#, "on-error: invalid type: integer `5`, expected a string"),
            (r#"{ "key-groups": 99999999999 }"#, "key-groups: invalid value: integer `99999999999`, expected u32"),
            (
                r#"{ "config": { "a": [1, { "b": null }] } }"#,
                "config.a[1].b is null, which an option cannot be: leave it out",
            ),
            (r#"{ "onerror": "skip" }"#, "onerror: unknown field `onerror`, expected one of `name`, `config`"),
            ("5", "options are no JSON object: invalid type"),
        ] {
            let error = OperatorOptions::parse(json.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(reason), "{error}");
        }
        assert_eq!(OperatorOptions::parse(b"{ \"name\": null, \"keys\": [\"a\"] }").unwrap().keys, ["a"]);
    }
}
