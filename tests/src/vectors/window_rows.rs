//! Records of a case as rows, and results as what a case expects of them.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, SchemaRef};
use serde::Deserialize;
use serde_json::{Map, Value};
use weir_core::batch::{RowKind, StreamBatch};
use weir_engine::nodes::window::{WINDOW_END, WINDOW_START};

use super::case::{Stop, read};
use super::compare::At;

/// The key column of a case's records.
pub(super) const KEY: &str = "key";
/// The value column of a case's records.
pub(super) const VALUE: &str = "value";

/// The column with the gap of a record's session.
pub(super) const GAP: &str = "gap";

/// The column of results that are lists.
pub(super) const VALUES: &str = "values";
/// The columns that say which firing a result is of, and what cases may expect of them.
pub(super) const TIMING: &str = "pane.timing";
pub(super) const INDEX: &str = "pane.index";
pub(super) const FINAL_INDEX: &str = "pane.final_index";
pub(super) const LAST: &str = "pane.last";
pub(super) const OF_PANES: [&str; 7] = ["timing", "late", "index", "first", "nonspeculative_index", "final", "last"];

/// A record that goes in.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    #[serde(default)]
    pub(super) key: Value,
    #[serde(default)]
    pub(super) value: Option<i64>,
    pub(super) ts: i64,
    /// Of its session, where the window says it by other fields.
    #[serde(skip)]
    pub(super) gap: Option<i64>,
}

impl Record {
    /// Its fields that are numbers.
    pub(super) fn numbers(&self) -> Map<String, Value> {
        [("value", Value::from(self.value)), ("ts", self.ts.into())]
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect()
    }
}

/// The columns of records.
pub(super) fn record_schema() -> SchemaRef {
    let column = |name, data_type| Field::new(name, data_type, true);
    let of_value = [VALUE, GAP].map(|name| column(name, DataType::Int64));
    Arc::new(Schema::new(std::iter::once(column(KEY, DataType::Utf8)).chain(of_value).collect::<Vec<_>>()))
}

/// Records as a batch.
pub(super) fn batch_of(records: &[Record]) -> Result<StreamBatch, Stop> {
    let keys: ArrayRef = Arc::new(StringArray::from_iter(records.iter().map(|r| key_text(&r.key))));
    let values: ArrayRef = Arc::new(Int64Array::from_iter(records.iter().map(|r| r.value)));
    let gaps: ArrayRef = Arc::new(Int64Array::from_iter(records.iter().map(|r| r.gap)));
    let rows =
        RecordBatch::try_new(record_schema(), vec![keys, values, gaps]).map_err(|e| Stop::fail(e.to_string()))?;
    let event_times: Vec<i64> = records.iter().map(|r| r.ts).collect();
    Ok(StreamBatch::new(rows, event_times.into(), 0))
}

