//! The plan of a component for which no input is given: it is asked for its plan repeatedly, each time with one more of the columns that it
//! reported as missing. Only the messages of components made with the SDK are understood; the refusal of any other is shown as it is.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use serde_json::{Value, json};
use weir_core::column_type::parse_type;
use weir_core::limits::OperatorLimits;
use weir_host::{Component, InputSchema, InstanceError, Plan};

/// Columns that a component may ask for: more than any reads.
const COLUMNS_MAX: usize = 256;
/// A key that no configuration has: what is refused with it names those that there are.
const NO_KEY: &str = "-";

/// What was learnt.
pub(super) struct Asked {
    /// Its input, with the columns that it asked for.
    pub(super) inputs: Vec<InputSchema>,
    /// What it would do with these, or why it did not say.
    pub(super) plan: Result<Plan, InstanceError>,
    /// The keys of its configuration; `None`: it did not say.
    pub(super) config_keys: Option<Vec<String>>,
}

/// Asks a component, with a configuration.
pub(super) fn asked(component: &Component, config: &Value) -> Asked {
    let mut fields: Vec<Field> = Vec::new();
    loop {
        let input = InputSchema::only(Arc::new(Schema::new(fields.clone())), Vec::new());
        let refusal = match component.describe(config, std::slice::from_ref(&input), &OperatorLimits::default()) {
            Ok(plan) => return Asked { inputs: vec![input], plan: Ok(plan), config_keys: config_keys(component) },
            Err(refusal) => refusal,
        };
        let missing = missing_column(&refusal)
            .filter(|missing| fields.len() < COLUMNS_MAX && !fields.iter().any(|field| field.name() == missing.name()));
        match missing {
            Some(missing) => fields.push(missing),
            None => {
                return Asked { inputs: vec![input], plan: Err(refusal), config_keys: config_keys(component) };
            }
        }
    }
}

/// The column that a component says there is not, and that it reads.
fn missing_column(refusal: &InstanceError) -> Option<Field> {
    let InstanceError::Refused(reason) = refusal else { return None };
    let (name, rest) = reason.strip_prefix("there is no column \"")?.split_once('"')?;
    // One that an output only carries over is of any type.
    if rest.starts_with(", which output ") {
        return Some(Field::new(name, DataType::Utf8, false));
    }
    let (type_name, _) = rest.strip_prefix(" (")?.split_once("), which the operator reads")?;
    // Where several types fit, one of them.
    let type_name = match type_name {
        "any integer or float" => "float64",
        "a timestamp of seconds or coarser" => "timestamp(s)",
        "a timestamp of milliseconds or coarser" => "timestamp(ms)",
        "a timestamp of microseconds or coarser" => "timestamp(us)",
        "a timestamp of nanoseconds or coarser" => "timestamp(ns)",
        type_name => type_name,
    };
    Some(Field::new(name, parse_type(type_name).ok()?, false))
}

/// What a component says instead of its plan, if neither a configuration nor other columns would change that: what its author has
/// declared cannot be. `None`: nothing, as far as it can be told without them.
pub(crate) fn misdeclared(component: &Component) -> Option<String> {
    let schema = component.about().ok().and_then(|info| info.config_schema);
    let config = schema.map_or_else(|| json!({}), |schema| sample(&schema));
    let refusal = asked(component, &config).plan.err()?;
    Some(refusal.to_string()).filter(|_| !depends_on_input(&refusal) && of_config(&refusal).is_none())
}

/// Some value that a JSON schema of an SDK allows, as far as types say it.
fn sample(schema: &Value) -> Value {
    let of = &schema["type"];
    match (&schema["enum"][0], of.as_str().or_else(|| of[0].as_str())) {
        (first, _) if !first.is_null() => first.clone(),
        (_, Some("boolean")) => json!(false),
        (_, Some("integer" | "number")) => json!(1),
        (_, Some("string")) => json!(""),
        (_, Some("array")) => json!([]),
        (_, Some("object")) => {
            let keys = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            keys.map(|key| (key.to_owned(), sample(&schema["properties"][key]))).collect()
        }
        _ => Value::Null,
    }
}

