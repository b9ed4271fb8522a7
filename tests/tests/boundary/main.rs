//! What crosses the boundary: a component of the SDK reads every type that a column can have and writes what it read.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};
use arrow::json::ReaderBuilder;
use weir_core::limits::OperatorLimits;
use weir_host::{Host, HostConfig, InputSchema, Instance, InstanceSpec, NoLog, Rows, Selection};

fn schema() -> Schema {
    use DataType::*;
    let timestamp = |unit| Timestamp(unit, Some("UTC".into()));
    let inner = || {
        Struct(Fields::from(vec![
            Field::new("name", Utf8, true),
            Field::new("tags", DataType::new_list(Boolean, false), false),
        ]))
    };
    let given = [
        ("bool", Boolean),
        ("int8", Int8),
        ("int16", Int16),
        ("int32", Int32),
        ("int64", Int64),
        ("uint8", UInt8),
        ("uint16", UInt16),
        ("uint32", UInt32),
        ("uint64", UInt64),
        ("float32", Float32),
        ("float64", Float64),
        ("utf8", Utf8),
        ("binary", Binary),
        ("date32", Date32),
        ("seconds", timestamp(TimeUnit::Second)),
        ("millis", timestamp(TimeUnit::Millisecond)),
        ("micros", timestamp(TimeUnit::Microsecond)),
        ("nanos", timestamp(TimeUnit::Nanosecond)),
        ("decimal", Decimal128(38, 10)),
        ("list", DataType::new_list(Int64, false)),
        ("row", inner()),
        ("rows", DataType::new_list(inner(), false)),
    ];
    let maybe = [
        ("maybe_bool", Boolean),
        ("maybe_int64", Int64),
        ("maybe_utf8", Utf8),
        ("maybe_decimal", Decimal128(38, 10)),
        ("maybe_list", DataType::new_list(Utf8, true)),
        ("maybe_row", inner()),
        ("lists", DataType::new_list(DataType::new_list(UInt16, true), true)),
    ];
    let given = given.into_iter().map(|(name, data_type)| Field::new(name, data_type, false));
    let maybe = maybe.into_iter().map(|(name, data_type)| Field::new(name, data_type, true));
    Schema::new(given.chain(maybe).collect::<Vec<_>>())
}

const SMALL: &str = r#"{"bool": true, "int8": -1, "int16": -2, "int32": -3, "int64": -4, "uint8": 1, "uint16": 2, "uint32": 3,
    "uint64": 4, "float32": 0.5, "float64": -0.25, "utf8": "", "binary": "", "date32": "1970-01-01",
    "seconds": "1970-01-01T00:00:00Z", "millis": "1970-01-01T00:00:00Z", "micros": "1970-01-01T00:00:00Z",
    "nanos": "1970-01-01T00:00:00Z", "decimal": 0, "list": [], "row": {"name": null, "tags": []}, "rows": []}"#;

const LARGE: &str = r#"{"bool": false, "int8": -128, "int16": 32767, "int32": -2147483648, "int64": 9223372036854775807,
    "uint8": 255, "uint16": 65535, "uint32": 4294967295, "uint64": 18446744073709551615, "float32": 3.4e38,
    "float64": -1.7e308, "utf8": "grüße, 世界: a text of more than a few pieces", "binary": "00ff80", "date32": "2262-04-11",
    "seconds": "9999-12-31T23:59:59Z", "millis": "1601-01-01T00:00:00.123Z", "micros": "2024-02-29T12:00:00.123456Z",
    "nanos": "1969-12-31T23:59:59.999999999Z", "decimal": "-1234567890123456789012345678.0123456789",
    "list": [1, -9223372036854775808, 3], "row": {"name": "né", "tags": [true, false, true]},
    "rows": [{"name": "a", "tags": [true]}, {"name": null, "tags": []}], "maybe_bool": true, "maybe_int64": 7,
    "maybe_utf8": "", "maybe_decimal": "0.0000000001", "maybe_list": ["x", null, ""],
    "maybe_row": {"name": "b", "tags": [false]}, "lists": [[1, null], null, []]}"#;

fn batch(rows: &[&str]) -> RecordBatch {
    let lines: String = rows.iter().map(|row| row.replace('\n', " ") + "\n").collect();
    let reader = ReaderBuilder::new(Arc::new(schema())).with_batch_size(1024).build(lines.as_bytes()).unwrap();
    reader.map(Result::unwrap).next().unwrap_or_else(|| RecordBatch::new_empty(Arc::new(schema())))
}

fn echo() -> Instance {
    let component = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/echo.wasm");
    let host = Host::new(HostConfig::default()).unwrap();
    let spec = InstanceSpec {
        operator: "echo".to_owned(),
        config: serde_json::Value::Null,
        inputs: vec![InputSchema::only(Arc::new(schema()), Vec::new())],
        limits: OperatorLimits::default(),
        log: Arc::new(NoLog),
    };
    host.load(component).unwrap().instantiate(spec).unwrap()
}

#[test]
fn every_type_goes_in_and_comes_back() {
    let mut echo = echo();
    // Nine and more: validity takes more than a byte.
    let many: Vec<&str> = (0..21).map(|row| if row % 3 == 0 { LARGE } else { SMALL }).collect();
    for rows in [&[][..], &[SMALL], &[LARGE], &[SMALL, LARGE], &many] {
        let given = batch(rows);
        let reads = echo.plan().reads[0].clone();
        let columns: Vec<ArrayRef> = reads.iter().map(|column| Arc::clone(given.column(*column))).collect();
        let deltas =
            echo.transform(0, &Rows { rows: rows.len(), columns: &columns, event_times: None }).unwrap().outputs;
        let expected = if rows.is_empty() { Selection::None } else { Selection::All };
        assert_eq!(deltas[0].selection, expected);
        assert_eq!(deltas[0].computed.len(), columns.len());
        for (got, given) in deltas[0].computed.iter().zip(&columns) {
            assert_eq!(got, given);
        }
    }
}

#[test]
fn columns_are_read_where_a_slice_of_them_begins() {
    let mut echo = echo();
    let whole = batch(&[LARGE, SMALL, LARGE, LARGE, SMALL]);
    let slice = whole.slice(1, 3);
    let columns: Vec<ArrayRef> = echo.plan().reads[0].iter().map(|c| Arc::clone(slice.column(*c))).collect();
    let deltas = echo.transform(0, &Rows { rows: 3, columns: &columns, event_times: None }).unwrap().outputs;
    for (got, given) in deltas[0].computed.iter().zip(&columns) {
        assert_eq!(got, given);
    }
}
