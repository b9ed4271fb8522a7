//! `weir run` over values that other engines change: none is lost, cut or made into another one without a word.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do its helpers")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a run wrote, said, and left of dead letters of the source.
struct Ran {
    stdout: String,
    stderr: String,
    dead_letters: String,
    /// The same of the window.
    window_letters: String,
    code: Option<i32>,
}

/// Runs a pipeline over an input, which is a file and is also piped in.
fn run(file: &str, input: &str, pipeline: &str) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let folder: &Path = folder.path();
    std::fs::write(folder.join(file), input).unwrap();
    std::fs::write(folder.join("p.toml"), format!("name = \"values\"\n{pipeline}")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.current_dir(folder).env("WEIR_CACHE_DIR", folder.join("cache")).args(["run", "p.toml"]);
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    // A run that reads a file may have ended, and its end of the pipe with it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ran {
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        dead_letters: std::fs::read_to_string(folder.join("dead-letters/s.jsonl")).unwrap_or_default(),
        window_letters: std::fs::read_to_string(folder.join("dead-letters/w.jsonl")).unwrap_or_default(),
        code: output.status.code(),
    }
}

/// A count per hour of what the source `s` with these lines brings.
fn hourly(source: &str, format: &str) -> String {
    format!(
        "[sources.s]\n{source}\n[windows.w]\ninput = \"s\"\nwindow = {{ tumbling = \"1h\" }}\naggregates.n = \"count\"\n\
         [sinks.out]\ninput = \"w\"\nconnector = \"stdout\"\nformat = {format:?}\n"
    )
}

fn hour(start: &str, n: u32) -> String {
    let end = format!("{}{:02}:00:00Z", &start[..11], start[11..13].parse::<u32>().unwrap() + 1);
    format!("{start},{end},{n}\n")
}

#[test]
fn event_times_that_nothing_can_write_are_set_aside_with_their_line() {
    let source = "connector = \"file\"\npath = \"in.csv\"\nevent-time = \"t\"\non-error = \"dead-letter\"\n\
                  schema = { t = \"int64\", v = \"int64\" }";
    let input = "t,v\n1704067200000,1\n9223372036854775807,2\n";
    for format in ["csv", "json"] {
        let ran = run("in.csv", input, &hourly(source, format));
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(!ran.stdout.contains("ERROR") && ran.stdout.contains("2024-01-01T00:00:00Z"), "{}", ran.stdout);
        let letter: serde_json::Value = serde_json::from_str(&ran.dead_letters).unwrap();
        assert_eq!((&letter["at"], &letter["record"]), (&"in.csv:3".into(), &"9223372036854775807,2".into()));
        assert!(letter["reason"].as_str().unwrap().contains("outside the range of event times"), "{letter}");
    }
}

#[test]
fn null_event_times_have_their_line_and_record() {
    let csv = "k,t,v\na,2024-01-01T00:00:00Z,1\n\nbad\na,,3\n";
    let json = "{\"t\":\"2024-01-01T00:00:00Z\"}\n\n{\n{\"v\":3}\n";
    let schema = "schema = { k = \"utf8\", t = \"timestamp\", v = \"int64\" }";
    for (connector, file, input, at, record) in [
        ("connector = \"file\"\npath = \"in.csv\"", "in.csv", csv, "in.csv:5", "a,,3"),
        ("connector = \"stdin\"\nformat = \"csv\"", "in.csv", csv, "stdin:5", "a,,3"),
        ("connector = \"file\"\npath = \"in.jsonl\"", "in.jsonl", json, "in.jsonl:4", "{\"v\":3}"),
        ("connector = \"stdin\"", "in.jsonl", json, "stdin:4", "{\"v\":3}"),
    ] {
        let source = format!("{connector}\nevent-time = \"t\"\n{schema}\non-error = \"dead-letter\"");
        let ran = run(file, input, &hourly(&source, "csv"));
        assert!(ran.stdout.ends_with(&hour("2024-01-01T00:00:00Z", 1)), "{}{}", ran.stdout, ran.stderr);
        let letters: Vec<serde_json::Value> =
            ran.dead_letters.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let letter = letters.iter().find(|letter| letter["at"] == at).unwrap();
        assert_eq!((letters.len(), &letter["record"]), (2, &record.into()));
        assert_eq!(letter["reason"], "the event time column \"t\" is null");
    }
    let source = "connector = \"file\"\npath = \"in.csv\"\nevent-time = \"t\"";
    let ran = run("in.csv", "t,v\n2024-01-01T00:00:00Z,1\n,3\n", &hourly(source, "csv"));
    assert_ne!(ran.code, Some(0));
    assert!(ran.stderr.contains("because in.csv:3: the event time column \"t\" is null"), "{}", ran.stderr);
}

