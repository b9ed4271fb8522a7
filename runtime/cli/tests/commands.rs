//! How the command is called: names that it does not have, pipelines that are piped in, which log lines are shown.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do its helpers")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn weir(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.current_dir(folder).env("WEIR_CACHE_DIR", folder.join("cache")).args(args);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // One that is refused for its arguments reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn names_of_other_programs_point_to_commands() {
    let folder = tempfile::tempdir().unwrap();
    for (name, commands) in [
        ("ls", "'ps'"),
        ("status", "'ps', 'show'"),
        ("validate", "'check'"),
        ("apply", "'deploy'"),
        ("chekc", "'check'"),
    ] {
        let output = weir(folder.path(), &[name], "");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(said.contains(commands), "{name}: {said}");
    }
}

const PIPED: &str = r#"
[sources.numbers]
connector = "file"
path = "in.jsonl"
[sinks.out]
input = "numbers"
connector = "stdout"
"#;

#[test]
fn a_pipeline_is_read_from_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in.jsonl"), "{\"a\": 1}\n").unwrap();
    let output = weir(folder.path(), &["run", "-"], PIPED);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "{\"a\":1}\n");
    assert!(output.status.success());
    for (text, expected) in [
        (PIPED.replace("numbers]", "numbers]\nwrong = 1"), "standard input:3:1"),
        (
            PIPED.replace("connector = \"file\"\npath = \"in.jsonl\"", "connector = \"stdin\"\nformat = \"json\""),
            "the pipeline itself is read from standard input",
        ),
        (String::new(), "the pipeline has no source"),
    ] {
        let output = weir(folder.path(), &["check", "-"], &text);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn arguments_that_are_wrong_are_told_in_plain_words() {
    let folder = tempfile::tempdir().unwrap();
    for (args, expected, not) in [
        (
            &["run", "p.toml", "--from", "x"][..],
            "invalid value 'x' for '--from <CHECKPOINT>': it is not a whole number",
            "digit",
        ),
        (&["run", "p.toml", "--parallelism", ""], "it is not a whole number", "parse integer"),
        (&["start", "orders", "--from", "99999999999999999999"], "the number is too large", "target type"),
        (
            &["run", "p.toml", "-p", "4"],
            "options have long names, such as `--parallelism`; `--help` lists them",
            "-- -p",
        ),
        (&["push", "a.wasm", "-n", "a"], "options have long names", "as a value"),
        (&["run", "p.toml", "--paralelism", "4"], "a similar argument exists: '--parallelism'", "as a value"),
        (&["run", "p.toml", "q.toml"], "unexpected argument 'q.toml' found", "long names"),
    ] {
        let output = weir(folder.path(), args, "");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(expected) && !said.contains(not), "{args:?}: {said}");
    }
}
