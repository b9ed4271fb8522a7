//! Every example, run by the real command, equals its golden output: at any parallelism, with any batch size.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const PARALLELISM: [usize; 3] = [1, 2, 3];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The command that was built with these tests.
fn weir() -> Command {
    let tests = std::env::current_exe().unwrap();
    let built = tests.ancestors().nth(2).unwrap().join("weir");
    assert!(built.exists(), "{} is missing: run the tests with `cargo xtask test`", built.display());
    let mut command = Command::new(built);
    command.current_dir(root()).env("NO_COLOR", "1");
    command
}

fn run(pipeline: &str, set: &[(&str, String)]) -> Value {
    let mut command = weir();
    command.args(["run", pipeline, "--json"]);
    for (key, value) in set {
        command.args(["--set", &format!("{key}={value}")]);
    }
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{pipeline} {set:?} failed:\n{errors}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{pipeline} {set:?}: {e}\n{errors}"))
}

/// The header, then the other lines, sorted: subtasks write in any order.
fn lines(path: &Path) -> (String, Vec<String>) {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut lines = text.lines().map(str::to_owned);
    let header = lines.next().unwrap();
    let mut rows: Vec<String> = lines.collect();
    rows.sort();
    (header, rows)
}

#[test]
fn flights() {
    let expected = lines(&root().join("examples/flights/expected.csv"));
    let folder = tempfile::tempdir().unwrap();
    for parallelism in PARALLELISM {
        for batch_rows in [64, 8_192] {
            let out = folder.path().join(format!("{parallelism}-{batch_rows}.csv"));
            let summary = run(
                "examples/flights/pipeline.toml",
                &[
                    ("parallelism", parallelism.to_string()),
                    ("batch-rows", batch_rows.to_string()),
                    ("sinks.delays.path", out.display().to_string()),
                    ("sinks.classes.connector", "blackhole".to_owned()),
                ],
            );
            assert_eq!(summary["rows_in"], 26_483);
            assert_eq!(summary["rows_late"], 0);
            assert_eq!(lines(&out), expected, "parallelism {parallelism}, batches of {batch_rows}");
        }
    }
}

/// Query, rows and checksum of the first 200,000 events.
fn nexmark_golden() -> Vec<(String, u64, String)> {
    let summary = std::fs::read_to_string(root().join("tests/golden/nexmark/golden-200k/SUMMARY.tsv")).unwrap();
    let row = |line: &str| {
        let mut cells = line.split('\t').map(str::to_owned);
        (cells.next().unwrap(), cells.next().unwrap().parse().unwrap(), cells.next().unwrap())
    };
    summary.lines().skip(1).map(row).collect()
}

#[test]
fn nexmark() {
    let golden = nexmark_golden();
    for query in ["q0", "q1", "q2", "q5", "q7", "q11"] {
        let (_, rows, checksum) = golden.iter().find(|(q, ..)| q == query).unwrap();
        for parallelism in PARALLELISM {
            for batch_rows in [1_000, 8_192] {
                let summary = run(
                    &format!("examples/nexmark/{query}.toml"),
                    &[
                        ("parallelism", parallelism.to_string()),
                        ("batch-rows", batch_rows.to_string()),
                        ("sources.bids.events", "200000".to_owned()),
                    ],
                );
                let at = format!("{query}, parallelism {parallelism}, batches of {batch_rows}");
                assert_eq!(summary["sinks"][0]["rows"], *rows, "{at}");
                assert_eq!(summary["sinks"][0]["checksum"], checksum.as_str(), "{at}");
            }
        }
    }
}