#[test]
fn event_times_have_a_unit_or_a_format() {
    let expected = hour("2024-01-01T00:00:00Z", 1);
    for (event_time, value) in [
        ("{ column = \"t\", unit = \"s\" }", "1704067200"),
        ("{ column = \"t\", unit = \"ms\" }", "1704067200000"),
        ("{ column = \"t\", unit = \"us\" }", "1704067200000001"),
        ("{ column = \"t\", unit = \"ns\" }", "1704067200000000001"),
        ("{ column = \"t\" }", "1704067200000"),
        ("{ column = \"t\", format = \"%d/%b/%Y:%H:%M:%S %z\" }", "01/Jan/2024:02:59:59 +0200"),
    ] {
        let source = format!("connector = \"file\"\npath = \"in.csv\"\nevent-time = {event_time}");
        let ran = run("in.csv", &format!("t\n{value}\n"), &hourly(&source, "csv"));
        assert!(
            ran.stdout.ends_with(&expected) && !ran.stderr.contains("first event time"),
            "{}{}",
            ran.stdout,
            ran.stderr
        );
    }
    for (event_time, value, reason) in [
        ("{ column = \"t\", unit = \"d\" }", "1", "unit cannot be \"d\""),
        ("{ column = \"t\", unit = \"s\", format = \"%s\" }", "1", "give one of them"),
        ("{ column = \"t\", unit = \"s\" }", "1.5", "a unit is for whole numbers"),
        ("{ unit = \"s\" }", "1", "column"),
        (
            "{ column = \"t\", format = \"%d/%b/%Y\" }",
            "x",
            "in.csv:2: the event time column \"t\" is \"x\", which does not have",
        ),
    ] {
        let source = format!("connector = \"file\"\npath = \"in.csv\"\nevent-time = {event_time}");
        let ran = run("in.csv", &format!("t\n{value}\n"), &hourly(&source, "csv"));
        assert!(ran.code != Some(0) && ran.stderr.contains(reason), "{}", ran.stderr);
    }
}

#[test]
fn a_first_event_time_that_counts_something_else_is_noted() {
    for (connector, schema) in [
        ("connector = \"file\"\npath = \"in.csv\"", ""),
        ("connector = \"file\"\npath = \"in.csv\"", "schema = { t = \"int64\" }"),
        ("connector = \"stdin\"\nformat = \"csv\"", ""),
    ] {
        let source = format!("{connector}\nevent-time = \"t\"\n{schema}");
        let ran = run("in.csv", "t\n1704067200\n1704070800\n", &hourly(&source, "csv"));
        let note = "note: s: the first event time is 1970-01-20T17:21:07.200Z: int64 1704067200 is read as milliseconds; set \
                    `event-time = { column = \"t\", unit = \"s\" }` if it is seconds";
        assert!(ran.stderr.contains(note), "{}", ran.stderr);
    }
}

#[test]
fn numbers_in_columns_of_times_are_set_aside() {
    let input = "{\"t\":1704067200000}\n{\"t\":1e300}\n{\"t\":1704067200000.7}\n{\"t\":\"2024-01-01T00:00:00Z\"}\n";
    let pipeline = "[sources.s]\nconnector = \"file\"\npath = \"in.jsonl\"\nschema = { t = \"timestamp\" }\n\
                    on-error = \"dead-letter\"\n[sinks.out]\ninput = \"s\"\nconnector = \"stdout\"\nformat = \"json\"\n";
    let ran = run("in.jsonl", input, pipeline);
    assert_eq!(ran.stdout, "{\"t\":\"2024-01-01T00:00:00Z\"}\n", "{}", ran.stderr);
    assert_eq!(ran.dead_letters.lines().count(), 3);
    assert!(ran.dead_letters.contains("column \\\"t\\\": 1704067200000.7 is not of the type timestamp(us, UTC)"));
}

#[test]
fn inferred_ids_keep_all_digits() {
    let pipeline = |file: &str| {
        format!(
            "[sources.s]\nconnector = \"file\"\npath = {file:?}\n[sinks.out]\ninput = \"s\"\nconnector = \"stdout\"\nformat = \"json\"\n"
        )
    };
    for (file, input, expected) in [
        (
            "in.jsonl",
            "{\"id\":9007199254740993}\n{\"id\":18446744073709551615}\n",
            "{\"id\":9007199254740993}\n{\"id\":18446744073709551615}\n",
        ),
        ("in.csv", "id\n9007199254740993\n1.5\n", "{\"id\":\"9007199254740993\"}\n{\"id\":\"1.5\"}\n"),
        ("in.jsonl", "{\"id\":18446744073709551616}\n", "{\"id\":\"18446744073709551616\"}\n"),
    ] {
        let ran = run(file, input, &pipeline(file));
        assert_eq!(ran.stdout, expected, "{}", ran.stderr);
    }
    let ran = run("in.csv", "id\n9007199254740993\n1.5\n", &pipeline("in.csv"));
    assert!(ran.stderr.contains("id utf8 (its numbers fit no other type with all their digits)"), "{}", ran.stderr);
}

