//! The tables of docs/guide/types.md, run.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use weir_core::column_type::parse_type;

use super::FormatName;
use super::csv::{CsvDecoder, CsvSource};
use super::csv_fields::Dialect;
use super::csv_nulls::Nulls;
use super::json::JsonDecoder;
use super::reader::{Decode, Decoded};
use super::records::Record;
use super::write::TextWriter;

const REFUSED: &str = "refused";

/// The rows of the table under a heading, cell by cell, without backticks.
fn table(heading: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/types.md");
    let guide = std::fs::read_to_string(path).unwrap();
    let (_, section) = guide.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows: Vec<Vec<String>> = section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`').to_owned()).collect())
        .collect();
    assert!(rows.iter().all(|row| row.len() == 4), "{rows:?}");
    rows
}

fn schema(data_type: DataType) -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("a", data_type, true)]))
}

/// The column that one record becomes, or what is wrong with it.
fn read(decoder: &mut dyn Decode, text: &str) -> Result<ArrayRef, String> {
    let record = Record { start: 0, end: text.len(), line: 1 };
    let Decoded { rows, bad } = decoder.decode(text.as_bytes(), &[record], true).unwrap();
    match bad.first() {
        Some(bad) => {
            assert_eq!(rows.num_rows(), 0, "{text}");
            Err(bad.reason.clone())
        }
        None => Ok(Arc::clone(rows.column(0))),
    }
}

fn read_json(data_type: DataType, value: &str) -> Result<ArrayRef, String> {
    read(&mut JsonDecoder::new(schema(data_type), None), &format!("{{\"a\":{value}}}\n"))
}

fn read_csv(data_type: DataType, field: &str) -> Result<ArrayRef, String> {
    let (name, dialect, nulls) = ("in".to_owned(), Dialect::STANDARD, Nulls::default());
    let source = CsvSource { name, dialect, nulls, schema: schema(data_type), projection: vec![0] };
    read(&mut CsvDecoder::new(&source, None).unwrap(), &format!("{field}\n"))
}

/// What a column of one value is written as.
fn written(format: FormatName, column: &ArrayRef) -> Result<String, String> {
    let rows = RecordBatch::try_new(schema(column.data_type().clone()), vec![Arc::clone(column)]).unwrap();
    let mut writer = TextWriter::resume(format, rows.schema_ref(), Vec::new());
    writer.write(&rows).map_err(|error| error.to_string())?;
    let text = String::from_utf8(writer.into_inner()).unwrap();
    Ok(match format {
        FormatName::Csv | FormatName::Text | FormatName::Raw => text.trim_end_matches('\n').to_owned(),
        FormatName::Json => {
            serde_json::from_str::<serde_json::Value>(&text).unwrap();
            text.strip_prefix("{\"a\":").unwrap().trim_end().strip_suffix('}').unwrap().to_owned()
        }
    })
}

fn check(what: &str, result: Result<String, String>, expected: &str) {
    match (result, expected) {
        (Err(reason), REFUSED) => {
            assert!(reason.contains("\"a\"") || reason.starts_with("it is not JSON"), "{what}: {reason}")
        }
        (Err(reason), _) => panic!("{what}: {reason}"),
        (Ok(text), _) => assert_eq!(text, expected, "{what}"),
    }
}

#[test]
fn values_are_read_as_the_guide_says() {
    let rows = table("Reading");
    for row in &rows {
        let [name, text, csv, json] = row.as_slice() else { panic!("{row:?}") };
        let data_type = parse_type(name).unwrap();
        let shown = |column: Result<ArrayRef, String>| column.and_then(|column| written(FormatName::Json, &column));
        check(&format!("{name} of {text} in CSV"), shown(read_csv(data_type.clone(), text)), csv);
        check(&format!("{name} of {text} in JSON"), shown(read_json(data_type.clone(), text)), json);
        let of = |form: &str, value: &str| match value {
            REFUSED => REFUSED.to_owned(),
            value => form.replace('V', value),
        };
        let list = DataType::new_list(data_type.clone(), true);
        let in_list = shown(read_json(list, &of("[null,V]", text)));
        check(&format!("a list of {name} of {text}"), in_list, &of("[null,V]", json));
        let fields = DataType::Struct(vec![Field::new("b", data_type, true)].into());
        let in_struct = shown(read_json(fields, &of("{\"b\":V}", text)));
        check(&format!("a struct with {name} of {text}"), in_struct, &of("{\"b\":V}", json));
    }
    let kinds = rows.iter().map(|row| row[0].split('(').next().unwrap_or_default()).collect::<BTreeSet<_>>();
    let all = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 utf8 binary date32 timestamp decimal128";
    assert_eq!(kinds, all.split(' ').collect(), "every type has a row");
}

#[test]
fn values_are_written_as_the_guide_says() {
    for row in table("Writing") {
        let [name, value, csv, json] = row.as_slice() else { panic!("{row:?}") };
        let data_type = parse_type(name).unwrap();
        let column = match value.strip_prefix("raw ") {
            None => read_json(data_type.clone(), value).unwrap(),
            Some(number) => {
                let number: ArrayRef = Arc::new(Int64Array::from(vec![number.parse::<i64>().unwrap()]));
                match &data_type {
                    DataType::Date32 => cast(&cast(&number, &DataType::Int32).unwrap(), &data_type).unwrap(),
                    _ => cast(&number, &data_type).unwrap(),
                }
            }
        };
        check(&format!("{name} {value} to CSV"), written(FormatName::Csv, &column), csv);
        check(&format!("{name} {value} to JSON"), written(FormatName::Json, &column), json);
        // What is written is read back, as long as the year has four digits.
        if csv != REFUSED && !csv.starts_with('+') {
            assert_eq!(&read_csv(data_type.clone(), csv).unwrap(), &column, "{name} {csv}");
            assert_eq!(&read_json(data_type, json).unwrap(), &column, "{name} {json}");
        }
    }
}

#[test]
fn a_value_that_cannot_be_written_is_named_in_lists_and_structs_too() {
    let days: ArrayRef = Arc::new(arrow::array::Date32Array::from(vec![0, i32::MAX]));
    let list: ArrayRef = Arc::new(arrow::array::ListArray::new(
        Arc::new(Field::new("item", DataType::Date32, true)),
        arrow::buffer::OffsetBuffer::from_lengths([1, 1]),
        Arc::clone(&days),
        None,
    ));
    let fields: ArrayRef = Arc::new(arrow::array::StructArray::new(
        vec![Field::new("b", DataType::Date32, true)].into(),
        vec![days],
        None,
    ));
    for column in [list, fields] {
        let error = written(FormatName::Json, &column).unwrap_err();
        assert!(error.contains("column \"a\", row 2 of 2"), "{error}");
    }
}

#[test]
fn infinite_floats_within_lists_are_text() {
    let list = read_json(DataType::new_list(DataType::Float64, true), "[1.5,\"NaN\",null,\"-inf\"]").unwrap();
    assert_eq!(written(FormatName::Json, &list).unwrap(), "[1.5,\"NaN\",null,\"-Infinity\"]");
}
