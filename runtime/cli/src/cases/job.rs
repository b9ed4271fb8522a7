//! The pipeline of a case: a source with its columns, the component as the only step, and a sink for every output of it. Only the step runs.

use std::path::{Path, absolute};

use anyhow::{Context, anyhow};
use serde_json::{Value, json};
use weir_connectors::StandardConnectors;
use weir_core::limits::OperatorLimits;
use weir_core::pipeline::parse;
use weir_engine::{CheckErrors, Job};
use weir_host::{Component, Host, InputSchema, Plan, World};

use super::file::Case;

/// What the step is called.
pub(super) const STEP: &str = "operator";
/// What the source is called.
const INPUT: &str = "rows";
/// A window that all times from 1697 to 2243 are in: it begins half of its length before 1970.
const ALL: [&str; 2] = ["200000d", "100000d"];

/// Why there is none.
pub(super) enum Refused {
    /// The case is wrong.
    Case(anyhow::Error),
    /// The operator refuses its configuration or its input.
    Operator(String),
}

/// The job of a case, and what the component does in it. Every output of the step has a name that [`super::observed`] finds.
pub(super) fn of(host: &Host, component: &Component, path: &Path, case: &Case) -> Result<(Job, Plan), Refused> {
    let schema = case.schema().map_err(Refused::Case)?;
    let key = |key: &String| {
        schema.index_of(key).map_err(|_| Refused::Case(anyhow!("key-by: there is no column {key:?} in columns")))
    };
    let keys = case.key_by.iter().map(key).collect::<Result<Vec<_>, _>>()?;
    // An aggregate does not know the keys of its window.
    let keys = if component.world() == World::Aggregate { Vec::new() } else { keys };
    let (config, input) = (Value::Object(case.config.clone()), InputSchema::only(schema, keys));
    let plan = component.describe(&config, &[input], &OperatorLimits::default());
    let plan = plan.map_err(|error| Refused::Operator(format!("{:#}", anyhow!(error))))?;
    let text = pipeline(component.world(), path, case, &plan).map_err(Refused::Case)?;
    let graph = parse(&text, Path::new(""), &[]).map_err(|error| {
        let problems: Vec<String> = error.problems.iter().map(|problem| problem.message.clone()).collect();
        Refused::Case(anyhow!("{}", problems.join("; ")))
    })?;
    let job = Job::check(&graph, &StandardConnectors::new(), host).map_err(|CheckErrors(errors)| {
        let errors: Vec<String> = errors.into_iter().map(|error| error.message).collect();
        Refused::Operator(errors.join("; "))
    })?;
    Ok((job, plan))
}

/// Its text.
fn pipeline(world: World, path: &Path, case: &Case, plan: &Plan) -> anyhow::Result<String> {
    let component = absolute(path)?.into_os_string().into_string();
    let component = component.map_err(|path| anyhow!("the path {} is not UTF-8", path.display()))?;
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    // By hand, because a table of the library has no order.
    let mut text = format!("[sources.{INPUT}]\nconnector = \"collection\"\nrows = []\n");
    text.extend(case.event_time.iter().map(|column| format!("event-time = {}\n", quoted(column))));
    text += &format!("[sources.{INPUT}.schema]\n");
    text.extend(case.columns().iter().map(|(name, of)| format!("{} = {}\n", quoted(name), quoted(of))));
    let mut step = json!({ "input": INPUT, "on-error": "dead-letter" });
    if !case.key_by.is_empty() {
        step["key-by"] = json!(case.key_by);
    }
    let config = Value::Object(case.config.clone());
    let (section, side_outputs) = if world == World::Aggregate {
        let columns: Vec<&String> = case.columns().iter().map(|(name, _)| name).collect();
        // In a pipeline its author names the result; here it has the name that the component gives it.
        let result = plan.outputs.first().and_then(|output| output.schema.fields().first());
        let result = result.map_or("result", |field| field.name());
        step["window"] = case.window.clone().unwrap_or_else(|| json!({ "tumbling": ALL[0], "offset": ALL[1] }));
        step["aggregates"] = json!({ result: { "component": component, "columns": columns, "config": config } });
        ("windows", vec!["late"])
    } else {
        step["component"] = component.into();
        step["config"] = config;
        ("operators", plan.outputs.iter().skip(1).map(|output| output.name.as_str()).collect())
    };
    let side_outputs = side_outputs.into_iter().chain(["dead-letter"]).map(|output| format!("{STEP}.{output}"));
    let sink = |(number, input)| (format!("output-{number}"), json!({ "input": input, "connector": "blackhole" }));
    let sinks: serde_json::Map<_, _> =
        [STEP.to_owned()].into_iter().chain(side_outputs).enumerate().map(sink).collect();
    let steps = toml::Table::try_from(json!({ section: { STEP: step }, "sinks": sinks }));
    let steps = steps.context("config: a pipeline file is TOML, which has no null")?;
    Ok(format!("{text}\n{steps}"))
}
