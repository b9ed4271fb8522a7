//! Files that somebody writes while they are read, or between two runs.

use std::io::Write as _;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use weir_core::connector::Split;

use super::*;

const CSV: &str = "path = \"in.csv\"\nschema = { v = \"int64\" }";

fn append(folder: &TempDir, text: &str) {
    let mut file = fs::OpenOptions::new().append(true).open(folder.path().join("in.csv")).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn written(text: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("in.csv"), text).unwrap();
    folder
}

/// The values up to the end, or up to where it waits.
fn values(reader: &mut dyn SourceReader) -> (Vec<i64>, bool) {
    let mut values = Vec::new();
    loop {
        match reader.poll(10, Duration::ZERO).unwrap() {
            Polled::Batch { rows, .. } => values.extend(rows.column(0).as_primitive::<Int64Type>().values()),
            Polled::Pending => return (values, false),
            Polled::End => return (values, true),
        }
    }
}

#[test]
fn a_file_is_read_to_the_end_that_it_had_and_never_cut_within_a_line() {
    for (before, appended, read, notice) in [
        ("v\n1\n", "2", vec![1], "in.csv: 1 bytes were appended"),
        ("v\n1\n", "2\n3\n", vec![1], "in.csv: 4 bytes were appended"),
        ("v\n1\n2", "3\n4\n", vec![1, 23], "in.csv: 2 bytes were appended"),
        ("v\n1\n2", "3\n", vec![1, 23], ""),
        ("v\n1\n2", "", vec![1, 2], ""),
    ] {
        let folder = written(before);
        let source = source(CSV, folder.path());
        let mut reader = reader(&source, 0, &[0], None);
        append(&folder, appended);
        assert_eq!(values(reader.as_mut()), (read, true), "{before:?} {appended:?}");
        let notices = source.take_notices().join("\n");
        assert!(notices.starts_with(notice) && notices.is_empty() == notice.is_empty(), "{notices}");
    }
}

#[test]
fn a_last_line_that_grows_is_waited_for() {
    let text = "v\n1\n234\n5\n";
    let utf_16 = |to_bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(to_bytes).collect::<Vec<u8>>();
    for (encoding, bytes, unit) in [
        ("utf-8", text.as_bytes().to_vec(), 1),
        ("latin1", text.as_bytes().to_vec(), 1),
        ("utf-16le", utf_16(u16::to_le_bytes), 2),
        ("utf-16be", utf_16(u16::to_be_bytes), 2),
        ("utf-16", [&b"\xfe\xff"[..], &utf_16(u16::to_be_bytes)].concat(), 2),
    ] {
        let mark = bytes.len() - text.len() * unit;
        // A character may be cut in two.
        let cuts = [5, 6, 7, 8].map(|characters| mark + characters * unit - unit / 2);
        let folder = TempDir::new().unwrap();
        let grow = |to: usize| fs::write(folder.path().join("in.csv"), &bytes[..to]).unwrap();
        grow(cuts[0]);
        let source = source(&format!("{CSV}\nencoding = {encoding:?}"), folder.path());
        assert!(source.notes().last().unwrap().contains("its last line has no line end"), "{encoding}");
        let clock = Arc::new(ManualClock::default());
        let split = &source.splits(1).unwrap()[0];
        let mut reader = source.reader(split, &[0], None, clock.clone()).unwrap();
        grow(cuts[1]);
        assert_eq!(values(reader.as_mut()), (vec![1], false), "{encoding}");
        let offset = reader.offset();
        clock.set_us(999_999);
        grow(cuts[2]);
        assert_eq!(values(reader.as_mut()), (vec![], false), "{encoding}");
        clock.set_us(1_999_998);
        assert_eq!(values(reader.as_mut()), (vec![], false), "{encoding}");
        // The line has its end now, and what is behind it was not there when the file was opened.
        grow(if unit == 1 { cuts[3] } else { bytes.len() });
        let (rest, has_ended) = values(reader.as_mut());
        assert_eq!((&rest, has_ended), (&vec![234], true), "{encoding}");
        source.ended(split, &reader.offset());
        let notices = source.take_notices();
        assert_eq!(notices.is_empty(), unit == 1, "{encoding}: {notices:?}");
        assert!(notices.iter().all(|notice| notice.starts_with("in.csv: 4 bytes were appended")), "{notices:?}");
        let mut resumed = source.reader(split, &[0], Some(&offset), clock.clone()).unwrap();
        assert_eq!(values(resumed.as_mut()).0[0], 234, "{encoding}");
    }
    // It is given up.
    let folder = written("v\n1\n2");
    let source = source(CSV, folder.path());
    let clock = Arc::new(ManualClock::default());
    let mut reader = source.reader(&source.splits(1).unwrap()[0], &[0], None, clock.clone()).unwrap();
    append(&folder, "3");
    assert_eq!(values(reader.as_mut()), (vec![1], false));
    clock.set_us(1_000_000);
    assert_eq!(values(reader.as_mut()), (vec![23], true));
}

