//! The pipeline that is made for one component: a source with its columns, and a sink for every output. Only the component runs.

use std::ops::Range;
use std::path::Path;

use arrow::datatypes::SchemaRef;
use serde_json::{Map, Value, json};
use weir_core::column_type::type_name;
use weir_core::limits::OperatorLimits;
use weir_host::{Component, InputSchema};

use super::{DEAD_LETTER, OperatorOptions, STEP};
use crate::error::EmbedError;

/// Its text, and whether the component reads event times; `keys` are indices into the columns.
///
/// # Errors
/// If the component refuses its configuration or its columns.
pub(super) fn made_pipeline(
    component: &Component,
    path: &Path,
    options: &OperatorOptions,
    (schema, keys): (&SchemaRef, &[usize]),
) -> Result<(String, bool), EmbedError> {
    // A string of JSON is one of TOML, too, and on one line, as a key has to be.
    let quoted = |text: &str| Value::from(text).to_string();
    let groups = options.key_groups();
    let mut text = format!("parallelism = 1\nmax-parallelism = {groups}\n");
    text += "[sources.rows]\nconnector = \"collection\"\nrows = []\n";
    text.extend(options.event_time.iter().map(|column| format!("event-time = {}\n", quoted(column))));
    text += "[sources.rows.schema]\n";
    text.extend(
        schema.fields().iter().map(|f| format!("{} = {}\n", quoted(f.name()), quoted(&type_name(f.data_type())))),
    );
    let config = Value::Object(options.config.clone());
    let mut runs = json!({ "component": path, "config": config });
    if !options.limits.is_empty() {
        runs["limits"] = Value::Object(options.limits.clone());
    }
    let (mut step, section, sides, reads_times) = match &options.window {
        Some(window) => {
            runs["columns"] = options.columns.clone().into();
            let mut window = window.clone();
            let aggregates = window.entry("aggregates").or_insert_with(|| json!({}));
            let aggregates = aggregates.as_object_mut();
            let aggregates = aggregates.ok_or_else(|| EmbedError::Operator("aggregates have names".to_owned()))?;
            if aggregates.insert(options.aggregate.clone(), runs).is_some() {
                let message = format!("two aggregates are called {:?}: give them different names", options.aggregate);
                return Err(EmbedError::Operator(message));
            }
            (Value::Object(window), "windows", vec!["late".to_owned()], true)
        }
        None => {
            let input = InputSchema::only(schema.clone(), keys.to_vec());
            let plan = component.describe(&config, &[input], &OperatorLimits::default());
            let plan = plan.map_err(|error| EmbedError::Operator(without_places(&error.to_string())))?;
            let sides = plan.outputs.iter().skip(1).map(|output| output.name.clone()).collect();
            (runs, "operators", sides, plan.reads_event_times)
        }
    };
    step["input"] = "rows".into();
    let on_error = options.on_error.as_deref().unwrap_or("fail");
    step["on-error"] = on_error.into();
    if !options.keys.is_empty() {
        step["key-by"] = options.keys.clone().into();
    }
    if let Some(ttl) = &options.ttl {
        step["ttl"] = ttl.clone();
    }
    let sides = sides.into_iter().chain((on_error == DEAD_LETTER).then(|| DEAD_LETTER.to_owned()));
    let inputs = [STEP.to_owned()].into_iter().chain(sides.map(|side| format!("{STEP}.{side}")));
    let sink = |(number, input)| (format!("output-{number}"), json!({ "input": input, "connector": "blackhole" }));
    let sinks: Map<String, Value> = inputs.enumerate().map(sink).collect();
    let steps = toml::Table::try_from(json!({ section: { STEP: step }, "sinks": sinks }));
    let steps = steps.map_err(|_| EmbedError::Operator("a configuration cannot have a null".to_owned()))?;
    Ok((format!("{text}\n{steps}"), reads_times))
}

/// The text of the pipeline, and what is wrong with it for a caller who has not written it but its options.
pub(super) struct MadePipeline(pub(super) String);

