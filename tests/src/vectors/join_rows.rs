//! Records of a case of joins as rows, and joined rows as what a case expects of them.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use serde::Deserialize;
use serde_json::{Map, Value};
use weir_core::batch::StreamBatch;
use weir_engine::nodes::window::{WINDOW_END, WINDOW_START};

use super::case::{Stop, read};
use super::compare::At;
use super::window_rows::key_text;

/// A record that goes into one input.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct JoinRecord {
    #[serde(default)]
    pub(super) key: Value,
    #[serde(default)]
    pub(super) value: Option<i64>,
    pub(super) ts: i64,
}

/// The columns of records: the key, the value, the time.
const FIELDS: [&str; 3] = ["key", "value", "ts"];

/// The columns of records, whose names begin with that of their input.
pub(super) fn record_schema(input: &str) -> SchemaRef {
    let types = [DataType::Utf8, DataType::Int64, DataType::Int64];
    let field = |(name, data_type): (&str, DataType)| Field::new(format!("{input}.{name}"), data_type, true);
    Arc::new(Schema::new(FIELDS.into_iter().zip(types).map(field).collect::<Vec<_>>()))
}

/// Records as a batch.
pub(super) fn batch_of(input: &str, records: &[JoinRecord]) -> Result<StreamBatch, Stop> {
    let keys: ArrayRef = Arc::new(StringArray::from_iter(records.iter().map(|record| key_text(&record.key))));
    let values: ArrayRef = Arc::new(Int64Array::from_iter(records.iter().map(|record| record.value)));
    let times: ArrayRef = Arc::new(Int64Array::from_iter_values(records.iter().map(|record| record.ts)));
    let rows = RecordBatch::try_new(record_schema(input), vec![keys, values, times]);
    let rows = rows.map_err(|error| Stop::fail(error.to_string()))?;
    Ok(StreamBatch::new(rows, records.iter().map(|record| record.ts).collect(), 0))
}

/// What a joined row says, or what is expected of one: what is left open is not compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Joined(pub(super) Map<String, Value>);

impl Joined {
    /// Reads an expectation about rows of these inputs; one that names no operation is due at the last.
    pub(super) fn expected(entry: Value, inputs: &[String], last: usize) -> Result<At<Self>, Stop> {
        let mut fields: Map<String, Value> = read(entry)?;
        let op = fields.remove("by_op").map_or(Ok(last), read)?;
        if let Some(key) = fields.get_mut("key") {
            *key = key_text(key).into();
        }
        for input in inputs {
            if let Some(Value::Object(row)) = fields.get_mut(input)
                && let Some(key) = row.get_mut("key")
            {
                *key = key_text(key).into();
            }
        }
        let known = |field: &str| {
            ["key", "window_end", "window", "value", "ts", "side"].contains(&field)
                || inputs.iter().any(|input| field == input || field.strip_suffix("_ts") == Some(input))
        };
        match fields.keys().find(|field| !known(field)) {
            Some(unknown) => Err(Stop::skip(format!("expects {unknown:?} of results, which is not known here"))),
            None => Ok(At { op, what: Self(fields) }),
        }
    }

    /// Whether a row is what this expects.
    pub(super) fn agrees_with(&self, row: &Self) -> bool {
        let same = |(name, value): (&String, &Value)| match (value, row.0.get(name)) {
            // Of a row of an input some columns may be named.
            (Value::Object(some), Some(Value::Object(all))) => {
                some.iter().all(|(name, value)| all.get(name) == Some(value))
            }
            // A case may name the value of an input, or its row.
            (Value::Number(_), Some(Value::Object(all))) => all.get("value") == Some(value),
            (Value::Null, got) => got.is_none_or(Value::is_null),
            (value, got) => got == Some(value),
        };
        self.0.iter().all(same)
    }

    /// The rows of a batch of joined rows, late rows, or windows over them.
    pub(super) fn of_batch(batch: &StreamBatch, inputs: &[String]) -> Result<Vec<Self>, Stop> {
        let schema = batch.rows.schema();
        let mut rows = vec![Self::default(); batch.len()];
        for (field, column) in schema.fields().iter().zip(batch.rows.columns()) {
            for (row, of_row) in rows.iter_mut().enumerate() {
                let value = value_at(column, row)?;
                match (field.name().split_once('.'), field.name().as_str()) {
                    (Some((input, name)), _) => {
                        let of_input = of_row.0.entry(input).or_insert_with(|| Value::Object(Map::new()));
                        of_input.as_object_mut().and_then(|fields| fields.insert(name.to_owned(), value));
                    }
                    (None, WINDOW_START) => drop(of_row.0.insert("window".to_owned(), Value::from(vec![value]))),
                    (None, WINDOW_END) => {
                        let bounds = of_row.0.get_mut("window").and_then(Value::as_array_mut);
                        bounds.into_iter().for_each(|bounds| bounds.push(value.clone()));
                        of_row.0.insert(WINDOW_END.to_owned(), value);
                    }
                    (None, name) => drop(of_row.0.insert(name.to_owned(), value)),
                }
            }
        }
        for (row, Self(fields)) in rows.iter_mut().enumerate() {
            fields.insert("ts".to_owned(), batch.event_times[row].into());
            for input in inputs {
                let Some(Value::Object(of_input)) = fields.get(input) else { continue };
                let (key, ts) = (of_input.get("key").cloned(), of_input.get("ts").cloned());
                // Every record has a time.
                if ts.as_ref().is_none_or(Value::is_null) {
                    fields.insert(input.clone(), Value::Null);
                    continue;
                }
                fields.insert(format!("{input}_ts"), ts.unwrap_or_default());
                fields.insert("key".to_owned(), key.unwrap_or_default());
            }
        }
        Ok(rows)
    }
}

fn value_at(column: &ArrayRef, row: usize) -> Result<Value, Stop> {
    if column.is_null(row) {
        return Ok(Value::Null);
    }
    match column.data_type() {
        DataType::Utf8 => Ok(column.as_string::<i32>().value(row).into()),
        _ => {
            let column = cast(column, &DataType::Int64).map_err(|error| Stop::fail(error.to_string()))?;
            Ok(column.as_primitive::<Int64Type>().value(row).into())
        }
    }
}

impl fmt::Display for Joined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(|(name, value)| format!("{name} {value}")).collect();
        f.write_str(&parts.join(", "))
    }
}