/// A key of any JSON type, told apart as text.
pub(super) fn key_text(key: &Value) -> Option<String> {
    match key {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// A row that came out, or what is expected of one: what it leaves open is not compared.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    pub(super) key: Option<Value>,
    pub(super) window: Option<[i64; 2]>,
    pub(super) ts: Option<i64>,
    pub(super) values: Map<String, Value>,
}

impl Outcome {
    /// Reads an expectation. Beside key, window and time it may name `values`, and nothing else.
    pub(super) fn expected(entry: Value, values: &[String]) -> Result<At<Self>, Stop> {
        let mut fields: Map<String, Value> = read(entry)?;
        let mut take = |field: &str| fields.remove(field);
        let op = read(take("by_op").unwrap_or_default())?;
        let key = take(KEY).map(|key| Value::from(key_text(&key)));
        let window = read(take("window").unwrap_or_default())?;
        let ts = read(take("ts").unwrap_or_default())?;
        // A list that is not said is not compared.
        fields.retain(|field, value| field != VALUES || !value.is_null());
        if let Some(unknown) = fields.keys().find(|field| !values.contains(field)) {
            return Err(Stop::skip(format!("expects {unknown:?} of results, which is not known here")));
        }
        Ok(At { op, what: Self { key, window, ts, values: fields } })
    }

    /// What a column says of the pane, as cases say it.
    fn pane(&mut self, column: &str, value: Value) {
        let mut put = |name: &str, value: Value| drop(self.values.insert(name.to_owned(), value));
        match column {
            TIMING => {
                let timing = value.as_str().unwrap_or_default().replace('-', "_");
                put("late", (timing == "late").into());
                put("timing", timing.into());
            }
            INDEX => {
                put("first", (value == 0).into());
                put("index", value);
            }
            FINAL_INDEX => put("nonspeculative_index", value),
            _ => {
                put("final", value.clone());
                put("last", value);
            }
        }
    }

    /// Whether a row is what this expects.
    pub(super) fn agrees_with(&self, row: &Self) -> bool {
        let same = |name: &String, value: &Value| row.values.get(name).is_some_and(|got| same_value(value, got));
        (self.key.is_none() || self.key == row.key)
            && (self.window.is_none() || self.window == row.window)
            && (self.ts.is_none() || self.ts == row.ts)
            && self.values.iter().all(|(name, value)| same(name, value))
    }

    /// The rows of a batch; `end_shift`: how much later windows end than the case writes. What is taken back has no values.
    pub(super) fn of_batch(batch: &StreamBatch, end_shift: i64) -> Result<Vec<Self>, Stop> {
        let schema = batch.rows.schema();
        let bounds = |name: &str| -> Result<Option<Int64Array>, Stop> {
            let Some(column) = batch.rows.column_by_name(name) else { return Ok(None) };
            let column = cast(column, &DataType::Int64).map_err(|e| Stop::fail(e.to_string()))?;
            Ok(Some(column.as_primitive::<Int64Type>().clone()))
        };
        let (starts, ends) = (bounds(WINDOW_START)?, bounds(WINDOW_END)?);
        let mut rows = Vec::new();
        for (row, ts) in batch.event_times.iter().enumerate() {
            // Without a key column there is one group, and a case that says so gives the key null.
            let mut outcome = Self { key: Some(Value::Null), ts: Some(*ts), ..Self::default() };
            if let (Some(starts), Some(ends)) = (&starts, &ends)
                && starts.is_valid(row)
            {
                outcome.window = Some([starts.value(row), ends.value(row) - end_shift]);
            }
            let is_gone = batch.row_kinds.as_ref().is_some_and(|kinds| {
                [RowKind::Delete as u8, RowKind::UpdateBefore as u8].contains(&kinds.bytes()[row])
            });
            for (field, column) in schema.fields().iter().zip(batch.rows.columns()) {
                match field.name().as_str() {
                    KEY => outcome.key = Some(value_at(column, row)?),
                    WINDOW_START | WINDOW_END | GAP => {}
                    TIMING | INDEX | FINAL_INDEX | LAST => outcome.pane(field.name(), value_at(column, row)?),
                    name if is_gone => drop(outcome.values.insert(name.to_owned(), Value::Null)),
                    name => drop(outcome.values.insert(name.to_owned(), value_at(column, row)?)),
                }
            }
            rows.push(outcome);
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
        DataType::Int64 => Ok(column.as_primitive::<Int64Type>().value(row).into()),
        DataType::Float64 => Ok(column.as_primitive::<Float64Type>().value(row).into()),
        DataType::Boolean => Ok(column.as_boolean().value(row).into()),
        DataType::List(_) => {
            let list = column.as_list::<i32>().value(row);
            (0..list.len()).map(|item| value_at(&list, item)).collect::<Result<Vec<_>, _>>().map(Value::from)
        }
        other => Err(Stop::fail(format!("a result has the type {other}"))),
    }
}

/// Integers are compared exactly, a mean up to its rounding, lists in any order: ours are by event time.
fn same_value(expected: &Value, got: &Value) -> bool {
    if let (Some(expected), Some(got)) = (expected.as_array(), got.as_array()) {
        let sorted = |list: &[Value]| {
            let mut texts: Vec<String> = list.iter().map(Value::to_string).collect();
            texts.sort_unstable();
            texts
        };
        return sorted(expected) == sorted(got);
    }
    match (expected.as_f64(), got.as_f64()) {
        (Some(e), Some(g)) if expected.is_f64() || got.is_f64() => (e - g).abs() <= 1e-9 * e.abs().max(g.abs()),
        _ => expected == got,
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        parts.extend(self.key.as_ref().map(|key| format!("key {key}")));
        parts.extend(self.window.map(|[start, end]| format!("window [{start}, {end})")));
        parts.extend(self.values.iter().map(|(name, value)| format!("{name} {value}")));
        parts.extend(self.ts.map(|ts| format!("at {ts}")));
        f.write_str(&parts.join(", "))
    }
}
