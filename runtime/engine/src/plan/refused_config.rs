//! What a component says of a configuration that it refuses, for people: at the key of the pipeline file, with the nearest key that it has.

use serde_json::Value;
use weir_core::graph::Span;
use weir_core::names::did_you_mean;
use weir_core::pipeline::places_of_key;
use weir_host::InstanceError;

use super::error::CheckError;

/// What such a refusal begins with, in components of the SDK.
const CONFIG: &str = "config: ";
/// What stands before a place in the JSON.
const LINE: &str = " at line ";

impl CheckError {
    /// A component does not take what it is given. `step`: the keys of its table in the pipeline file; `component`: the place of its path.
    pub(crate) fn of_describe(
        text: &str,
        step: &[&str],
        component: &Option<Span>,
        what: &str,
        (error, given): (&InstanceError, &Value),
    ) -> Self {
        let (mut reason, key) = told(error);
        let Some(of_config) = of_config(error) else {
            // That it refuses is said by `what`.
            let reason = if let InstanceError::Refused(reason) = error { reason } else { &reason };
            return Self::at(component, format!("{what}: {reason}"));
        };
        let config: Vec<&str> = step.iter().copied().chain(["config"]).collect();
        let place = |key: &str| {
            let keys: Vec<&str> = config.iter().copied().chain([key]).collect();
            places_of_key(text, &keys)
        };
        let mut span = key.as_deref().and_then(place).map(|(key, _)| key);
        if let Some(key) = key_of_value(of_config, given).filter(|_| key.is_none()) {
            if !of_config.contains(key) {
                reason.insert_str(CONFIG.len(), &format!("`{key}`: "));
            }
            span = place(key).map(|(_, value)| value);
        }
        let span = span.or_else(|| places_of_key(text, &config).map(|(key, _)| key)).or_else(|| component.clone());
        Self::at(&span, format!("{what}: {reason}"))
    }
}

/// What a component says, and which key of its configuration it does not know, if that is it.
pub(crate) fn told(error: &InstanceError) -> (String, Option<String>) {
    let Some(of_config) = of_config(error) else { return (error.to_string(), None) };
    // Lines and columns of the JSON, which nobody has written.
    let of_config = of_config.rfind(LINE).map_or(of_config, |at| &of_config[..at]);
    let mut quoted = of_config.split('`').skip(1).step_by(2);
    let key = quoted.next().filter(|_| of_config.starts_with("unknown field"));
    let known: Vec<&str> = quoted.collect();
    let hint = key.map_or_else(String::new, |key| did_you_mean(key, &known));
    (format!("{CONFIG}{of_config}{hint}"), key.map(str::to_owned))
}

/// What is wrong with the configuration, if that is why it is refused.
fn of_config(error: &InstanceError) -> Option<&str> {
    let InstanceError::Refused(reason) = error else { return None };
    reason.strip_prefix(CONFIG)
}

/// The key whose value is wrong, if a component says so: between backquotes, or as its first word. One in Rust says at which column of the
/// JSON it stopped: at the last character of the value, or behind it.
fn key_of_value<'c>(of_config: &str, given: &'c Value) -> Option<&'c str> {
    let given = given.as_object()?;
    let quoted = of_config.split('`').skip(1).step_by(2);
    let named = quoted.chain(of_config.split_whitespace().take(1)).find_map(|word| given.get_key_value(word));
    if let Some((key, _)) = named {
        return Some(key);
    }
    let column: usize = of_config.strip_prefix("invalid ")?.rsplit_once(" column ")?.1.parse().ok()?;
    let mut end = 0;
    let (key, _) = given.iter().find(|(key, value)| {
        end += 3 + Value::from(key.as_str()).to_string().len() + value.to_string().len() - 1;
        column <= end + 1
    })?;
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_refused_at_its_key() {
        let text = "[operators.a]\ncomponent = \"a.wasm\"\nconfig = { tga = 1, tag = 2 }\n";
        let at = |text: &str, reason: &str| {
            let error = InstanceError::Refused(reason.to_owned());
            let component = text.find("\"a.wasm\"").map(|at| at..at + 8);
            let given = serde_json::json!({ "tag": 2, "tga": 1 });
            let error = CheckError::of_describe(text, &["operators", "a"], &component, "it refuses", (&error, &given));
            (error.span.map(|span| text[span].to_owned()).unwrap(), error.message)
        };
        let unknown = "config: unknown field `tga`, expected one of `tag`, `fails` at line 1 column 6";
        let message = "it refuses: config: unknown field `tga`, expected one of `tag`, `fails`; did you mean \"tag\"?";
        assert_eq!(at(text, unknown), ("tga".to_owned(), message.to_owned()));
        let wrong = "config: invalid type: integer `2`, expected a string at line 1 column 9";
        let message = "it refuses: config: `tag`: invalid type: integer `2`, expected a string";
        assert_eq!(at(text, wrong), ("2".to_owned(), message.to_owned()));
        assert_eq!(at(text, "config: invalid type: integer `1`, expected a string at line 1 column 17").0, "1");
        for said in ["config: `tag`: expected an integer, got 2", "config: tag is 2, but it is of type utf8"] {
            assert_eq!(at(text, said), ("2".to_owned(), format!("it refuses: {said}")));
        }
        assert_eq!(at(text, "config: that is no tag").0, "config");
        let missing = "config: missing field `tag` at line 1 column 2";
        assert_eq!(at(&text[..text.find("config").unwrap()], missing).0, "\"a.wasm\"");
        let refused = ("\"a.wasm\"".to_owned(), "it refuses: there is no column x".to_owned());
        assert_eq!(at(text, "there is no column x"), refused);
    }
}