#[test]
fn local_times_that_come_twice_are_the_first_and_those_that_never_come_name_their_zone() {
    let source = "connector = \"file\"\npath = \"in.csv\"\nevent-time = \"t\"\non-error = \"dead-letter\"\n\
                  schema = { t = \"timestamp(us, Europe/Berlin)\" }";
    let ran =
        run("in.csv", "t\n2024-10-27 01:30:00\n2024-10-27 02:30:00\n2024-03-31 02:30:00\n", &hourly(source, "csv"));
    let hours = "2024-10-26T23:00:00Z,2024-10-27T00:00:00Z,1\n2024-10-27T00:00:00Z,2024-10-27T01:00:00Z,1\n";
    assert!(ran.stdout.ends_with(hours), "{}{}", ran.stdout, ran.stderr);
    let letter: serde_json::Value = serde_json::from_str(&ran.dead_letters).unwrap();
    assert_eq!(letter["at"], "in.csv:4");
    assert!(letter["reason"].as_str().unwrap().contains("in Europe/Berlin"), "{letter}");
}

#[test]
fn sums_that_do_not_fit_are_set_aside_with_their_key_and_window() {
    let pipeline = |on_error: &str, v: &str, parallelism: usize, window: &str| {
        format!(
            "parallelism = {parallelism}\n[sources.s]\nconnector = \"file\"\npath = \"in.csv\"\nevent-time = \"t\"\n\
             schema = {{ k = \"utf8\", t = \"timestamp\", v = {v:?} }}\n[windows.w]\ninput = \"s\"\nkey-by = [\"k\"]\n\
             window = {window}\naggregates.s = {{ sum = \"v\" }}\non-error = {on_error:?}\n\
             [sinks.out]\ninput = \"w\"\nconnector = \"stdout\"\nformat = \"csv\"\n"
        )
    };
    let input =
        "k,t,v\na,2024-01-01T00:00:00Z,9223372036854775807\na,2024-01-01T00:00:01Z,1\nb,2024-01-01T00:00:01Z,5\n";
    let header = "k,window_start,window_end,s\n";
    let reason = "sum of column \"v\" is 9223372036854775808, which does not fit its type int64, in the window of k = a from \
                  2024-01-01T00:00:00Z to 2024-01-01T01:00:00Z";
    let hour = "{ tumbling = \"1h\" }";
    for parallelism in 1..=3 {
        let ran = run("in.csv", input, &pipeline("dead-letter", "int64", parallelism, hour));
        assert_eq!(ran.stdout, format!("{header}b,2024-01-01T00:00:00Z,2024-01-01T01:00:00Z,5\n"), "{}", ran.stderr);
        let letter: serde_json::Value = serde_json::from_str(&ran.window_letters).unwrap();
        assert_eq!((&letter["k"], &letter["v"], &letter["error"]), (&"a".into(), &().into(), &reason.into()));
        let ran = run("in.csv", input, &pipeline("skip", "int64", parallelism, hour));
        assert_eq!(ran.stdout, format!("{header}b,2024-01-01T00:00:00Z,2024-01-01T01:00:00Z,5\n"), "{}", ran.stderr);
        let ran = run("in.csv", input, &pipeline("fail", "int64", parallelism, hour));
        assert!(
            ran.code != Some(0) && ran.stderr.contains(&format!("{reason}; set on-error to \"skip\"")),
            "{}",
            ran.stderr
        );
    }
    for window in ["{ session = \"1h\" }", "{ sliding = \"2h\", slide = \"1h\" }"] {
        let ran = run("in.csv", input, &pipeline("dead-letter", "int64", 2, window));
        assert!(ran.stdout.contains("\nb,") && !ran.stdout.contains("\na,"), "{}{}", ran.stdout, ran.stderr);
        assert!(ran.window_letters.contains("in the window of k = a"), "{}", ran.window_letters);
    }
    let one = "k,t,v\na,2024-01-01T00:00:00Z,18446744073709551615\n";
    let ran = run("in.csv", one, &pipeline("dead-letter", "uint64", 1, hour));
    assert!(ran.stdout.ends_with(",18446744073709551615\n"), "{}{}", ran.stdout, ran.stderr);
}
