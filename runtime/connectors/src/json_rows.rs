//! Rows as values of JSON, by the rules of the format `json`: for programs that have rows elsewhere than in a connector, such as in the test
//! cases of an operator. Not for streams: every value is held.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use serde_json::{Map, Value};
use weir_core::column_type::columns_text;
use weir_core::names::did_you_mean;

use crate::formats::FormatName;
use crate::formats::json::JsonDecoder;
use crate::formats::reader::Decode;
use crate::formats::records::Record;
use crate::formats::write::TextWriter;

/// Why a value is no row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {row}: {reason}")]
pub struct NotARow {
    /// Its index.
    pub row: usize,
    /// What is wrong with it, naming the column.
    pub reason: String,
}

/// Rows with these columns, which are all nullable: one that a row leaves out is null in it. One that the schema does not have is an error.
///
/// # Errors
/// The first value that is no such row.
pub fn from_json(schema: &SchemaRef, rows: &[Map<String, Value>]) -> Result<RecordBatch, NotARow> {
    let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let nullable = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    let schema: SchemaRef = Arc::new(Schema::new(nullable.collect::<Vec<_>>()));
    let (mut text, mut records) = (Vec::new(), Vec::with_capacity(rows.len()));
    for (row, fields) in rows.iter().enumerate() {
        if let Some(name) = fields.keys().find(|name| !known.contains(&name.as_str())) {
            let (near, columns) = (did_you_mean(name, &known), columns_text(&schema));
            return Err(NotARow { row, reason: format!("there is no column {name:?}{near}; there are {columns}") });
        }
        let start = text.len();
        // A map of text and values can always be written into memory.
        serde_json::to_writer(&mut text, fields).map_err(|error| NotARow { row, reason: error.to_string() })?;
        records.push(Record { start, end: text.len(), line: row as u64 + 1 });
    }
    if records.is_empty() {
        return Ok(RecordBatch::new_empty(SchemaRef::clone(&schema)));
    }
    let decoded = JsonDecoder::new(SchemaRef::clone(&schema), None).decode(&text, &records, true);
    let decoded = decoded.map_err(|error| NotARow { row: 0, reason: error.to_string() })?;
    match decoded.bad.into_iter().next() {
        None => Ok(decoded.rows),
        Some(bad) => Err(NotARow { row: bad.record.line as usize - 1, reason: bad.reason }),
    }
}

/// Each row as it stands in a file of JSON lines, with all columns.
///
/// # Errors
/// If a value has no text, such as a date beyond the calendar.
pub fn to_json(rows: &RecordBatch) -> Result<Vec<Map<String, Value>>, ArrowError> {
    let mut writer = TextWriter::new(FormatName::Json, &rows.schema(), Vec::new())?;
    writer.write(rows)?;
    writer.flush()?;
    let lines = serde_json::Deserializer::from_slice(&writer.into_inner()).into_iter().collect::<Result<Vec<_>, _>>();
    lines.map_err(|error| ArrowError::JsonError(error.to_string()))
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Field;
    use serde_json::json;
    use weir_core::column_type::parse_type;

    use super::*;

    fn schema(columns: &[(&str, &str)]) -> SchemaRef {
        let field = |(name, data_type): &(&str, &str)| Field::new(*name, parse_type(data_type).unwrap(), true);
        Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
    }

    fn rows(value: Value) -> Vec<Map<String, Value>> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let schema = schema(&[
            ("number", "int64"),
            ("large", "uint64"),
            ("float", "float64"),
            ("text", "utf8"),
            ("bytes", "binary"),
            ("at", "timestamp"),
            ("day", "date32"),
            ("price", "decimal128(12, 2)"),
            ("list", "list<int32>"),
            ("inner", "struct<a: bool>"),
        ]);
        let given = rows(json!([
            { "number": i64::MIN, "large": u64::MAX, "float": "NaN", "text": "\u{1F600}\"", "bytes": "00ff", "at": "2024-01-01T00:00:00.000001Z",
              "day": "2024-02-29", "price": "1.10", "list": [1, null], "inner": { "a": true } },
            { "float": 1e300, "price": -7 },
            {},
        ]));
        let batch = from_json(&schema, &given).unwrap();
        let written = to_json(&batch).unwrap();
        assert_eq!(from_json(&schema, &written).unwrap(), batch);
        assert_eq!(written[0]["number"], json!(i64::MIN));
        assert_eq!(written[0]["large"], json!(u64::MAX));
        assert_eq!(written[2].values().filter(|value| !value.is_null()).count(), 0);
    }

    #[test]
    fn what_is_no_row_is_told() {
        let schema = schema(&[("price", "int64"), ("city", "utf8")]);
        let error = |value: Value| from_json(&schema, &rows(value)).unwrap_err().to_string();
        let misspelt = error(json!([{ "price": 1 }, { "prize": 2 }]));
        assert_eq!(
            misspelt,
            "row 1: there is no column \"prize\"; did you mean \"price\"?; there are price int64, city utf8"
        );
        assert!(
            error(json!([{ "price": 1.5 }])).starts_with("row 0: column \"price\""),
            "{}",
            error(json!([{ "price": 1.5 }]))
        );
    }
}
