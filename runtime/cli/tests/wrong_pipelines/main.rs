//! What `weir check` says of pipelines that are wrong, each in one way: the message, the place, what to do.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do its helpers")]

mod columns;
mod expressions;
mod files;
mod graph;
mod names;
mod steps;
mod values;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use expect_test::{Expect, expect};

const RIGHT: &str = r#"name = "prices"
parallelism = 2

[sources.bids]
connector = "nexmark"
events = 1000
table = "bid"
event-time = "ts"
watermark = { bounded-out-of-orderness = "4s" }

[windows.per-minute]
input = "bids"
key-by = ["auction"]
window = { tumbling = "1m" }
allowed-lateness = "10s"
aggregates.bids = "count"
aggregates.price = { max = "price" }

[sinks.out]
input = "per-minute"
connector = "blackhole"
"#;

fn weir(folder: &Path, args: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_weir"))
        .current_dir(folder)
        .env("WEIR_CACHE_DIR", folder.join("cache"))
        .args(args)
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap().replace('\r', ""))
}

/// Checks the right pipeline with one text in it replaced by another; every place must be wrong in a way of its own.
fn check(cases: &[(&str, &str)], expect: &Expect) {
    let folder = tempfile::tempdir().unwrap();
    let mut said = String::new();
    for (right, wrong) in cases {
        assert!(RIGHT.contains(right), "{right:?} is not in the pipeline");
        std::fs::write(folder.path().join("p.toml"), RIGHT.replacen(right, wrong, 1)).unwrap();
        let (passed, stderr) = weir(folder.path(), &["check", "p.toml"]);
        assert!(!passed, "{wrong:?} passed: {stderr}");
        let _ = writeln!(said, "{stderr}");
    }
    expect.assert_eq(&said);
}

#[test]
fn the_right_pipeline_passes() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("p.toml"), RIGHT).unwrap();
    let output =
        Command::new(env!("CARGO_BIN_EXE_weir")).current_dir(folder.path()).args(["check", "p.toml"]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    expect![[r#"
        prices can run

        node        kind    subtasks  chain  reads
        bids        source  2         0
        per-minute  window  2         1      bids (hash)
        out         sink    2         1      per-minute (forward)

        bids: auction int64, price int64, ts timestamp(ms, UTC) (not read: bidder, extra)
        per-minute: auction int64, window_start timestamp(us, UTC), window_end timestamp(us, UTC), bids int64, price int64
        per-minute.late: not read
    "#]].assert_eq(&String::from_utf8(output.stdout).unwrap());
}

#[test]
fn several_mistakes_are_told_at_once() {
    let (right, wrong) = (
        "parallelism = 2\n\n[sources.bids]\nconnector = \"nexmark\"",
        "paralelism = 2\nlinger = 5\n\n[sources.bids]\nconnector = [1]",
    );
    check(
        &[(right, wrong)],
        &expect![[r#"
            error: the pipeline file has no key "paralelism"
             --> p.toml:2:1
              |
            2 | paralelism = 2
              | ^^^^^^^^^^ did you mean "parallelism"?

            error: linger must be a duration in quotes, such as "500ms", not a whole number
             --> p.toml:3:10
              |
            3 | linger = 5
              |          ^

            error: sources.bids.connector must be a string, not a list
             --> p.toml:6:13
              |
            6 | connector = [1]
              |             ^^^

        "#]],
    );
}
