//! `weir run`: what it prints, where dead letters go, and what ctrl-C does.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do its helpers")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};

use expect_test::expect;
use serde_json::Value;

fn weir(folder: &Path, pipeline: &str, args: &[&str]) -> Command {
    std::fs::write(folder.join("p.toml"), pipeline).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.current_dir(folder).env("WEIR_CACHE_DIR", folder.join("cache")).args(["run", "p.toml"]).args(args);
    command
}

const PRICES: &str = r#"
name = "prices"

[sources.bids]
connector = "nexmark"
events = 5000
table = "bid"
event-time = "ts"

[windows.per-second]
input = "bids"
window = { tumbling = "1s" }
aggregates.bids = "count"

[sinks.out]
input = "per-second"
connector = "blackhole"
checksum = true
"#;

#[test]
fn what_speaks_of_checkpoints_is_refused_without_them() {
    let folder = tempfile::tempdir().unwrap();
    for flags in [["--from", "3"], ["--allow-dropped-state", "per-second"]] {
        let output = weir(folder.path(), PRICES, &flags).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let expected = format!("{} needs to know where checkpoints are: use --checkpoint-dir DIR too", flags[0]);
        assert!(!output.status.success() && stderr.contains(&expected), "{stderr}");
    }
}

#[test]
fn a_summary_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let output = weir(folder.path(), PRICES, &["--json", "--parallelism", "2"]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let mut summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    // How long things take differs from run to run; that they took some time does not.
    for key in ["elapsed-us", "rows-per-s", "latency-p50-us", "latency-p99-us"] {
        assert!(summary[key].as_f64().unwrap() > 0.0, "{key}: {summary}");
        summary[key] = Value::Null;
    }
    expect![[r#"
        {
          "checkpoints": {
            "completed": 0,
            "failed": 0,
            "last": null,
            "state-bytes": {},
            "took-us": 0,
            "trouble": null
          },
          "elapsed-us": null,
          "fraction": 1.0,
          "late": [],
          "latency-p50-us": null,
          "latency-p99-us": null,
          "nodes": [
            {
              "late-by-us": 0,
              "name": "bids",
              "rows-failed": 0,
              "rows-in": 4600,
              "rows-late": 0,
              "rows-out": 4600,
              "slowest-split": "0/2"
            },
            {
              "late-by-us": 0,
              "name": "per-second",
              "rows-failed": 0,
              "rows-in": 4600,
              "rows-late": 0,
              "rows-out": 1
            },
            {
              "late-by-us": 0,
              "name": "out",
              "rows-failed": 0,
              "rows-in": 1,
              "rows-late": 0,
              "rows-out": 0
            }
          ],
          "pipeline": "prices",
          "rows-failed": 0,
          "rows-in": 4600,
          "rows-late": 0,
          "rows-out": 1,
          "rows-per-s": null,
          "sinks": [
            {
              "checksum": "35be68332526cff7",
              "name": "out",
              "rows": 1
            }
          ],
          "suspended": false,
          "troubles": [],
          "watermark-us": null
        }
    "#]]
    .assert_eq(&format!("{summary:#}\n"));
}

#[test]
fn a_summary_for_people() {
    let folder = tempfile::tempdir().unwrap();
    let output = weir(folder.path(), PRICES, &["--set", "sources.bids.events=50"]).output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    let (counts, times) = said.split_once("\n\n").unwrap();
    expect![[r#"
                    rows in  rows out  late  failed
        bids             46        46     0       0
        per-second       46         1     0       0
        out               1         0     0       0
        total            46         1     0       0"#]]
    .assert_eq(counts);
    assert!(times.starts_with("prices done in ") && times.contains(", latency p50 "), "{times}");
}

#[test]
fn dead_letters_that_nobody_reads_go_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in.jsonl"), "{\"a\": 1}\n{\"a\": \"one\"}\n{\"a\": 3}\n").unwrap();
    let pipeline = r#"
[sources.numbers]
connector = "file"
path = "in.jsonl"
schema = { a = "int64" }
on-error = "dead-letter"

[sinks.out]
input = "numbers"
connector = "file"
path = "out.jsonl"
"#;
    let output = weir(folder.path(), pipeline, &[]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let first = said.lines().next().unwrap();
    expect![[r#"note: rows that "numbers" cannot process go to dead-letters/numbers.jsonl"#]].assert_eq(first);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    expect![[r#"
        {"a":1}
        {"a":3}
        --
        {"at":"in.jsonl:2","record":"{\"a\": \"one\"}","reason":"column \"a\": \"one\" is not of the type int64"}
    "#]]
    .assert_eq(&(read("out.jsonl") + "--\n" + &read("dead-letters/numbers.jsonl")));
}

#[test]
fn a_failure_says_where_and_leaves_nothing_half_written() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in.jsonl"), "{\"a\": 1}\n{\"a\": \"one\"}\n").unwrap();
    let pipeline = r#"
[sources.numbers]
connector = "file"
path = "in.jsonl"
schema = { a = "int64" }

[sinks.out]
input = "numbers"
connector = "file"
path = "out.jsonl"
"#;
    let output = weir(folder.path(), pipeline, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    expect![[r#"
        error: p.toml failed
          because subtask "numbers -> out/0" failed
          because source "numbers"
          because in.jsonl:2: column "a": "one" is not of the type int64; set on-error to "skip" or "dead-letter" to continue without such records
    "#]].assert_eq(&said);
    assert!(!folder.path().join("out.jsonl").exists());
}

#[test]
fn windows_over_arrival_times_are_noted() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in.jsonl"), "{\"a\": 1}\n").unwrap();
    let pipeline = |time: &str| {
        format!(
            "[sources.numbers]\nconnector = \"file\"\npath = \"in.jsonl\"\nschema = {{ a = \"int64\" }}\n{time}\n[windows.per-hour]\ninput = \
             \"numbers\"\nwindow = {{ tumbling = \"1h\" }}\naggregates.n = \"count\"\n[sinks.out]\ninput = \"per-hour\"\nconnector = \"blackhole\"\n"
        )
    };
    for (time, is_noted) in [("", true), ("event-time = { column = \"a\", unit = \"s\" }", false)] {
        let output = weir(folder.path(), &pipeline(time), &[]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let note = "numbers has no event-time: its rows have the time of their arrival, and the results of per-hour differ from run to run";
        assert_eq!(said.contains(note), is_noted, "{said}");
    }
}

#[test]
fn one_file_of_an_endless_source_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in.jsonl"), "{\"a\": 1}\n").unwrap();
    for (follow, path, is_noted) in
        [("true", "out.jsonl", true), ("true", "out/", false), ("false", "out.jsonl", false)]
    {
        let pipeline = format!(
            "[sources.numbers]\nconnector = \"file\"\npath = \"in.jsonl\"\nfollow = {follow}\nschema = {{ a = \"int64\" }}\n\
             [sinks.out]\ninput = \"numbers\"\nconnector = \"file\"\npath = {path:?}\nformat = \"json\"\n"
        );
        std::fs::write(folder.path().join("p.toml"), pipeline).unwrap();
        let mut check = Command::new(env!("CARGO_BIN_EXE_weir"));
        let output = check.current_dir(folder.path()).args(["check", "p.toml"]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        assert_eq!(
            said.contains("is one file, which becomes visible when the job has ended, but numbers never ends"),
            is_noted,
            "{said}"
        );
    }
}

/// Unix only: elsewhere a child cannot be sent ctrl-C alone.
#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_input_and_finishes_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    // Without `events` the source never ends by itself.
    let endless =
        PRICES.replace("events = 5000\n", "rate = 1000\n").replace("input = \"per-second\"", "input = \"bids\"");
    let pipeline = endless.replace("connector = \"blackhole\"\nchecksum = true", "connector = \"stdout\"");
    let mut child = weir(folder.path(), &pipeline, &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut rows = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    rows.read_line(&mut first).unwrap();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let written = 1 + rows.lines().count();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    assert!(said.contains("ending the input"), "{said}");
    // What was read was written.
    assert!(said.contains(&format!("out: {written} rows")), "{written} rows: {said}");
}

const PER_MINUTE: &str = r#"
name = "per-minute"

[sources.rows]
connector = "file"
path = "in.csv"
event-time = "t"

[windows.w]
input = "rows"
window = { tumbling = "1m" }
aggregates.n = "count"

[sinks.out]
input = "w"
connector = "file"
path = "out/"
format = "csv"
"#;

/// Runs the pipeline over lines of a file, in a folder of its own; what it said, and what it exited with.
fn per_minute(folder: &Path, lines: &[&str], args: &[&str]) -> (String, Option<i32>) {
    std::fs::write(folder.join("in.csv"), format!("t\n{}", lines.join("\n"))).unwrap();
    let output = weir(folder, PER_MINUTE, args).output().unwrap();
    (String::from_utf8(output.stderr).unwrap(), output.status.code())
}

/// The rows of all parts in `out`.
fn rows_out(folder: &Path) -> Vec<String> {
    let parts = std::fs::read_dir(folder.join("out"))
        .unwrap()
        .map(|part| std::fs::read_to_string(part.unwrap().path()).unwrap());
    let mut rows: Vec<String> =
        parts.flat_map(|part| part.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()).collect();
    rows.sort();
    rows
}

const UNSORTED: [&str; 6] = [
    "2024-01-01T00:05:00Z",
    "2024-01-01T00:03:00Z",
    "2024-01-01T00:01:00Z",
    "2024-01-01T00:59:00Z",
    "2024-01-01T00:02:00Z",
    "2024-01-01T00:04:00Z",
];

#[test]
fn no_row_of_an_unsorted_file_is_late() {
    let folder = tempfile::tempdir().unwrap();
    let (said, code) = per_minute(folder.path(), &UNSORTED, &["--fail-on-late", "0"]);
    assert!(code == Some(0) && !said.contains("came late"), "{said}");
    assert_eq!(rows_out(folder.path()).len(), 6);
}

#[test]
fn rows_that_come_late_are_told_last_and_fail_the_command_if_they_may_not_be() {
    let monotonic = ["--set", "sources.rows.watermark=monotonic"];
    let folder = tempfile::tempdir().unwrap();
    let (said, code) = per_minute(folder.path(), &UNSORTED, &monotonic);
    let last = said.lines().last().unwrap();
    assert_eq!(code, Some(0));
    assert_eq!(
        last,
        "w: 4 of 6 rows (66.7%) came late and were dropped, the latest by 57m; [sources.rows] watermark = \
         { bounded-out-of-orderness = \"57m\" } (its watermark was that of in.csv) keeps them; a sink with input = \"w.late\" receives them"
    );
    for (tolerated, exits) in [("66%", 3), ("67", 0)] {
        let folder = tempfile::tempdir().unwrap();
        let args = [&monotonic[..], &["--fail-on-late", tolerated]].concat();
        let (said, code) = per_minute(folder.path(), &UNSORTED, &args);
        assert_eq!(code, Some(exits), "{said}");
    }
    // What is said to keep them does.
    let folder = tempfile::tempdir().unwrap();
    let bound = r#"sources.rows.watermark={ bounded-out-of-orderness = "57m" }"#;
    let (said, code) = per_minute(folder.path(), &UNSORTED, &["--set", bound, "--fail-on-late", "0"]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_job_that_has_ended_reads_nothing_that_was_appended() {
    let folder = tempfile::tempdir().unwrap();
    let state = ["--checkpoint-dir", "state"];
    // The last line has no line end: the rest of it comes later.
    let (said, code) = per_minute(folder.path(), &["2024-01-01T00:01:00Z", "2024-01-01T00:02:00"], &state);
    assert!(code == Some(0) && said.contains("in.csv: its last line has no line end"), "{said}");
    let ended = rows_out(folder.path());
    assert_eq!(ended.len(), 2);
    let more = ["2024-01-01T00:01:00Z", "2024-01-01T00:02:00Z", "2024-01-01T00:03:00Z", ""];
    let (said, code) = per_minute(folder.path(), &more, &state);
    assert!(code == Some(0) && said.contains("reads no more of its input") && !said.contains("came late"), "{said}");
    assert_eq!(rows_out(folder.path()), ended);
    std::fs::remove_dir_all(folder.path().join("out")).unwrap();
    let (said, code) = per_minute(folder.path(), &more, &[&state[..], &["--again"]].concat());
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(rows_out(folder.path()).len(), 3);
}

#[test]
fn another_event_time_than_that_of_the_checkpoint_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let state = ["--checkpoint-dir", "state"];
    per_minute(folder.path(), &["2024-01-01T00:01:00Z"], &state);
    let output = weir(folder.path(), &PER_MINUTE.replace("event-time = \"t\"", ""), &state).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains(
            "has watermarks of the column \"t\" of the source \"rows\", and the pipeline uses the time of arrival"
        ),
        "{said}"
    );
}