fn depends_on_input(refusal: &InstanceError) -> bool {
    let InstanceError::Refused(reason) = refusal else { return false };
    ["there is no column \"", "column \"", "among the columns"].iter().any(|of| reason.starts_with(of))
        || reason.contains("input")
}

/// What is wrong with the configuration, if that is why a component made with the SDK refuses.
pub(super) fn of_config(refusal: &InstanceError) -> Option<&str> {
    let InstanceError::Refused(reason) = refusal else { return None };
    let reason = reason.strip_prefix("config: ")?;
    Some(reason.rfind(" at line ").map_or(reason, |at| &reason[..at]))
}

/// Why there is no plan, and what to give for one.
pub(super) fn told(refusal: &InstanceError) -> String {
    match (refusal, of_config(refusal)) {
        (_, Some(why)) => format!("depends on its configuration ({why}); give one with --config JSON"),
        (InstanceError::Refused(why), None) => {
            format!("depends on its input ({why}); give its columns with --input NAME:TYPE,...")
        }
        (other, None) => other.to_string(),
    }
}

/// The keys that it names when it refuses one that it has not.
pub(super) fn config_keys(component: &Component) -> Option<Vec<String>> {
    let input = InputSchema::only(Arc::new(Schema::empty()), Vec::new());
    match component.describe(&json!({ NO_KEY: null }), &[input], &OperatorLimits::default()) {
        Err(InstanceError::Refused(reason)) => keys_named(&reason),
        _ => None,
    }
}

fn keys_named(reason: &str) -> Option<Vec<String>> {
    let (_, known) = reason.strip_prefix("config: unknown field")?.split_once("`, ")?;
    Some(known.split('`').skip(1).step_by(2).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_the_sdk_name_columns_and_keys() {
        let missing = |reason: &str| {
            let field = missing_column(&InstanceError::Refused(reason.to_owned()))?;
            Some((field.name().clone(), field.data_type().to_string()))
        };
        let reads = "there is no column \"price\" (int64), which the operator reads; the input has no columns";
        assert_eq!(missing(reads), Some(("price".to_owned(), "Int64".to_owned())));
        let keeps = "there is no column \"key\", which output \"main\" keeps; the input has no columns";
        assert_eq!(missing(keeps), Some(("key".to_owned(), "Utf8".to_owned())));
        let at = "there is no column \"at\" (a timestamp of microseconds or coarser), which the operator reads; the input has x";
        assert_eq!(missing(at).map(|(name, _)| name), Some("at".to_owned()));
        assert_eq!(missing("there is no column \"price\" (a number), which the operator reads; the input has x"), None);
        assert_eq!(missing("config: missing field `tag`"), None);
        let keys = |reason: &str| keys_named(reason);
        let several = "config: unknown field `-`, expected one of `tag`, `fails` at line 1 column 4";
        assert_eq!(keys(several), Some(vec!["tag".to_owned(), "fails".to_owned()]));
        assert_eq!(keys("config: unknown field `-`, there are no fields at line 1"), Some(Vec::new()));
        assert_eq!(keys("config: missing field `tag`"), None);
        let schema = json!({ "type": "object", "required": ["n", "mode"], "properties": {
            "n": { "type": ["integer", "null"] }, "mode": { "enum": ["fast", "slow"] }, "note": { "type": "string" },
        } });
        assert_eq!(sample(&schema), json!({ "n": 1, "mode": "fast" }));
        let depends = |reason: &str| depends_on_input(&InstanceError::Refused(reason.to_owned()));
        assert!(depends(at) && depends(keeps) && depends("the operator has the inputs a, b, and is connected to main"));
        assert!(!depends("Row.Price: chan int is no type of a value"));
    }
}
