//! [`RowOperator`]: a [`BatchOperator`] whose rows come and go as bytes, for programs without Arrow.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};
use weir_core::column_type::{parse_type, type_name};

use crate::batch_operator::{BatchOperator, OperatorOptions};
use crate::error::EmbedError;
use crate::rows;

/// See the module.
pub struct RowOperator {
    operator: BatchOperator,
    columns: SchemaRef,
}

#[derive(Serialize, Deserialize)]
struct Column {
    name: String,
    /// As pipeline files write it.
    #[serde(rename = "type")]
    data_type: String,
}

#[derive(Serialize)]
struct Output<'a> {
    name: &'a str,
    columns: Vec<Column>,
}

fn unreadable(what: &str) -> impl Fn(serde_json::Error) -> EmbedError {
    move |error| EmbedError::Operator(format!("{what}: {error}"))
}

impl RowOperator {
    /// Opens a component for rows with these columns, `[{"name": "n", "type": "int64"}]`; `options` are
    /// [`OperatorOptions`](crate::batch_operator::OperatorOptions). Both are JSON.
    ///
    /// # Errors
    /// If the component cannot run over them, or a column of its input or outputs has a type that rows cannot have.
    pub fn open(component: &[u8], options: &str, columns: &str) -> Result<Self, EmbedError> {
        let columns: Vec<Column> = serde_json::from_str(columns).map_err(unreadable("columns"))?;
        let field = |Column { name, data_type }| {
            Ok::<_, EmbedError>(Field::new(name, parse_type(&data_type).map_err(EmbedError::Operator)?, true))
        };
        let columns = Arc::new(Schema::new(columns.into_iter().map(field).collect::<Result<Vec<_>, _>>()?));
        let options = OperatorOptions::parse(options.as_bytes())?;
        let operator = BatchOperator::open(component, &options, &columns)?;
        let made = operator.outputs().iter().flat_map(|(_, schema)| schema.fields());
        columns.fields().iter().chain(made).try_for_each(|field| rows::check(field.name(), field.data_type()))?;
        Ok(Self { operator, columns })
    }

    /// Its outputs, the main one first, as JSON: `[{"name": "main", "columns": [..]}]`.
    ///
    /// # Errors
    /// If they cannot be written as JSON.
    pub fn outputs(&self) -> Result<String, EmbedError> {
        let column =
            |field: &Arc<Field>| Column { name: field.name().clone(), data_type: type_name(field.data_type()) };
        let outputs = self.operator.outputs().iter();
        let outputs =
            outputs.map(|(name, schema)| Output { name, columns: schema.fields().iter().map(column).collect() });
        serde_json::to_string(&outputs.collect::<Vec<_>>()).map_err(unreadable("outputs"))
    }

    /// Processes [`rows`]. The answer is `u32 output | rows` for each batch that is emitted; rows have event times if those had.
    ///
    /// # Errors
    /// As [`BatchOperator::process`], or if the bytes are no such rows.
    pub fn process(&mut self, batch: &[u8]) -> Result<Vec<u8>, EmbedError> {
        let (batch, times) = rows::decode(batch, &self.columns)?;
        let is_timed = times.is_some();
        let mut emitted = Vec::new();
        for (output, batch) in self.operator.process_at(&batch, times)? {
            emitted.extend_from_slice(&(output as u32).to_le_bytes());
            rows::encode(&batch.rows, is_timed.then_some(&batch.event_times[..]), &mut emitted)?;
        }
        Ok(emitted)
    }
}
