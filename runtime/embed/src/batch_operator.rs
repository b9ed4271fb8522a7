//! [`BatchOperator`]: a component that keeps nothing between rows, over record batches that its caller has. It knows no pipeline file, no
//! split and no checkpoint.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::ScalarBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use weir_connectors::StandardConnectors;
use weir_core::batch::StreamBatch;
use weir_core::column_type::{columns_text, type_name};
use weir_core::pipeline::parse;
use weir_engine::single_step::SingleStep;
use weir_engine::{CheckErrors, Job};
use weir_host::{Component, InputSchema, World};

use crate::error::EmbedError;
use crate::guest_lines::GuestLines;
use crate::process;

/// What the step is called in messages.
const STEP: &str = "operator";
/// The output of rows that could not be processed.
const DEAD_LETTER: &str = "dead-letter";

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
}

/// See the module.
pub struct BatchOperator {
    step: SingleStep,
    /// The columns that the operator gets.
    taken: SchemaRef,
    outputs: Vec<(String, SchemaRef)>,
}

impl BatchOperator {
    /// Loads a component, which is compiled once and then kept in the cache, and hands it its configuration and the columns of its input.
    ///
    /// # Errors
    /// If it is no operator without keys, or refuses one of these.
    pub fn open(component: &[u8], options: &OperatorOptions, given: &Schema) -> Result<Self, EmbedError> {
        let host = process::host()?;
        let name = options.name.as_deref().unwrap_or(STEP);
        let loaded = host.load_bytes(component, name).map_err(|error| EmbedError::Operator(error.to_string()))?;
        if loaded.world() != World::Transform {
            return Err(EmbedError::Operator(format!(
                "{name} is a {}, and only a transform-operator can run over batches alone: state needs a job",
                loaded.world()
            )));
        }
        let taken = Arc::new(taken_schema(given));
        // The engine reads components from files.
        let io = |error| EmbedError::File { path: "a folder for components".to_owned(), error };
        let file = tempfile::Builder::new().prefix("weir-component-").suffix(".wasm").tempfile().map_err(io)?;
        std::fs::write(file.path(), component).map_err(io)?;
        let text = pipeline(&loaded, file.path(), options, &taken)?;
        let refused = |messages: Vec<String>| EmbedError::Operator(messages.join("; "));
        let graph = parse(&text, std::path::Path::new(""), &[])
            .map_err(|error| refused(error.problems.iter().map(|problem| problem.message.clone()).collect()))?;
        let job = Job::check(&graph, &StandardConnectors::new(), &host)
            .map_err(|CheckErrors(errors)| refused(errors.into_iter().map(|error| error.message).collect()))?;
        let job = job.with_guest_log(Arc::new(GuestLines));
        let step = SingleStep::new(job, STEP, process::clock())?;
        let outputs = step.outputs().into_iter().filter_map(|(name, schema)| Some((name, schema?))).collect();
        Ok(Self { step, taken, outputs })
    }

    /// The names of its outputs, the main one first, and their columns.
    #[must_use]
    pub fn outputs(&self) -> &[(String, SchemaRef)] {
        &self.outputs
    }

    /// Processes rows, which have the columns that were told at the beginning. Gives rows with the number of the output that they are of.
    ///
    /// # Errors
    /// If the columns are others, a row has no event time, or a row cannot be processed and `on-error` is `fail`.
    pub fn process(&mut self, rows: &RecordBatch) -> Result<Vec<(usize, RecordBatch)>, EmbedError> {
        let emitted = self.process_at(rows, None)?;
        Ok(emitted.into_iter().map(|(output, batch)| (output, batch.rows)).collect())
    }

    /// The same with event times, where the caller knows those; rows go out with theirs.
    ///
    /// # Errors
    /// As [`BatchOperator::process`].
    pub fn process_at(
        &mut self,
        rows: &RecordBatch,
        times: Option<ScalarBuffer<i64>>,
    ) -> Result<Vec<(usize, StreamBatch)>, EmbedError> {
        let found = taken_schema(&rows.schema());
        if found.fields() != self.taken.fields() {
            let (found, told) = (columns_text(&found), columns_text(&self.taken));
            return Err(EmbedError::Operator(format!("rows have the columns {found}, but {told} were told before")));
        }
        let fields = rows.columns().iter().zip(self.taken.fields());
        let columns = fields.map(|(column, field)| cast(column, field.data_type())).collect::<Result<_, _>>();
        let failed = |error: arrow::error::ArrowError| EmbedError::Operator(error.to_string());
        let rows = columns.and_then(|columns| RecordBatch::try_new(self.taken.clone(), columns)).map_err(failed)?;
        if rows.num_rows() == 0 {
            return Ok(Vec::new());
        }
        let emitted = match times {
            None => self.step.process(rows),
            Some(times) => self.step.process_at(rows, times),
        };
        Ok(emitted?)
    }
}

/// The columns as the operator has them: text and lists with long offsets have short ones there, and every column may be null, as other
/// engines do not say that one cannot be.
fn taken_schema(given: &Schema) -> Schema {
    Schema::new(given.fields().iter().map(|field| taken(field)).collect::<Vec<_>>())
}

fn taken(field: &Field) -> Field {
    Field::new(field.name(), taken_type(field.data_type()), true)
}

fn taken_type(of: &DataType) -> DataType {
    match of {
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::List(item) | DataType::LargeList(item) => {
            DataType::List(Arc::new(Field::new_list_field(taken_type(item.data_type()), true)))
        }
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|field| taken(field)).collect()),
        other => other.clone(),
    }
}

/// A source with these columns, the component, and a sink for every output of it. Only the component runs.
fn pipeline(
    component: &Component,
    path: &std::path::Path,
    options: &OperatorOptions,
    schema: &SchemaRef,
) -> Result<String, EmbedError> {
    let config = Value::Object(options.config.clone());
    let input = InputSchema::only(schema.clone(), Vec::new());
    let plan = component.describe(&config, &[input], &weir_core::limits::OperatorLimits::default());
    let plan = plan.map_err(|error| EmbedError::Operator(error.to_string()))?;
    // A string of JSON is one of TOML, too, and on one line, as a key has to be.
    let quoted = |text: &str| Value::from(text).to_string();
    let mut text = "[sources.rows]\nconnector = \"collection\"\nrows = []\n".to_owned();
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
    let sides = plan.outputs.iter().skip(1).map(|output| output.name.as_str());
    let sides = sides.chain((on_error == DEAD_LETTER).then_some(DEAD_LETTER));
    let inputs = [STEP.to_owned()].into_iter().chain(sides.map(|side| format!("{STEP}.{side}")));
    let sink = |(number, input)| (format!("output-{number}"), json!({ "input": input, "connector": "blackhole" }));
    let sinks: Map<String, Value> = inputs.enumerate().map(sink).collect();
    let steps = toml::Table::try_from(json!({ "operators": { STEP: step }, "sinks": sinks }));
    let steps = steps.map_err(|_| EmbedError::Operator("a configuration cannot have a null".to_owned()))?;
    Ok(format!("{text}\n{steps}"))
}
