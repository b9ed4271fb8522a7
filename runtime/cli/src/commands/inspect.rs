//! `weir inspect`: what a component is, and what it would do with its inputs.

mod asked;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use arrow::datatypes::{Field, Schema};
use serde_json::{Value, json};
use weir_core::column_type::parse_type;
use weir_core::limits::OperatorLimits;
use weir_core::names::did_you_mean;
use weir_host::{Component, InputSchema, OperatorInfo, OutputColumn, Plan};

pub(crate) use asked::misdeclared;
use asked::{Asked, asked, config_keys, of_config, told};

use crate::component::columns_text;
use crate::{component, json, terminal};

/// Options of `weir inspect`.
#[derive(clap::Args)]
#[command(after_help = "Types are written as in schemas of pipeline files; a ? after a type allows nulls.

Examples:
  weir inspect classify.wasm
  weir inspect classify.wasm --input 'origin:utf8,dep_delay:int64?'
  weir inspect sessions.wasm --input user:int64,at:timestamp --key-by user --config '{\"gap\": 30}'")]
pub(crate) struct Args {
    /// The component
    component: PathBuf,
    /// Its configuration
    #[arg(long, value_name = "JSON")]
    config: Option<String>,
    /// The columns of an input; give it once per input
    #[arg(long = "input", value_name = "NAME:TYPE,...")]
    inputs: Vec<String>,
    /// The columns that keyed inputs are keyed by
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', requires = "inputs")]
    key_by: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Loads it, and asks what it is, and for its plan: with the inputs that are given, or with the columns that it asks for.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    let config: Value = match &args.config {
        Some(config) => serde_json::from_str(config).context("--config is not JSON")?,
        None => json!({}),
    };
    let inputs: Vec<_> = args.inputs.iter().map(|text| input(text, &args.key_by)).collect::<anyhow::Result<_>>()?;
    let component = component::host()?.load(&args.component)?;
    let info = component.about()?;
    let Asked { inputs, plan, config_keys } = match inputs.is_empty() {
        true => asked(&component, &config),
        false => {
            let plan = component.describe(&config, &inputs, &OperatorLimits::default());
            Asked { inputs, plan, config_keys: None }
        }
    };
    // What it would do with other inputs is worth to be told; a configuration that was given must be one.
    let plan = match plan {
        Err(refusal) if args.config.is_some() || !args.inputs.is_empty() => match of_config(&refusal) {
            Some(why) => bail!("{}", refused_config(&component, why, args.config.is_some())),
            None if args.inputs.is_empty() => Err(told(&refusal)),
            None => return Err(refusal.into()),
        },
        plan => plan.map_err(|refusal| told(&refusal)),
    };
    if args.json {
        let mut told = as_json(&component, &info, plan.as_ref().ok(), &inputs);
        if let (Some(told), Some(keys)) = (told.as_object_mut(), &config_keys) {
            told.insert("config-keys".to_owned(), json!(keys));
        }
        return json::print(&told);
    }
    let mut text = component::described(&component);
    text += &info_text(&info);
    if let (Some(keys), None) = (config_keys, &info.config_schema) {
        text += &format!("config    {}\n", if keys.is_empty() { "no keys".to_owned() } else { keys.join(", ") });
    }
    text += &match plan {
        Ok(plan) if args.inputs.is_empty() => {
            let carried = plan.outputs.iter().any(|output| output.columns.iter().any(|of| kept_name(of).is_some()));
            let note = if carried { "          (columns that are only carried over may be of any type)\n" } else { "" };
            plan_text(&plan, &inputs, true) + note
        }
        Ok(plan) => plan_text(&plan, &inputs, false),
        Err(why) => {
            let known = inputs.iter().filter(|input| !input.schema.fields().is_empty());
            let reads: String = known.map(|input| format!("reads     {}\n", columns_text(&input.schema))).collect();
            format!("{reads}plan      {why}\n")
        }
    };
    terminal::print_result(&text)
}

/// Why a configuration is none for a component, and which keys it has.
fn refused_config(component: &Component, why: &str, is_given: bool) -> String {
    let keys = config_keys(component).filter(|keys| !keys.is_empty());
    let keys = keys.map_or_else(String::new, |keys| format!("; its keys are {}", keys.join(", ")));
    match is_given {
        true => format!("the component refuses --config: {why}{keys}"),
        false => format!("the component needs a configuration ({why}): give one with --config JSON{keys}"),
    }
}

