//! `weir run` with checkpoints: what a later run knows of an earlier one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do its helpers")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;

fn weir(folder: &Path, pipeline: &str, args: &[&str]) -> Command {
    fs::write(folder.join("p.toml"), pipeline).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.current_dir(folder).env("WEIR_CACHE_DIR", folder.join("cache"));
    command.args(["run", "p.toml", "--checkpoint-dir", "state"]).args(args);
    command
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn windows(aggregates: &str) -> String {
    format!(
        "name = \"w\"\n[sources.s]\nconnector = \"file\"\npath = \"in.csv\"\nevent-time = \"t\"\nwatermark = \"monotonic\"\n\
         [windows.w]\ninput = \"s\"\nwindow = {{ tumbling = \"1s\" }}\n{aggregates}\n\
         [sinks.out]\ninput = \"w\"\nconnector = \"file\"\npath = \"out.csv\"\ncolumns = [\"n\", \"x\"]\n"
    )
}

const ROWS: &str = "t,a,b\n1704067200000,1,2\n1704067201000,3,4\n1704067200500,5,6\n1704067205000,7,8\n";

#[test]
fn late_rows_are_counted_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.csv"), ROWS).unwrap();
    for parallelism in ["1", "3"] {
        let args = ["--fail-on-late", "10", "--parallelism", parallelism];
        let output = weir(folder.path(), &windows("aggregates.n = \"count\"\naggregates.x = { sum = \"a\" }"), &args)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert!(
            said(&output).contains("25.0% of the rows of w came late, and --fail-on-late tolerates 10%"),
            "{output:?}"
        );
    }
}

#[test]
fn aggregates_in_another_order_continue_and_others_of_the_same_name_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.csv"), ROWS).unwrap();
    let first = weir(folder.path(), &windows("aggregates.x = { sum = \"a\" }\naggregates.n = \"count\""), &[])
        .output()
        .unwrap();
    assert!(first.status.success(), "{first:?}");
    for (aggregates, refused) in [
        ("aggregates.n = \"count\"\naggregates.x = { sum = \"a\" }", None),
        (
            "aggregates.x = { sum = \"b\" }\naggregates.n = \"count\"",
            Some("the aggregate \"x\" was the sum of a, but now it is the sum of b"),
        ),
        (
            "aggregates.n = { count = \"a\" }\naggregates.x = { sum = \"a\" }",
            Some("\"n\" was the count of rows, but now it is the count of a"),
        ),
    ] {
        let output = weir(folder.path(), &windows(aggregates), &[]).output().unwrap();
        assert_eq!(output.status.success(), refused.is_none(), "{output:?}");
        assert!(said(&output).contains(refused.unwrap_or("the job had ended")), "{output:?}");
        // As `check` says before.
        let mut check = Command::new(env!("CARGO_BIN_EXE_weir"));
        check.current_dir(folder.path()).env("WEIR_CACHE_DIR", folder.path().join("cache"));
        let checked = check.args(["check", "p.toml", "--checkpoint-dir", "state"]).output().unwrap();
        assert_eq!(checked.status.success(), refused.is_none(), "{checked:?}");
        assert!(said(&checked).contains(refused.unwrap_or("the job had ended")), "{checked:?}");
    }
}

const EVENTS: &str = "name = \"e\"\n[sources.s]\nconnector = \"nexmark\"\ntable = \"bid\"\nevents = 1000\nrate = RATE\n\
                      [sinks.out]\ninput = \"s\"\nconnector = \"blackhole\"\n";

#[test]
fn a_run_that_begins_again_and_is_killed_before_its_first_checkpoint_begins_again() {
    let folder = tempfile::tempdir().unwrap();
    let rows = |args: &[&str]| {
        let output =
            weir(folder.path(), &EVENTS.replace("RATE", "100000"), &[&["--json"], args].concat()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        (summary["rows-in"].as_u64().unwrap(), said(&output))
    };
    assert_eq!(rows(&[]).0, 920);
    assert_eq!(rows(&[]).0, 0);
    let mut killed = weir(folder.path(), &EVENTS.replace("RATE", "100"), &["--again"]).spawn().unwrap();
    std::thread::park_timeout(Duration::from_secs(2));
    killed.kill().unwrap();
    killed.wait().unwrap();
    let (again, said) = rows(&[]);
    assert_eq!(again, 920);
    assert!(
        said.contains("the last run began at the beginning of its input and ended before its first checkpoint"),
        "{said}"
    );
    assert_eq!(rows(&[]).0, 0);
}
