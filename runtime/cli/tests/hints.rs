//! What the command says of pipelines that are right and yet do not do what their author means.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do its helpers")]

use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs a command over a pipeline; whether it succeeds, and what it says.
fn weir(folder: &Path, pipeline: &str, args: &[&str]) -> (bool, String) {
    fs::write(folder.join("p.toml"), format!("name = \"hints\"\n{pipeline}")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.current_dir(folder).env("WEIR_CACHE_DIR", folder.join("cache")).args(args);
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

const LOG: &str = "[sources.log]\nconnector = \"file\"\npath = \"app.log\"\n";
const OUT: &str = "[sinks.out]\ninput = \"log\"\nconnector = \"file\"\npath = \"out/\"\nformat = \"json\"\n";

#[test]
fn a_folder_of_an_endless_source_needs_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("app.log"), "a\nb\n").unwrap();
    let note = "note: out: out/ is a folder, whose files become visible at checkpoints, and the job takes none, but log never ends: set dir \
                in [checkpoint], or use --checkpoint-dir";
    let follows = format!("{LOG}follow = true\n{OUT}");
    let (passed, said) = weir(folder.path(), &follows, &["check", "p.toml"]);
    assert!(passed && said.contains(note), "{said}");
    let (passed, said) = weir(folder.path(), &follows, &["check", "p.toml", "--checkpoint-dir", "state"]);
    assert!(passed && !said.contains("never ends"), "{said}");
    let (passed, said) = weir(folder.path(), &format!("{LOG}{OUT}"), &["check", "p.toml"]);
    assert!(passed && !said.contains("never ends"), "{said}");
}

#[test]
fn a_pattern_that_no_line_matches_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("app.log"), "2024-01-01 a\n  at b\n2024-01-02 c\n").unwrap();
    let with = |pattern: &str| format!("{LOG}record-start = '{pattern}'\n{OUT}");
    let (passed, said) = weir(folder.path(), &with("^\\d{4}/"), &["check", "p.toml"]);
    let note = "note: app.log: none of its first 3 lines matches `record-start`, so they are one record";
    assert!(passed && said.contains(note), "{said}");
    let (passed, said) = weir(folder.path(), &with("^\\d{4}-"), &["check", "p.toml"]);
    assert!(passed && !said.contains("record-start"), "{said}");
}

#[test]
fn a_run_in_which_all_rows_fail_says_where_to_look() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.jsonl"), "{\"a\": \"x\"}\n{\"a\": \"y\"}\n").unwrap();
    let source =
        "[sources.log]\nconnector = \"file\"\npath = \"in.jsonl\"\nschema = { a = \"int64\" }\non-error = \"skip\"\n";
    let sink = "[sinks.out]\ninput = \"log\"\nconnector = \"blackhole\"\n";
    let (passed, said) = weir(folder.path(), &format!("{source}{sink}"), &["run", "p.toml"]);
    assert!(passed && said.contains("log: all of its rows failed; a run with `on-error"), "{said}");
    let (passed, said) = weir(folder.path(), &format!("{source}{sink}").replace("int64", "utf8"), &["run", "p.toml"]);
    assert!(passed && !said.contains("all of its rows failed"), "{said}");
}

#[test]
fn a_file_in_latin_1_points_to_its_encoding() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.csv"), b"name\nJos\xe9\n").unwrap();
    let source = "[sources.log]\nconnector = \"file\"\npath = \"in.csv\"\nschema = { name = \"utf8\" }\n";
    let sink = "[sinks.out]\ninput = \"log\"\nconnector = \"blackhole\"\n";
    let (passed, said) = weir(folder.path(), &format!("{source}{sink}"), &["run", "p.toml"]);
    let why = "in.csv:2: column \"name\" is not UTF-8 (a file in Latin-1 needs `encoding = \"windows-1252\"`)";
    assert!(!passed && said.contains(why), "{said}");
    let (passed, said) =
        weir(folder.path(), &format!("{source}encoding = \"windows-1252\"\n{sink}"), &["run", "p.toml"]);
    assert!(passed, "{said}");
}

#[test]
fn a_header_without_a_column_is_told_at_the_schema_with_its_names() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.csv"), "at,path,latency\n1,/,2\n").unwrap();
    let source =
        "[sources.log]\nconnector = \"file\"\npath = \"in.csv\"\nschema = { at = \"int64\", latncy = \"int64\" }\n";
    let sink = "[sinks.out]\ninput = \"log\"\nconnector = \"blackhole\"\n";
    let (passed, said) = weir(folder.path(), &format!("{source}{sink}"), &["check", "p.toml"]);
    let why = "in.csv: its header has no column \"latncy\"; did you mean \"latency\"?; it has at, path, latency";
    assert!(!passed && said.contains(why) && said.contains("p.toml:5:10"), "{said}");
}

#[test]
fn parts_of_a_folder_may_be_the_jobs_own() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("app.log"), "a\n").unwrap();
    let pipeline = format!("{LOG}{OUT}");
    let run = ["run", "p.toml", "--checkpoint-dir", "state"];
    let (passed, said) = weir(folder.path(), &pipeline, &run);
    assert!(passed, "{said}");
    let (passed, said) = weir(folder.path(), &pipeline, &["check", "p.toml"]);
    let why = "if it is of this job, set dir in [checkpoint], or --checkpoint-dir, to its checkpoints";
    assert!(!passed && said.contains("out/ has 1 part of another run") && said.contains(why), "{said}");
    let (passed, said) = weir(folder.path(), &pipeline, &["check", "p.toml", "--checkpoint-dir", "state"]);
    assert!(passed, "{said}");
}
