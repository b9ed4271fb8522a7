//! Text that a library below, or another reader, would take for something else: marks of encodings, and NaN with a sign.

use super::*;
use crate::formats::write::TextWriter;

#[test]
fn byte_order_marks_behind_the_beginning_are_text_whatever_block_they_begin() {
    let text = "\u{feff}\u{feff}1,a\n2,\u{feff}b\n\u{feff}3,c\n4,\n\u{feff}x,d\n";
    for (columns, rows_read, malformed_read) in [
        ([("a", "utf8"), ("b", "utf8")], &["\u{feff}1|a", "2|\u{feff}b", "\u{feff}3|c", "4|", "\u{feff}x|d"][..], 0),
        ([("a", "int64"), ("b", "utf8")], &["2|\u{feff}b", "4|"], 3),
    ] {
        for rows_max in 1..6 {
            let (rows, malformed) = read(&CSV_ROWS, &schema(&columns), vec![text.into()], rows_max);
            assert_eq!(
                (lines(&rows), malformed.len()),
                (rows_read.iter().map(ToString::to_string).collect(), malformed_read)
            );
        }
    }
}

#[test]
fn a_header_that_begins_with_a_mark_is_written_and_read_again() {
    for name in ["\u{feff}a", "a\0b\0", "\0", "PK\u{3}\u{4}", "a"] {
        let text = format!("\u{feff}{name}\nx\n");
        let (rows, _) = read(&CSV, &schema(&[(name, "utf8")]), vec![text.clone().into()], 100);
        let mut writer = TextWriter::new(FormatName::Csv, rows.schema_ref(), Vec::new()).unwrap();
        writer.write(&rows).unwrap();
        let written = writer.into_inner();
        assert_eq!(written, text.trim_start_matches(if name == "a" { "\u{feff}" } else { "" }).as_bytes());
        assert_eq!(read(&CSV, rows.schema_ref(), vec![written], 100), (rows, Vec::new()));
    }
}

#[test]
fn nan_has_no_sign() {
    let schema = schema(&[("a", "float64"), ("b", "float32")]);
    let csv = read(&CSV_ROWS, &schema, vec!["NaN,NaN\n-NaN,-nan\n-0.0,-1.5\n".into()], 100).0;
    let json = "{\"a\":\"NaN\",\"b\":\"NaN\"}\n{\"a\":\"-NaN\",\"b\":\"-nan\"}\n{\"a\":-0.0,\"b\":-1.5}\n";
    for rows in [csv, read(&TextFormat::Json, &schema, vec![json.into()], 100).0] {
        assert_eq!(rows.num_rows(), 3);
        // By bits: a float that is no number equals none.
        for column in rows.columns() {
            assert_eq!(column.slice(0, 1).to_data(), column.slice(1, 1).to_data());
        }
        assert_eq!(lines(&rows)[2], "-0.0|-1.5");
    }
}

/// Two fields that are not UTF-8 must not pass because they are when the comma between them is left out.
#[test]
fn halves_of_a_character_are_malformed() {
    let schema = schema(&[("a", "utf8"), ("b", "utf8")]);
    let (rows, malformed) = read(&CSV_ROWS, &schema, vec![b"x\xc3,\xa9y\nx,\xc3\n\xa9,y\na,b\n".to_vec()], 10);
    assert_eq!((lines(&rows), malformed.len()), (vec!["a|b".to_owned()], 3));
}
