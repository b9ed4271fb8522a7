//! Text and raw lines, in and out: one file, and folders of parts.

use arrow::array::{AsArray, BinaryArray};

use super::*;

fn text(values: &[&str]) -> RecordBatch {
    RecordBatch::try_from_iter([("m", Arc::new(StringArray::from(values.to_vec())) as ArrayRef)]).unwrap()
}

/// All values, with a reader per row, each of which resumes where the one before was.
fn values(toml: &str, folder: &Path) -> Vec<String> {
    let source = source(toml, folder);
    let mut found = Vec::new();
    for split in 0..source.splits(1).unwrap().len() {
        let mut offset = None;
        loop {
            let mut reader = reader(&source, split, &[0], offset.as_ref());
            let (batches, malformed) = poll(reader.as_mut(), &[1], 1);
            assert_eq!(malformed, []);
            let Some(rows) = batches.first() else { break };
            found.extend(rows.column(0).as_string::<i32>().iter().flatten().map(str::to_owned));
            offset = Some(reader.offset());
        }
    }
    found
}

#[test]
fn lines_are_written_and_read_again() {
    let folder = TempDir::new().unwrap();
    let rows = text(&["\u{feff}a", "", " \"b\",\rc "]);
    for (sink, written, source) in [
        ("path = \"out.txt\"", "out.txt", "path = \"out.txt\""),
        ("path = \"parts/\"\nformat = \"text\"", "parts/part-00000-000000-00000001.txt", "path = \"parts/\""),
        ("path = \"out.txt\"\nmode = \"append\"", "out.txt", "path = \"out.txt\""),
    ] {
        let mut writer = writer(sink, folder.path(), &rows);
        writer.write(&stream_batch(rows.slice(0, 1))).unwrap();
        writer.write(&stream_batch(rows.slice(1, 2))).unwrap();
        assert_eq!(writer.finish().rows, 3);
        let expected = "\u{feff}\u{feff}a\n\n \"b\",\rc \n".to_owned();
        let mut read = vec!["\u{feff}a".to_owned(), String::new(), " \"b\",\rc ".to_owned()];
        if sink.contains("append") {
            // Behind other lines nothing is taken for a mark.
            read.extend(read.clone());
            assert_eq!(fs::read_to_string(folder.path().join(written)).unwrap(), expected.clone() + &expected[3..]);
        } else {
            assert_eq!(fs::read_to_string(folder.path().join(written)).unwrap(), expected);
        }
        assert_eq!(values(source, folder.path()), read, "{sink}");
    }
}

#[test]
fn records_of_several_lines_are_the_same_wherever_reading_resumes() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.log"), "  head\n[1] x\r\n  at y\n\n[2]\n[3]\n end").unwrap();
    fs::write(folder.path().join("b.log"), "[4]\n").unwrap();
    let toml = "path = \"*.log\"\nrecord-start = '^\\['";
    assert_eq!(values(toml, folder.path()), ["  head", "[1] x\n  at y\n", "[2]", "[3]\n end", "[4]"]);
}

#[test]
fn raw_lines_are_bytes() {
    let folder = TempDir::new().unwrap();
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![&b"a\r"[..], b"\xff\0", b""]));
    let rows = RecordBatch::try_from_iter([("value", bytes)]).unwrap();
    let mut writer = writer("path = \"out\"\nformat = \"raw\"", folder.path(), &rows);
    writer.write(&stream_batch(rows.clone())).unwrap();
    writer.finish();
    assert_eq!(fs::read(folder.path().join("out")).unwrap(), b"a\r\n\xff\0\n\n");
    let source = source("path = \"out\"\nformat = \"raw\"", folder.path());
    let (read, malformed) = poll(reader(&source, 0, &[0], None).as_mut(), &[10], 10);
    assert_eq!((concat_batches(&source.schema(), &read).unwrap().column(0), malformed.len()), (rows.column(0), 0));
}

#[test]
fn what_no_line_can_hold_is_refused_by_name() {
    let folder = TempDir::new().unwrap();
    let rows = text(&["a", "b\nc"]);
    let error = writer("path = \"out.txt\"", folder.path(), &rows).write(&stream_batch(rows.clone())).unwrap_err();
    assert!(error.to_string().contains("column \"m\", row 2 of 2: a value with a line end"), "{error}");
    let sink = FileSink::open(&options("path = \"out.txt\"", folder.path())).unwrap();
    let error = sink.check(&sample().schema()).unwrap_err().to_string();
    assert!(
        error.starts_with("`format = \"text\"` writes one column of utf8, and there are: text utf8, whole int64,"),
        "{error}"
    );
    fs::write(folder.path().join("in.txt"), "a\n").unwrap();
    for (toml, expected) in [
        ("path = \"in.txt\"\nheader = false", "`header` is an option of CSV, not of text"),
        ("path = \"in.txt\"\nrecord-strat = '^'", "did you mean \"record-start\"?"),
        ("path = \"in.txt\"\nformat = \"txt\"", "did you mean \"text\"?"),
        ("path = \"in.txt\"\nschema = { a = \"int64\" }", "with `format = \"text\"` the schema is one column of text"),
    ] {
        let error = FileSource::open(&options(toml, folder.path())).err().unwrap().to_string();
        assert!(error.contains(expected), "{error:?} has no {expected:?}");
    }
}

#[test]
fn a_header_that_is_no_line_is_an_error_and_not_an_empty_input() {
    let folder = TempDir::new().unwrap();
    // Its line ends are carriage returns alone, so all of it is one line.
    fs::write(folder.path().join("in.csv"), "v\r".to_owned() + &"1\r".repeat(600_000)).unwrap();
    let opened = open_source(&options("path = \"in.csv\"\nschema = { v = \"int64\" }", folder.path()));
    let error = opened.err().unwrap().to_string();
    assert!(error.starts_with("in.csv:1: the header is not a line of CSV: the record is longer than 1 MiB"), "{error}");
}
