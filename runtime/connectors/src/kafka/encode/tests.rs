//! Rows into messages, without a broker.

use arrow::array::{Int64Array, StringArray, TimestampMicrosecondArray};
use weir_core::graph::Options;

use super::*;

fn rows() -> RecordBatch {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(vec![Some(7), None]))),
        ("name", Arc::new(StringArray::from(vec![Some("a,\n\"b\""), None]))),
        ("at", Arc::new(TimestampMicrosecondArray::from(vec![0, 1_500_000]).with_timezone("+00:00"))),
        ("bytes", Arc::new(BinaryArray::from(vec![&b"\x00\xff"[..], b""]))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn encode(options: &str, rows: &RecordBatch) -> Result<RecordBatch, ConnectorError> {
    let text = format!("brokers = \"b:1\"\ntopic = \"t\"\n{options}");
    let options = SinkOptions::parse(&Options::from_toml(&text, std::path::PathBuf::new()))?;
    Encoder::new(&options, rows.schema_ref())?.encode(rows)
}

/// The messages as text: columns with `|` between them, null as `-`.
fn check(options: &str, columns: &[usize], expected: &[&str]) {
    let staged = encode(options, &rows().project(columns).unwrap()).unwrap();
    let text = |column: &ArrayRef, row| match column.is_null(row) {
        true => "-".to_owned(),
        false => String::from_utf8_lossy(column.as_binary::<i32>().value(row)).into_owned(),
    };
    let line = |row| staged.columns().iter().map(|column| text(column, row)).collect::<Vec<_>>().join("|");
    assert_eq!((0..staged.num_rows()).map(line).collect::<Vec<_>>(), expected, "{options}");
}

#[test]
fn every_format_makes_one_message_of_a_row() {
    check("", &[0, 1], &["{\"id\":7,\"name\":\"a,\\n\\\"b\\\"\"}", "{\"id\":null,\"name\":null}"]);
    check("format = \"csv\"", &[0, 1], &["7,\"a,\n\"\"b\"\"\"", ","]);
    check("format = \"csv\"", &[1], &["\"a,\n\"\"b\"\"\"", "\"\""]);
    check("format = \"raw\"", &[1], &["a,\n\"b\"", "-"]);
    check("format = \"raw\"", &[3], &["\0\u{fffd}", ""]);
    check("format = \"text\"", &[1], &["a,\n\"b\"", "-"]);
    let error = encode("format = \"text\"", &rows().project(&[3]).unwrap()).unwrap_err().to_string();
    assert!(error.starts_with("`format = \"text\"` writes one column of text beside key and headers"), "{error}");
}

#[test]
fn keys_and_headers_are_columns() {
    check("key = \"id\"", &[0], &["7|{\"id\":7}", "-|{\"id\":null}"]);
    check("format = \"raw\"\nkey = \"id\"", &[0, 1], &["7|a,\n\"b\"", "-|-"]);
    check(
        "format = \"raw\"\nkey = \"name\"\nheaders = [\"at\", \"id\"]",
        &[0, 1, 2, 3],
        &["a,\n\"b\"|\0\u{fffd}|1970-01-01T00:00:00Z|7", "-||1970-01-01T00:00:01.500Z|-"],
    );
    check("headers = [\"name\"]\nkey = \"name\"", &[0, 1], &["a,\n\"b\"|{\"id\":7}|a,\n\"b\"", "-|{\"id\":null}|-"]);
}

#[test]
fn keys_of_several_columns_are_objects() {
    let json = "key-format = \"json\"\nkey = [\"name\", \"id\"]";
    check(
        json,
        &[0, 1],
        &[
            "{\"name\":\"a,\\n\\\"b\\\"\",\"id\":7}|{\"id\":7,\"name\":\"a,\\n\\\"b\\\"\"}",
            "{\"name\":null,\"id\":null}|{\"id\":null,\"name\":null}",
        ],
    );
    check("key-format = \"json\"\nkey = \"id\"\nformat = \"csv\"", &[0], &["{\"id\":7}|7", "{\"id\":null}|\"\""]);
    for (options, reason) in [
        ("key = [\"id\", \"name\"]", "a key of 2 columns is no text: set `key-format = \"json\"`"),
        ("key-format = \"json\"", "`key-format` is set, and `key` is not"),
        ("key = 7", "`key` is a column, or a list of columns"),
    ] {
        let error = encode(options, &rows()).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn rows_that_are_deleted_are_messages_without_a_value() {
    let upsert = |options: &str| {
        let text = format!("brokers = \"b:1\"\ntopic = \"t\"\n{options}");
        let options = SinkOptions::parse(&Options::from_toml(&text, std::path::PathBuf::new())).unwrap();
        let options = options.upserting(weir_core::changelog::UpsertKey { columns: vec![0], by_key: true });
        let rows = rows().project(&[0, 1]).unwrap();
        Encoder::new(&options, rows.schema_ref())
            .unwrap()
            .encode_present(&rows, Some(&NullBuffer::from(vec![false, true])))
    };
    let made = upsert("").unwrap();
    let [keys, values] = [0, 1].map(|column| made.column(column).as_binary::<i32>().clone());
    assert_eq!((keys.value(0), keys.value(1)), (&b"{\"id\":7}"[..], &b"{\"id\":null}"[..]));
    assert_eq!((values.is_null(0), values.value(1)), (true, &b"{\"id\":null,\"name\":null}"[..]));
    let error = upsert("key-format = \"text\"").unwrap_err().to_string();
    assert!(error.contains("\"id\" is null, and a message without a key replaces none"), "{error}");
}

#[test]
fn what_cannot_be_written_is_refused_with_a_reason() {
    let all = rows();
    let one =
        |options: &str, columns: &[usize]| encode(options, &all.project(columns).unwrap()).unwrap_err().to_string();
    for (error, reason) in [
        (one("key = \"di\"", &[0]), "`key` names the column \"di\", which does not exist; did you mean \"id\"?"),
        (one("headers = [\"id\"]", &[0]), "none is left for the value"),
        (one("format = \"raw\"", &[0, 1]), "one column of text or bytes"),
        (one("format = \"raw\"", &[0]), "one column of text or bytes"),
    ] {
        assert!(error.contains(reason), "{error}");
    }
    let long =
        RecordBatch::try_from_iter([("a", Arc::new(StringArray::from(vec!["x".repeat(600)])) as ArrayRef)]).unwrap();
    let error = encode("properties = { \"message.max.bytes\" = 1000 }", &long).unwrap_err().to_string();
    assert!(error.contains("a message may have 1000"), "{error}");
    assert!(encode("properties = { \"message.max.bytes\" = 2000 }", &long).is_ok());
}

#[test]
fn options_that_do_not_fit_are_explained() {
    for (options, reason) in [
        ("delivery = \"at-least-once\"\ntransactional-id = \"x\"", "is for `delivery = \"exactly-once\"`"),
        ("compression = \"zip\"", "compression"),
        ("partitioner = \"x\"", "partitioner"),
        ("properties = { \"acks\" = 1 }", "always \"all\""),
        ("linger = \"1\"", "is not a duration"),
    ] {
        let error = encode(options, &rows()).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}