#[test]
fn a_file_that_was_changed_before_its_offset_is_refused() {
    let folder = written("v\n1\n22\n333\n");
    let opened = source(CSV, folder.path());
    let mut first = reader(&opened, 0, &[0], None);
    first.poll(2, Duration::ZERO).unwrap();
    let offset = first.offset();
    for (text, expected) in [("v\n1\n222\n333\n", "no line begins at byte 7"), ("v\n", "has no offset")] {
        fs::write(folder.path().join("in.csv"), text).unwrap();
        let again = source(CSV, folder.path());
        let split = Split { id: "in.csv".to_owned() };
        let refused = again.reader(&split, &[0], Some(&offset), Arc::new(ManualClock::default())).err().unwrap();
        assert!(refused.to_string().contains(expected), "{refused}");
    }
}

#[test]
fn a_file_that_is_truncated_while_it_is_read_is_an_error() {
    let folder = written(&format!("v\n{}", "1\n".repeat(300_000)));
    let source = source(CSV, folder.path());
    let mut reader = reader(&source, 0, &[0], None);
    reader.poll(10, Duration::ZERO).unwrap();
    fs::write(folder.path().join("in.csv"), "v\n").unwrap();
    let error = std::iter::repeat_with(|| reader.poll(100_000, Duration::ZERO)).take(10).find_map(Result::err).unwrap();
    assert!(error.to_string().contains("in.csv was truncated while it was read: it had 600002 bytes"), "{error}");
}

#[test]
fn rows_behind_a_split_that_has_ended_are_told() {
    let folder = written("v\n1\n");
    let source = source(CSV, folder.path());
    let mut reader = reader(&source, 0, &[0], None);
    values(reader.as_mut());
    let split = &source.splits(1).unwrap()[0];
    source.ended(split, &reader.offset());
    assert!(source.take_notices().is_empty());
    append(&folder, "2\n");
    source.ended(split, &reader.offset());
    assert!(source.take_notices()[0].starts_with("in.csv: 2 bytes were appended after it was read to its end"));
}

#[test]
fn what_is_no_json_by_lines_is_explained_when_columns_are_inferred() {
    let folder = TempDir::new().unwrap();
    for (text, expected) in [
        (
            "[1]\n[{\"v\": 1}]\n",
            "in.json: 2 of the 2 lines that were examined are not rows; the first: it is not an object, but an array; `jq -c '.[]' FILE`",
        ),
        ("{\n \"v\": 1\n", "`jq -c . FILE` makes one line of each object"),
        ("[\n {\"v\": 1\n", "in.json: there are no rows to infer the columns from"),
        ("", "there are no rows to infer the columns from"),
    ] {
        fs::write(folder.path().join("in.json"), text).unwrap();
        let error = FileSource::open(&options("path = \"in.json\"", folder.path())).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn columns_of_json_that_is_not_lines_are_inferred() {
    let folder = TempDir::new().unwrap();
    for text in ["[\n {\"v\": 1},\n {\"v\": 2}\n]\n", "[{\"v\": 1},{\"v\": 2}]", "\u{feff} {\n \"v\": 1\n}\n{\"v\": 2}"]
    {
        fs::write(folder.path().join("in.json"), text).unwrap();
        let source = FileSource::open(&options("path = \"in.json\"", folder.path())).unwrap();
        assert!(source.notes()[0].contains("all 2 rows: v int64"), "{:?}", source.notes());
        let follows = options("path = \"in.json\"\nfollow = true", folder.path());
        assert!(FileSource::open(&follows).is_err(), "a file that grows has lines");
    }
}
