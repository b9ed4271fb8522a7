//! What a component says of a configuration that it refuses, for people: at the key of the pipeline file, with the nearest key that it has.

use weir_core::graph::Span;
use weir_core::names::did_you_mean;
use weir_core::pipeline::places_of_key;
use weir_host::InstanceError;

use super::error::CheckError;

/// What such a refusal begins with, in components of the SDK.
const CONFIG: &str = "config: ";

impl CheckError {
    /// A component does not take what it is given. `step`: the keys of its table in the pipeline file; `component`: the place of its path.
    pub(crate) fn of_describe(
        text: &str,
        step: &[&str],
        component: &Option<Span>,
        what: &str,
        error: &InstanceError,
    ) -> Self {
        let (reason, key) = told(error);
        let message = format!("{what}: {reason}");
        if !is_of_config(error) {
            return Self::at(component, message);
        }
        let config: Vec<&str> = step.iter().copied().chain(["config"]).collect();
        let of_key = key.as_deref().and_then(|key| {
            let keys: Vec<&str> = config.iter().copied().chain([key]).collect();
            places_of_key(text, &keys).map(|(key, _)| key)
        });
        let span = of_key.or_else(|| places_of_key(text, &config).map(|(key, _)| key)).or_else(|| component.clone());
        Self { message, span }
    }
}

/// What a component says, and which key of its configuration it does not know, if that is it.
pub(crate) fn told(error: &InstanceError) -> (String, Option<String>) {
    let InstanceError::Refused(reason) = error else { return (error.to_string(), None) };
    let Some(of_config) = reason.strip_prefix(CONFIG) else { return (error.to_string(), None) };
    // Lines and columns of the JSON, which nobody has written.
    let of_config = of_config.rfind(" at line ").map_or(of_config, |at| &of_config[..at]);
    let mut quoted = of_config.split('`').skip(1).step_by(2);
    let key = quoted.next().filter(|_| of_config.starts_with("unknown field"));
    let known: Vec<&str> = quoted.collect();
    let hint = key.map_or_else(String::new, |key| did_you_mean(key, &known));
    (format!("{CONFIG}{of_config}{hint}"), key.map(str::to_owned))
}

fn is_of_config(error: &InstanceError) -> bool {
    matches!(error, InstanceError::Refused(reason) if reason.starts_with(CONFIG))
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
            let error = CheckError::of_describe(text, &["operators", "a"], &component, "it refuses", &error);
            (error.span.map(|span| text[span].to_owned()).unwrap(), error.message)
        };
        let unknown = "config: unknown field `tga`, expected one of `tag`, `fails` at line 1 column 6";
        let message = "it refuses: config: unknown field `tga`, expected one of `tag`, `fails`; did you mean \"tag\"?";
        assert_eq!(at(text, unknown), ("tga".to_owned(), message.to_owned()));
        let wrong = "config: invalid type: integer `2`, expected a string at line 1 column 17";
        let message = "it refuses: config: invalid type: integer `2`, expected a string";
        assert_eq!(at(text, wrong), ("config".to_owned(), message.to_owned()));
        let missing = "config: missing field `tag` at line 1 column 2";
        assert_eq!(at(&text[..text.find("config").unwrap()], missing).0, "\"a.wasm\"");
        assert_eq!(at(text, "there is no column x").0, "\"a.wasm\"");
    }
}
