//! Text of any kind, cut into any blocks, read with any batch size.

mod csv_options;
mod lines;
mod located;
mod unusual_text;
mod values;

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};

use arrow::compute::concat_batches;
use arrow::util::display::array_value_to_string;
use proptest::prelude::*;

use super::*;
use crate::formats::FormatName;
use crate::formats::encoding::NOT_UTF_8;
use crate::formats::extent::RECORD_BYTES_MAX;
use crate::formats::format_options::FormatOptions;
use crate::formats::read_options::TextFormat;
use crate::formats::records::{Input, InputRead};
use arrow::datatypes::{Field, Schema, SchemaRef};
use weir_core::column_type::parse_type;
use weir_core::graph::Options;

/// Gives its pieces one by one, with a pause before each.
struct Pieces(VecDeque<Vec<u8>>, bool);

impl Input for Pieces {
    fn read(&mut self, buffer: &mut Vec<u8>, _wait: Duration) -> Result<InputRead, ConnectorError> {
        self.1 = !self.1;
        if self.1 {
            return Ok(InputRead::Pending);
        }
        Ok(match self.0.pop_front() {
            Some(piece) => {
                buffer.extend(piece);
                InputRead::Bytes
            }
            None => InputRead::End,
        })
    }
}

/// CSV or text with these options in TOML.
fn format(name: FormatName, given: FormatOptions) -> TextFormat {
    given.format(&Options::from_toml("", std::path::PathBuf::new()), name).unwrap()
}

static CSV: LazyLock<TextFormat> = LazyLock::new(|| format(FormatName::Csv, FormatOptions::default()));
static CSV_ROWS: LazyLock<TextFormat> =
    LazyLock::new(|| format(FormatName::Csv, FormatOptions { header: Some(false), ..FormatOptions::default() }));

