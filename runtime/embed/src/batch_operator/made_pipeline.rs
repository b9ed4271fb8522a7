//! The pipeline that is made for one component: a source with its columns, and a sink for every output. Only the component runs.

use std::path::Path;

use arrow::datatypes::SchemaRef;
use serde_json::{Map, Value, json};
use weir_core::column_type::type_name;
use weir_core::limits::OperatorLimits;
use weir_host::{Component, InputSchema};

use super::{DEAD_LETTER, OperatorOptions, STEP};
use crate::error::EmbedError;

/// Its text; `keys` are indices into the columns.
///
/// # Errors
/// If the component refuses its configuration or its columns.
pub(super) fn made_pipeline(
    component: &Component,
    path: &Path,
    options: &OperatorOptions,
    (schema, keys): (&SchemaRef, &[usize]),
) -> Result<String, EmbedError> {
    let config = Value::Object(options.config.clone());
    let input = InputSchema::only(schema.clone(), keys.to_vec());
    let plan = component.describe(&config, &[input], &OperatorLimits::default());
    let plan = plan.map_err(|error| EmbedError::Operator(error.to_string()))?;
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
    let mut step = json!({ "input": "rows", "component": path, "config": config });
    let on_error = options.on_error.as_deref().unwrap_or("fail");
    step["on-error"] = on_error.into();
    if !options.limits.is_empty() {
        step["limits"] = Value::Object(options.limits.clone());
    }
    if !options.keys.is_empty() {
        step["key-by"] = options.keys.clone().into();
    }
    if let Some(ttl) = &options.ttl {
        step["ttl"] = ttl.clone();
    }
    let sides = plan.outputs.iter().skip(1).map(|output| output.name.as_str());
    let sides = sides.chain((on_error == DEAD_LETTER).then_some(DEAD_LETTER));
    let inputs = [STEP.to_owned()].into_iter().chain(sides.map(|side| format!("{STEP}.{side}")));
    let sink = |(number, input)| (format!("output-{number}"), json!({ "input": input, "connector": "blackhole" }));
    let sinks: Map<String, Value> = inputs.enumerate().map(sink).collect();
    let steps = toml::Table::try_from(json!({ "operators": { STEP: step }, "sinks": sinks }));
    let steps = steps.map_err(|_| EmbedError::Operator("a configuration cannot have a null".to_owned()))?;
    Ok(format!("{text}\n{steps}"))
}

/// A message about the pipeline, for a caller who has not written it: without places in its text.
pub(super) fn without_places(message: &str) -> String {
    let mut text = message.replace(&format!("[operators.{STEP}.limits]"), "limits");
    while let Some((before, (_, after))) =
        text.split_once(" (in line ").and_then(|(before, rest)| Some((before, rest.split_once(')')?)))
    {
        text = format!("{before}{after}");
    }
    text
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
        assert_eq!(without_places("an end (in line "), "an end (in line ");
    }
}
