//! Text without a schema. The first byte of an input chooses the format; the rest is the file. The columns
//! that were inferred are then given as a schema, and the same rows must be read.

use std::fmt::Write;

use weir_core::column_type::type_name;

use crate::records::{check_written, open, read};
use crate::scratch;

/// Formats and options.
const READINGS: [(&str, &str); 4] = [("csv", ""), ("csv", "header = false"), ("json", ""), ("json", "infer-rows = 1")];

pub(super) fn run(bytes: &[u8]) {
    let [reading, bytes @ ..] = bytes else { return };
    let (format, options) = READINGS[usize::from(*reading) % READINGS.len()];
    let name = format!("text.{format}");
    scratch::write(&name, bytes);
    let toml = format!("path = {name:?}\nformat = {format:?}\n{options}\n");
    let Ok(inferred) = open(&toml) else { return };
    let found = read(&*inferred, 1000).expect("text that columns were inferred of can be read");
    let mut schema = String::from("{ ");
    for field in inferred.schema().fields() {
        let _ = write!(schema, "{} = {}, ", quoted(field.name()), quoted(&type_name(field.data_type())));
    }
    schema += "}";
    let given = match open(&format!("{toml}schema = {schema}\n")) {
        Ok(given) => given,
        // What was inferred can be deeper than anybody may write.
        Err(error) => return assert!(error.to_string().contains("types nest"), "{error}: {schema}"),
    };
    let table = found.table(&*inferred);
    assert_eq!(read(&*given, 7).map(|found| found.table(&*given)).ok(), Some(table.clone()));
    check_written(format, Some(&schema), &table);
}

/// As TOML has any text, in keys too.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() {
            quoted.push(letter);
        } else {
            let _ = write!(quoted, "\\U{:08x}", u32::from(letter));
        }
    }
    quoted + "\""
}