fn schema(columns: &[(&str, &str)]) -> SchemaRef {
    let fields = columns.iter().map(|(name, data_type)| Field::new(*name, parse_type(data_type).unwrap(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// All rows and all that are none.
fn read(
    format: &TextFormat,
    schema: &SchemaRef,
    pieces: Vec<Vec<u8>>,
    rows_max: usize,
) -> (RecordBatch, Vec<Malformed>) {
    let (rows, malformed) = read_and(format, schema, pieces.clone(), rows_max, true);
    let unexplained = read_and(format, schema, pieces, rows_max, false);
    assert_eq!(
        (&rows, malformed.len()),
        (&unexplained.0, unexplained.1.len()),
        "what is a row does not depend on who asks why"
    );
    (rows, malformed)
}

fn read_and(
    format: &TextFormat,
    schema: &SchemaRef,
    pieces: Vec<Vec<u8>>,
    rows_max: usize,
    explain: bool,
) -> (RecordBatch, Vec<Malformed>) {
    let pieces = Pieces(pieces.into_iter().filter(|piece| !piece.is_empty()).collect(), false);
    let records = Records::new("in".to_owned(), Box::new(pieces), format.framing(), Position::BEGIN);
    let all: Vec<usize> = (0..schema.fields().len()).collect();
    let decoder = format.decoder("in".to_owned(), Arc::clone(schema), Arc::clone(schema), &all, None);
    let mut reader = TextReader::new(records, format.has_header(), decoder).unwrap();
    reader.explain_malformed(explain);
    let (mut batches, mut all_malformed) = (Vec::new(), Vec::new());
    loop {
        match reader.poll(rows_max, Duration::ZERO).unwrap() {
            Polled::Batch { rows, malformed } => {
                assert!(rows.num_rows() <= rows_max);
                batches.push(rows);
                all_malformed.extend(malformed);
            }
            Polled::Pending => {}
            Polled::End => return (concat_batches(schema, &batches).unwrap(), all_malformed),
        }
    }
}

fn lines(rows: &RecordBatch) -> Vec<String> {
    let line = |row| {
        let fields = rows.columns().iter().map(|column| array_value_to_string(column, row).unwrap());
        fields.collect::<Vec<_>>().join("|")
    };
    (0..rows.num_rows()).map(line).collect()
}

/// What comes of a text: its rows, and its malformed records as `LINE: reason`.
fn check(format: &TextFormat, columns: &[(&str, &str)], text: &str, rows: &[&str], malformed: &[&str]) {
    let (read_rows, read_malformed) = read(format, &schema(columns), vec![text.into()], 100);
    assert_eq!(lines(&read_rows), rows, "{text:?}");
    let found: Vec<_> = read_malformed.iter().map(|m| format!("{}: {}", m.at, m.reason)).collect();
    assert_eq!(found, malformed, "{text:?}");
}

#[test]
fn csv_rows_and_malformed_records() {
    let columns = [("a", "int64"), ("b", "utf8")];
    check(&CSV, &columns, "a,b\n1,x\n,\n", &["1|x", "|"], &[]);
    check(&CSV, &columns, "\u{feff}b,c,a\r\n\r\nx,?,1\r\n\"y\r\n\"\"\",?,2", &["1|x", "2|y\r\n\""], &[]);
    check(&CSV, &columns, "", &[], &[]);
    check(&CSV, &columns, "a,b", &[], &[]);
    let bad = "a,b\n1,x\n2\nq,y\n\n\"3\",\"y\ny\"\n4,z,z\n5,\"open\n6,z\n7\r8,z\n";
    check(
        &CSV,
        &columns,
        bad,
        &["1|x", "3|y\ny", "6|z"],
        &[
            "in:3: it has 1 field instead of 2; column \"b\" is the first that is missing",
            "in:4: column \"a\": \"q\" is not of the type int64",
            "in:8: it has 3 fields instead of 2; the first that has no column is field 3",
            "in:9: a quote is opened and never closed",
            "in:11: it has a carriage return outside quotes",
        ],
    );
}

#[test]
fn csv_types() {
    for (data_type, text, expected) in [
        ("bool", "true", "true"),
        ("int8", "-128", "-128"),
        ("uint64", "18446744073709551615", "18446744073709551615"),
        ("float32", "1e-3", "0.001"),
        ("binary", "00ff", "00ff"),
        ("date32", "2013-02-28", "2013-02-28"),
        ("decimal128(5, 2)", "-1.5", "-1.50"),
        ("timestamp(s)", "2013-01-01T05:17:00", "2013-01-01T05:17:00"),
        ("timestamp(ns, +01:00)", "2013-01-01T05:17:00.25Z", "2013-01-01T06:17:00.250+01:00"),
    ] {
        check(&CSV_ROWS, &[("a", data_type)], text, &[expected], &[]);
    }
    for (data_type, text) in [
        ("bool", "yes"),
        ("int8", "128"),
        ("binary", "0g"),
        ("date32", "2013-02-30"),
        ("timestamp", "noon"),
        ("int64", "1.0"),
    ] {
        let reason = format!("in:1: column \"a\": \"{text}\" is not of the type {}", {
            weir_core::column_type::type_name(&parse_type(data_type).unwrap())
        });
        check(&CSV_ROWS, &[("a", data_type)], text, &[], &[&reason]);
    }
}

#[test]
fn json_rows_and_malformed_records() {
    let columns = [("a", "int8"), ("b", "utf8"), ("c", "list<timestamp(ms)>")];
    let text = r#"{"a": 1, "b": "x", "more": {}, "c": ["2013-01-01T05:17:00"]}

{"b": 2.50, "a": 1.2e1}
{"a": 1.5}
{"a": 128}
[1]
{"a": 1
{"a": 1} {"a": 2}
{"c": [true]}
{"a": 1, "b": "x", "a": 2}
{"more": 1, "b": "y", "more": 2}
{}"#;
    check(
        &TextFormat::Json,
        &columns,
        text,
        &["1|x|[2013-01-01T05:17:00]", "12|2.50|", "|y|", "||"],
        &[
            "in:4: column \"a\": 1.5 is not of the type int8",
            "in:5: column \"a\": 128 is not of the type int8",
            "in:6: it is not an object, but an array",
            "in:7: it is not JSON: EOF while parsing an object at character 7",
            "in:8: it is not JSON: trailing characters at character 10",
            "in:9: column \"c\": [true] is not of the type list<timestamp(ms)>",
            "in:10: the key \"a\" is there twice",
        ],
    );
}

#[test]
fn a_key_that_is_there_twice_in_an_object_makes_only_its_record_malformed() {
    let text = "{\"s\":{\"x\":1,\"y\":2}}\n{\"s\":{\"x\":1,\"x\":1}}\n{\"s\":{\"z\":1,\"z\":1}}\n{\"s\":null}\n{\"l\":[{\"x\":1},{\"x\":1,\"x\":2}]}\n{}";
    let columns = [("s", "struct<x: int8, y: int8>"), ("l", "list<struct<x: int8>>")];
    let (rows, malformed) = read(&TextFormat::Json, &schema(&columns), vec![text.as_bytes().to_vec()], 10);
    let reasons: Vec<_> = malformed.iter().map(|m| (m.at.as_str(), m.reason.as_str())).collect();
    let twice = "the key \"x\" is there twice";
    assert_eq!((rows.num_rows(), reasons), (4, vec![("in:2", twice), ("in:5", twice)]));
}

#[test]
fn invalid_utf8_is_malformed() {
    for format in [&*CSV_ROWS, &TextFormat::Json] {
        let pieces = vec![b"{\"a\": \"\xff\"}\n".to_vec(), b"\xff\n".to_vec()];
        let (rows, malformed) = read(format, &schema(&[("a", "utf8")]), pieces, 10);
        assert_eq!((rows.num_rows(), malformed.len()), (0, 2));
        assert!(malformed.iter().all(|m| m.reason.ends_with(NOT_UTF_8)), "{malformed:?}");
    }
}

#[test]
fn a_record_without_end_is_given_up() {
    let endless = vec![b'7'; RECORD_BYTES_MAX + 10];
    for (format, prefix, reason) in [
        (&*CSV_ROWS, &b"\"x\n"[..], "a quote is opened and never closed"),
        (&*CSV_ROWS, &b""[..], "the record is longer than 1 MiB"),
        (&TextFormat::Json, &b""[..], "the record is longer than 1 MiB"),
    ] {
        let first: &[u8] = if format.is_json() { b"{\"a\":1}\n" } else { b"1\n" };
        let pieces = vec![first.to_vec(), prefix.to_vec(), endless.clone(), endless.clone(), [b"\n", first].concat()];
        let (rows, malformed) = read(format, &schema(&[("a", "int64")]), pieces, 10);
        assert_eq!(lines(&rows), ["1", "1"]);
        let first = malformed.first().unwrap();
        assert_eq!((first.at.as_str(), first.reason.as_str()), ("in:2", reason));
        assert!(first.record.len() <= weir_core::limits::MALFORMED_BYTES_MAX);
    }
}

/// Reads records in one block and each by itself: the rows and the bad records must be the same.
fn check_alone(format: &TextFormat, schema: &SchemaRef, records: &[String]) {
    let text = |records: &[String]| records.concat().into_bytes();
    let (rows, malformed) = read(format, schema, vec![text(records)], records.len().max(1));
    let alone = read(format, schema, vec![text(records)], 1);
    assert_eq!((lines(&rows), &malformed), (lines(&alone.0), &alone.1), "{records:?}");
}

/// Every text of a few characters is the record of one row or is refused, as Arrow has it.
#[test]
fn short_csv_records_in_blocks_and_alone() {
    let schema = schema(&[("a", "utf8"), ("b", "utf8")]);
    let mut texts = vec![String::new()];
    for _ in 0..6 {
        let longer = texts.iter().flat_map(|text| ["\"", ",", "\r", "x"].map(|next| format!("{text}{next}")));
        texts.extend(longer.collect::<Vec<_>>());
        texts.sort();
        texts.dedup();
    }
    let records: Vec<String> = texts.iter().map(|text| format!("{text}\n")).collect();
    for records in records.chunks(97) {
        // Bad records before and between them have all of them checked one by one.
        let mixed: Vec<String> = records.iter().flat_map(|record| [record.clone(), "x\n".to_owned()]).collect();
        check_alone(&CSV_ROWS, &schema, &mixed);
    }
}

/// Texts that are values of some types and not of others.
const VALUES: [&str; 40] = [
    "",
    "0",
    "1",
    "-1",
    "+1",
    " 1",
    "1 ",
    "01",
    "1.0",
    "1.5",
    "-0.0",
    ".5",
    "1.",
    "1e3",
    "1e-3",
    "1e400",
    "NaN",
    "inf",
    "-inf",
    "127",
    "128",
    "255",
    "256",
    "99999",
    "4294967296",
    "9223372036854775808",
    "18446744073709551615",
    "true",
    "FALSE",
    "yes",
    "0f",
    "0fa",
    "zz",
    "2013-01-01",
    "2013-13-01",
    "2013-01-01T05:17:00",
    "2013-01-01 05:17:00.25Z",
    "2013-01-01T05:17:00+02:00",
    "1600-01-01T00:00:00",
    "x\u{e9}",
];
const TYPES: [&str; 20] = [
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float32",
    "float64",
    "utf8",
    "binary",
    "date32",
    "timestamp",
    "timestamp(s)",
    "timestamp(ns)",
    "timestamp(ms, Europe/Berlin)",
    "timestamp(us, +01:00)",
    "decimal128(5, 2)",
];

#[test]
fn values_of_every_type_in_blocks_and_alone() {
    for data_type in TYPES {
        let schema = schema(&[("a", data_type)]);
        let csv: Vec<String> = VALUES.iter().map(|value| format!("\"{value}\"\n")).collect();
        check_alone(&CSV_ROWS, &schema, &csv);
        let bare = VALUES.iter().map(|value| format!("{{\"a\":{value}}}\n"));
        let quoted = VALUES.iter().map(|value| format!("{{\"a\":\"{value}\"}}\n"));
        check_alone(&TextFormat::Json, &schema, &bare.chain(quoted).collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn rows_and_bad_records_in_blocks_and_alone(
        records in prop::collection::vec((prop::sample::select(VALUES.to_vec()), prop::sample::select(VALUES.to_vec()), 0..12_u8), 0..40),
        types in (prop::sample::select(TYPES.to_vec()), prop::sample::select(TYPES.to_vec())),
        json in any::<bool>(),
        rows_max in 1_usize..20,
    ) {
        let schema = schema(&[("a", types.0), ("b", types.1)]);
        let format = if json { &TextFormat::Json } else { &*CSV_ROWS };
        let record = |(a, b, form): &(&str, &str, u8)| match (json, form) {
            (false, 0) => format!("{a}\n"),
            (false, 1) => format!("{a},{b},{a}\n"),
            (false, 2) => format!("{a},\r{b}\n"),
            (false, 3) => format!("\"{a}\n\",\"{b}\"\r\n"),
            (false, _) => format!("{a},{b}\n"),
            (true, 0) => format!("{{\"a\":{a}\n"),
            (true, 1) => format!("{{\"a\":\"{a}\"}} {{}}\n"),
            (true, 2) => format!("[{a}]\n"),
            (true, 3) => format!(" {{\"a\":[1,{{\"b\":\"{b}\"}}]}}\n"),
            (true, 4) => "{}\n".to_owned(),
            (true, 5) => format!("{{\"b\":\"\\ud800{b}\"}}\n"),
            (true, 6..8) => format!("{{\"a\":{a},\"b\":{b}}}\n"),
            (true, _) => format!("{{\"b\":\"{b}\",\"a\":\"{a}\"}}\n"),
        };
        let text = records.iter().map(record).collect::<String>().into_bytes();
        let alone = read(format, &schema, vec![text.clone()], 1);
        prop_assert_eq!(read(format, &schema, vec![text], rows_max), alone);
    }

    #[test]
    fn any_text_gives_the_same_in_any_pieces_and_batches(
        tokens in prop::collection::vec(
            prop::sample::select(vec!["\"", ",", "\n", "\r\n", "\r", "1", "x", "\\", "{", "}", "{\"a\":1}", ":", " ", "é", "[", "]"]),
            0..60,
        ),
        cut in 1_usize..20,
        rows_max in 1_usize..10,
        json in any::<bool>(),
    ) {
        let text = tokens.concat().into_bytes();
        let (format, schema) = match json {
            true => (&TextFormat::Json, schema(&[("a", "int64")])),
            false => (&*CSV_ROWS, schema(&[("a", "utf8"), ("b", "int64")])),
        };
        let whole = read(format, &schema, vec![text.clone()], 1000);
        let pieces = text.chunks(cut).map(<[u8]>::to_vec).collect();
        prop_assert_eq!(read(format, &schema, pieces, rows_max), whole);
    }
}