impl MadePipeline {
    /// An error of messages, each with a hint and the place that it is about.
    pub(super) fn refused<'a>(
        &self,
        problems: impl Iterator<Item = (&'a str, Option<&'a str>, Option<Range<usize>>)>,
    ) -> EmbedError {
        let said = |(message, hint, span): (&str, Option<&str>, Option<Range<usize>>)| {
            let mut said = without_places(message);
            if let Some(option) = span.and_then(|span| self.option_at(span.start))
                && !said.contains(&option)
                && !said.contains(HAS_NO_KEY)
            {
                said = format!("{option}: {said}");
            }
            hint.map_or(said.clone(), |hint| format!("{said}: {hint}"))
        };
        EmbedError::Operator(problems.map(said).collect::<Vec<_>>().join("; "))
    }

    /// The option of the caller that stands at a place of the text, such as `limits.call-time`.
    fn option_at(&self, place: usize) -> Option<String> {
        let before = self.0.get(..place)?;
        let table = before.lines().rev().find_map(|line| line.strip_prefix('[')?.strip_suffix(']'))?;
        let inner = SECTIONS
            .iter()
            .find_map(|(section, _)| table.strip_prefix(section))?
            .strip_prefix('.')?
            .strip_prefix(STEP)?;
        let line = self.0.get(before.rfind('\n').map_or(0, |end| end + 1)..)?.lines().next()?;
        let key = line.split_once('=')?.0.trim().trim_matches('"');
        // As the option is called.
        let key = if key == "key-by" { "keys" } else { key };
        Some(format!("{inner}.{key}").trim_start_matches('.').to_owned())
    }
}

/// The sections that the step may be in, and what it is called in messages about the whole of it.
const SECTIONS: [(&str, &str); 2] = [("operators", "the operator"), ("windows", "the window")];
/// What is said of keys that are none, with the key.
const HAS_NO_KEY: &str = " has no key ";

/// A message without names and places of the text.
fn without_places(message: &str) -> String {
    let mut text = message.to_owned();
    for (section, one) in SECTIONS {
        text = text.replace(&format!("[{section}.{STEP}]"), one);
        let table = format!("[{section}.{STEP}.");
        while let Some((before, (inner, after))) =
            text.split_once(&table).and_then(|(before, rest)| Some((before, rest.split_once(']')?)))
        {
            text = format!("{before}{inner}{after}");
        }
        text = text.replace(&format!("{section}.{STEP}."), "");
    }
    while let Some((before, (_, after))) =
        text.split_once(" (in line ").and_then(|(before, rest)| Some((before, rest.split_once(')')?)))
    {
        text = format!("{before}{after}");
    }
    // Of JSON that was made of options.
    match text.split_once(" at line ").filter(|(_, rest)| rest.contains(" column ")) {
        Some((before, rest)) => {
            let place = |c: char| c.is_ascii_digit() || c.is_whitespace();
            let rest = rest
                .trim_start_matches(place)
                .trim_start_matches("column ")
                .trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{before}{rest}")
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_a_text_that_the_caller_has_not_written_are_left_out() {
        let said =
            "\"operator\" (in line 10, column 12) would add a column, and its input (in line 1, column 9) has it";
        assert_eq!(without_places(said), "\"operator\" would add a column, and its input has it");
        assert_eq!(without_places("[operators.operator.limits] has no key \"cpu\""), "limits has no key \"cpu\"");
        assert_eq!(without_places("[windows.operator] has no key \"gap\""), "the window has no key \"gap\"");
        assert_eq!(
            without_places(
                "[windows.operator.window] has no key \"x\", and windows.operator.aggregates.median is no table"
            ),
            "window has no key \"x\", and aggregates.median is no table"
        );
        assert_eq!(without_places("an end (in line "), "an end (in line ");
        assert_eq!(
            without_places("config: missing field `tag` at line 1 column 2; give it"),
            "config: missing field `tag`; give it"
        );
    }

    #[test]
    fn a_place_is_the_option_that_has_made_it() {
        let text = "parallelism = 1\n[operators.operator]\non-error = \"x\"\nkey-by = [\"a\"]\n\n[operators.operator.limits]\ncall-time = \"soon\"\n";
        let made = MadePipeline(text.to_owned());
        let at = |part: &str| made.option_at(text.find(part).unwrap());
        assert_eq!(at("\"soon\"").as_deref(), Some("limits.call-time"));
        assert_eq!(
            [at("\"x\"").as_deref(), at("[\"a\"]").as_deref(), at("1\n").as_deref()],
            [Some("on-error"), Some("keys"), None]
        );
        let of_window =
            "[windows.operator]\nallowed-lateness = \"x\"\n[windows.operator.aggregates.median]\nconfig = 5\n";
        let window = MadePipeline(of_window.to_owned());
        let option = |part: &str| window.option_at(of_window.find(part).unwrap());
        assert_eq!(
            [option("\"x\"").as_deref(), option("5").as_deref()],
            [Some("allowed-lateness"), Some("aggregates.median.config")]
        );
        let span = |part: &str| text.find(part).map(|start| start..start + part.len());
        let error = made.refused([("\"soon\" is not a duration", Some("write \"1s\""), span("\"soon\""))].into_iter());
        assert_eq!(error.to_string(), "limits.call-time: \"soon\" is not a duration: write \"1s\"");
    }
}
