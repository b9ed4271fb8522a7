//! `weir run` without a `schema`: which files and rows decide, and what is said of it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do its helpers")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const PIPELINE: &str = "name = \"t\"\n[sources.s]\nSOURCE\n[sinks.out]\ninput = \"s\"\nconnector = \"stdout\"\n";

fn command(folder: &Path, source: &str) -> Command {
    std::fs::write(folder.join("p.toml"), PIPELINE.replace("SOURCE", source)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.current_dir(folder).env("WEIR_CACHE_DIR", folder.join("cache")).args(["run", "p.toml"]);
    command
}

/// What it prints and what it says.
fn run(folder: &Path, source: &str) -> (String, String) {
    let output = command(folder, source).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// A folder with these files.
fn files(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

#[test]
fn every_file_of_a_folder_decides_and_hidden_ones_are_ignored() {
    let folder = files(&[
        ("in/_SUCCESS", ""),
        ("in/.part.crc", "crc\0"),
        ("in/a.jsonl", ""),
        ("in/b.jsonl", "{\"v\":1}\n"),
        ("in/c.jsonl", "{\"v\":1.5,\"w\":\"x\"}\n"),
        ("in/below/d.jsonl", "{\"v\":3,\"z\":true}\n"),
        ("in/below/_temporary/e.jsonl", "?"),
    ]);
    let source = |path: &str| format!("connector = \"file\"\nformat = \"json\"\npath = {path:?}");
    let (printed, said) = run(folder.path(), &source("in"));
    assert!(said.contains("in: inferred schema from all 2 rows of 3 files: v float64, w utf8"), "{said}");
    assert!(said.contains("such as below, is not read; `path = \"in/**\"` reads it"), "{said}");
    assert_eq!(printed, "{\"v\":1.0,\"w\":null}\n{\"v\":1.5,\"w\":\"x\"}\n");
    for (path, files) in [("in/**", 4), ("in/**/*.jsonl", 4), ("**/b*/*", 1), ("*/below/*.jsonl", 1)] {
        let (printed, said) = run(folder.path(), &source(path));
        let (rows, of) = if files == 4 { (3, "all 3 rows of 4 files") } else { (1, "the only row") };
        assert!(said.contains(&format!("from {of}: v")) && said.contains("z bool"), "{path}: {said}");
        assert_eq!(printed.lines().count(), rows, "{path}: {printed}");
    }
}

#[test]
fn folders_are_columns_if_asked_for() {
    let folder = files(&[
        ("in/dt=2024-01-31/c=DE/a.csv", "v\n1\n2\n"),
        ("in/dt=2024-02-01/c=__HIVE_DEFAULT_PARTITION__/a.csv", "v\n3\n"),
        ("in/dt=2024-02-01/c=a%2Fb/a.csv", "v\n4\n"),
    ]);
    let source = |more: &str| format!("connector = \"file\"\nformat = \"csv\"\npath = \"in/**\"\n{more}");
    let (printed, said) = run(folder.path(), &source("partitions = { dt = \"date32\", c = \"utf8\" }"));
    let expected = "{\"v\":1,\"dt\":\"2024-01-31\",\"c\":\"DE\"}\n{\"v\":2,\"dt\":\"2024-01-31\",\"c\":\"DE\"}\n\
                    {\"v\":3,\"dt\":\"2024-02-01\",\"c\":null}\n{\"v\":4,\"dt\":\"2024-02-01\",\"c\":\"a/b\"}\n";
    assert_eq!(printed, expected, "{said}");
    for (partitions, reason) in [
        ("{ c = \"int64\" }", "c is \"DE\", which is not of the type int64"),
        ("{ x = \"utf8\" }", "in/dt=2024-01-31/c=DE/a.csv is in no folder x=VALUE"),
        ("{ v = \"utf8\" }", "the rows already have a column \"v\""),
    ] {
        let (_, said) = run(folder.path(), &source(&format!("partitions = {partitions}")));
        assert!(said.contains(reason) && said.contains("p.toml:6:"), "{said}");
    }
}

#[test]
fn columns_that_only_some_csv_files_have_are_named() {
    let folder = files(&[("in/a.csv", "x,y\n1,2\n"), ("in/b.csv", "y,z,x\n3.5,0,4\n")]);
    let (printed, said) = run(folder.path(), "connector = \"file\"\nformat = \"csv\"\npath = \"in\"");
    assert!(said.contains("in/b.csv: other files before it do not have the columns z, so they are not read"), "{said}");
    assert_eq!(printed, "{\"x\":1,\"y\":2.0}\n{\"x\":4,\"y\":3.5}\n");
}

#[test]
fn keys_that_no_row_of_the_sample_had_are_counted_at_the_end() {
    let rows = "{\"v\":1}\n".repeat(1000) + "{\"v\":2,\"w\":\"new\"}\n{\"v\":3,\"w\":null}\n";
    let folder = files(&[("in.jsonl", &rows)]);
    let (_, said) = run(folder.path(), "connector = \"file\"\npath = \"in.jsonl\"");
    assert!(said.contains("note: w: 1 row had a value, not in the schema that was inferred of in.jsonl"), "{said}");
    let (_, said) = run(folder.path(), "connector = \"file\"\npath = \"in.jsonl\"\nschema = { v = \"int64\" }");
    assert!(!said.contains("had a value"), "{said}");
}

#[test]
fn the_same_bytes_of_stdin_give_the_same_schema_and_waiting_is_said() {
    let run = |pause: Duration| {
        let folder = tempfile::tempdir().unwrap();
        let mut command = command(folder.path(), "connector = \"stdin\"");
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"{\"a\":1}\n").unwrap();
        let (_never, nothing) = std::sync::mpsc::sync_channel::<()>(0);
        let _ = nothing.recv_timeout(pause);
        stdin.write_all(b"{\"a\":1.5,\"b\":2}\n").unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (fast, slow) = (run(Duration::ZERO), run(Duration::from_millis(1500)));
    assert_eq!(fast.0, "{\"a\":1.0,\"b\":null}\n{\"a\":1.5,\"b\":2}\n");
    assert_eq!(fast.0, slow.0);
    assert!(slow.1.contains("note: stdin: waiting for its first rows") && !fast.1.contains("waiting"), "{slow:?}");
}

#[test]
fn one_column_that_another_delimiter_would_separate_is_told() {
    for (delimiter, written) in [(";", ";"), ("\t", "\\t"), ("|", "|")] {
        let folder = files(&[("a.csv", &format!("v{delimiter}w\n1{delimiter}2\n"))]);
        let source = "connector = \"file\"\npath = \"a.csv\"";
        let (_, said) = run(folder.path(), source);
        assert!(said.contains(&format!("set `delimiter = \"{written}\"`")), "{said}");
        let (printed, said) = run(folder.path(), &format!("{source}\ndelimiter = \"{written}\""));
        assert_eq!(printed, "{\"v\":1,\"w\":2}\n");
        assert!(!said.contains("delimiter"), "{said}");
    }
}

#[test]
fn what_is_no_plain_text_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for (name, begin, told) in [
        ("in.csv.xz", &b"\xfd7zXZ\0"[..], "is compressed with xz: pipe it in as text, `xzcat in.csv.xz | weir run"),
        ("in.zip", b"PK\x03\x04", "is a zip archive"),
        ("le.csv", b"\xff\xfea\0,\0b\0\n\0", "is UTF-16 text"),
        ("be.csv", b"\xfe\xff\0a\0,\0b\0\n", "is UTF-16 text"),
    ] {
        std::fs::write(folder.path().join(name), begin).unwrap();
        for more in ["", "\nformat = \"csv\"\non-error = \"skip\"\nheader = false\nschema = { a = \"utf8\" }"] {
            let source = format!("connector = \"file\"\npath = {name:?}{more}");
            let output = command(folder.path(), &source).output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(!output.status.success() && said.contains(&format!("{name} {told}")), "{said}");
            assert!(said.contains("p.toml:4:8"), "{said}");
        }
        let source =
            "connector = \"stdin\"\nformat = \"csv\"\non-error = \"skip\"\nheader = false\nschema = { a = \"utf8\" }";
        let file = std::fs::File::open(folder.path().join(name)).unwrap();
        let output = command(folder.path(), source).stdin(file).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains("what is piped in is "), "{said}");
    }
}

#[test]
fn names_of_columns_cannot_steer_a_terminal() {
    let folder = files(&[("in.csv", "\u{feff}a,\u{1b}[31mred\n1,2\n")]);
    let (_, said) = run(folder.path(), "connector = \"file\"\npath = \"in.csv\"");
    assert!(said.contains("row: a int64, \\u{1b}[31mred int64") && !said.contains('\u{1b}'), "{said:?}");
}

#[test]
fn a_check_reads_nothing_of_stdin_or_does_not_wait_for_it() {
    let folder = tempfile::tempdir().unwrap();
    for (schema, said) in [("\nschema = { a = \"int64\" }", None), ("", Some("nor its end came within"))] {
        drop(command(folder.path(), &format!("connector = \"stdin\"{schema}")));
        let mut check = Command::new(env!("CARGO_BIN_EXE_weir"));
        let check = check.current_dir(folder.path()).env("WEIR_CACHE_DIR", folder.path().join("cache"));
        let pipes = check.args(["check", "p.toml"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // Stays open; who reads nothing may be gone.
        let _ = stdin.write_all(b"{\"a\":1}\n");
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.success(), said.is_none(), "{told}");
        assert!(said.is_none_or(|said| told.contains(said)), "{told}");
    }
}

#[test]
fn event_times_that_are_implausible_are_told_of_sources_without_a_sample_too() {
    let folder = files(&[("in.jsonl", "{\"t\":1704067200}\n{\"t\":1704067201}\n")]);
    let source = "connector = \"stdin\"\nschema = { t = \"int64\" }\nevent-time = \"t\"";
    let file = std::fs::File::open(folder.path().join("in.jsonl")).unwrap();
    let output = command(folder.path(), source).stdin(file).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let told = "int64 1704067200 is read as milliseconds; set `event-time = { column = \"t\", unit = \"s\" }`";
    assert_eq!(said.matches(told).count(), 1, "{said}");
}