/// `name:type,name:type?`
fn input(text: &str, key_by: &[String]) -> anyhow::Result<InputSchema> {
    let mut fields = Vec::new();
    for column in split_columns(text) {
        let (name, type_name) = column
            .split_once(':')
            .with_context(|| format!("--input {column:?}: write NAME:TYPE, for example price:int64"))?;
        let (type_name, nullable) = type_name.strip_suffix('?').map_or((type_name, false), |rest| (rest, true));
        let data_type = parse_type(type_name).map_err(|reason| anyhow!("--input {column:?}: {reason}"))?;
        fields.push(Field::new(name, data_type, nullable));
    }
    let schema = Arc::new(Schema::new(fields));
    let mut keys = Vec::new();
    for key in key_by {
        let Ok(index) = schema.index_of(key) else {
            let known: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            bail!("--key-by: there is no column {key:?}{}", did_you_mean(key, &known));
        };
        keys.push(index);
    }
    Ok(InputSchema::only(schema, keys))
}

/// At the commas that are not within a type's brackets.
fn split_columns(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    let columns = text.split(|c: char| {
        match c {
            '(' | '<' | '[' | '{' => depth += 1,
            ')' | '>' | ']' | '}' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    });
    columns.map(str::trim).filter(|column| !column.is_empty()).collect()
}

fn info_text(info: &OperatorInfo) -> String {
    let OperatorInfo { title, config_schema } = info;
    let mut text = title.as_ref().map_or_else(String::new, |title| format!("title     {title}\n"));
    if let Some(schema) = config_schema {
        text += &format!("config    {schema}\n");
    }
    text
}

/// `is_asked`: the types of the input's columns are what the component asked for, and worth to be told.
fn plan_text(plan: &Plan, inputs: &[InputSchema], is_asked: bool) -> String {
    let mut text = String::new();
    for (input, reads) in inputs.iter().zip(&plan.reads) {
        let name = |column: &usize| match (input.schema.field(*column), is_asked) {
            (field, true) => columns_text(&Schema::new(vec![field.clone()])),
            (field, false) => field.name().clone(),
        };
        let names: Vec<_> = reads.iter().map(name).collect();
        let times = if plan.reads_event_times { ", event times" } else { "" };
        text +=
            &format!("reads     {}{times}\n", if names.is_empty() { "no column".to_owned() } else { names.join(", ") });
    }
    for output in &plan.outputs {
        text += &format!("output    {}: {}\n", output.name, columns_text(&output.schema));
        let kept: Vec<_> = output.columns.iter().filter_map(kept_name).collect();
        if !kept.is_empty() {
            text += &format!("          carried over by the host: {}\n", kept.join(", "));
        }
    }
    if let Some(state) = &plan.state {
        text += &format!("state     version {}: {}\n", state.version, columns_text(&state.schema));
    }
    for map in plan.maps.iter() {
        text += &format!("map       {}: {} -> {}\n", map.name, columns_text(&map.key), columns_text(&map.value));
    }
    text
}

fn kept_name(column: &OutputColumn) -> Option<&str> {
    match column {
        OutputColumn::Kept { name, .. } => Some(name),
        OutputColumn::Computed(_) => None,
    }
}

fn as_json(component: &Component, info: &OperatorInfo, plan: Option<&Plan>, inputs: &[InputSchema]) -> Value {
    let plan = plan.map(|plan| {
        let reads = inputs.iter().zip(&plan.reads).map(|(input, reads)| {
            reads.iter().map(|column| input.schema.field(*column).name().clone()).collect::<Vec<_>>()
        });
        json!({
            "reads": reads.collect::<Vec<_>>(),
            "reads-event-times": plan.reads_event_times,
            "outputs": plan.outputs.iter().map(|output| json!({
                "name": output.name,
                "columns": columns_text(&output.schema),
                "kept": output.columns.iter().filter_map(kept_name).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "state": plan.state.as_ref().map(|state| json!({
                "version": state.version,
                "columns": columns_text(&state.schema),
            })),
            "maps": plan.maps.iter().map(|map| json!({
                "name": map.name,
                "key": columns_text(&map.key),
                "value": columns_text(&map.value),
            })).collect::<Vec<_>>(),
        })
    });
    json!({
        "title": info.title,
        "config-schema": info.config_schema,
        "world": component.world().name(),
        "retracts": component.retracts(),
        "size-bytes": component.size_bytes(),
        "digest": component.digest(),
        "imports": component.imports(),
        "compile-time-us": component.compile_time().map(|time| time.as_micros() as u64),
        "plan": plan,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_split_outside_brackets() {
        assert_eq!(
            split_columns("a:decimal128(10, 2), b:list<struct<x:int8,y:utf8>>?,c:bool"),
            ["a:decimal128(10, 2)", "b:list<struct<x:int8,y:utf8>>?", "c:bool"]
        );
    }
}
