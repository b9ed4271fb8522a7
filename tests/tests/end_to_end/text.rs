//! Text lines and CSV of other programs: the same rows from a file and from a pipe, at any batch size and parallelism.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use crate::harness::{PARALLELISM, sorted_rows, weir};

const LOG: &[u8] = b"  tail\n[1] a\r\n  at b\n\n[2] \xff\n[3] c\n[4]";
const RECORDS: [&str; 4] = ["  tail", "[1] a\n  at b\n", "[3] c", "[4]"];

fn pipeline(source: &str) -> String {
    format!(
        r#"
name = "lines"
[sources.log]
{source}
on-error = "dead-letter"
[sinks.good]
input = "log"
connector = "file"
path = "good.jsonl"
mode = "overwrite"
[sinks.bad]
input = "log.dead-letter"
connector = "file"
path = "bad.csv"
mode = "overwrite"
columns = ["at", "reason"]
"#
    )
}

/// Runs a pipeline over what is piped in.
fn run(folder: &Path, source: &str, piped: &[u8], args: &[&str]) {
    std::fs::write(folder.join("pipeline.toml"), pipeline(source)).unwrap();
    let mut command = weir();
    command.arg("run").arg(folder.join("pipeline.toml")).args(args).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut job = command.stdout(Stdio::null()).spawn().unwrap();
    job.stdin.take().unwrap().write_all(piped).unwrap();
    let output = job.wait_with_output().unwrap();
    assert!(output.status.success(), "{source}: {}", String::from_utf8_lossy(&output.stderr));
}

fn written(folder: &Path, column: &str) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("good.jsonl")).unwrap();
    let value =
        |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()[column].as_str().unwrap().to_owned();
    text.lines().map(value).collect()
}

#[test]
fn records_of_several_lines_are_the_same_from_a_file_and_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app.log"), LOG).unwrap();
    let file = "connector = \"file\"\npath = \"app.log\"\nrecord-start = '^\\['";
    let pipe = "connector = \"stdin\"\nformat = \"text\"\nrecord-start = '^\\['";
    for (source, piped, at) in [(file, &b""[..], "app.log:5"), (pipe, LOG, "stdin:5")] {
        for parallelism in PARALLELISM {
            for batch_rows in ["1", "2", "1000"] {
                let batch_rows = format!("batch-rows={batch_rows}");
                let args = ["--set", &batch_rows, "--parallelism", &parallelism.to_string()];
                run(folder.path(), source, piped, &args);
                assert_eq!(written(folder.path(), "line"), RECORDS, "{source} {args:?}");
                let bad = "\"it is not UTF-8 (a file in Latin-1 needs `encoding = \"\"windows-1252\"\"`)\"";
                assert_eq!(sorted_rows(&folder.path().join("bad.csv")), [format!("{at},{bad}")]);
            }
        }
    }
}

#[test]
fn csv_without_quotes_with_comments_and_null_values() {
    let folder = tempfile::tempdir().unwrap();
    let csv = "# made by a device\nid|note\n1|5\" disk\n# \"half\n2|-\nNA|x\n3|\"\n";
    std::fs::write(folder.path().join("in.csv"), csv).unwrap();
    let source = "connector = \"file\"\npath = \"in.csv\"\ndelimiter = \"|\"\nquote = \"\"\ncomment = \"#\"\nnull-values = [\"-\", \"NA\"]";
    run(folder.path(), source, b"", &[]);
    let text = std::fs::read_to_string(folder.path().join("good.jsonl")).unwrap();
    let expected = [
        "{\"id\":1,\"note\":\"5\\\" disk\"}",
        "{\"id\":2,\"note\":null}",
        "{\"id\":null,\"note\":\"x\"}",
        "{\"id\":3,\"note\":\"\\\"\"}",
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_wrong_option_is_refused_at_its_place_with_the_right_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app.log"), "a\n").unwrap();
    for (option, expected) in [
        ("record-strat = '^'", "did you mean \"record-start\"?"),
        ("record-start = '('", "`record-start` is not a regular expression"),
        ("comment = \"#\"", "`comment` is an option of CSV, not of text"),
    ] {
        let source = format!("connector = \"file\"\npath = \"app.log\"\n{option}");
        std::fs::write(folder.path().join("pipeline.toml"), pipeline(&source)).unwrap();
        let output = weir().arg("check").arg(folder.path().join("pipeline.toml")).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(expected) && said.contains("pipeline.toml:6:"), "{said}");
    }
}
