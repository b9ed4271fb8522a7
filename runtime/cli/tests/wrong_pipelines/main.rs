//! What `weir check` says of pipelines that are wrong, each in one way: the message, the place, what to do.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do its helpers")]

mod columns;
mod expressions;
mod files;
mod graph;
mod joins;
mod names;
mod rolling;
mod steps;
mod updating;
mod upserts;
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
    check_text(RIGHT, cases, expect);
}

/// As [`check`], with another pipeline that is right.
fn check_text(text: &str, cases: &[(&str, &str)], expect: &Expect) {
    let folder = tempfile::tempdir().unwrap();
    let mut said = String::new();
    for (right, wrong) in cases {
        assert!(text.contains(right), "{right:?} is not in the pipeline");
        std::fs::write(folder.path().join("p.toml"), text.replacen(right, wrong, 1)).unwrap();
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

        bids: auction int64, price int64, ts timestamp(ms, UTC) (not read: bidder, extra, channel, url)
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

#[test]
fn mistakes_of_one_table_and_of_several_are_told_at_once() {
    check(
        &[
            (
                "table = \"bid\"\nevent-time = \"ts\"\nwatermark = { bounded-out-of-orderness = \"4s\" }\n\n[windows.per-minute]\ninput = \"bids\"",
                "event-time = { colum = \"ts\", unit = \"h\" }\nwatermark = { bounded = \"4s\", idle-after = \"4x\" }\non-error = 5\n\n\
                 [windows.per-minute]\ninput = \"bid\"\nkeyby = [\"auction\"]\nlimits = { memory = \"1MiB\", state = \"1\" }",
            ),
            ("table = \"bid\"\nevent-time = \"ts\"", "tabel = \"bid\"\nrates = 5\nevent-time = \"ts\""),
            (
                "key-by = [\"auction\"]\nwindow = { tumbling = \"1m\" }\nallowed-lateness = \"10s\"\naggregates.bids = \"count\"\naggregates.price = { max = \"price\" }\n",
                "key-by = [\"action\", \"biddr\"]\nwindow = { tumbling = \"1m\" }\naggregates.least = { min = \"prise\" }\naggregates.price = { max = \"prize\" }\n",
            ),
        ],
        &expect![[r#"
            error: [sources.bids.event-time] has no key "colum"
             --> p.toml:7:16
              |
            7 | event-time = { colum = "ts", unit = "h" }
              |                ^^^^^ did you mean "column"?

            error: unit cannot be "h": it can be s or ms or us or ns
             --> p.toml:7:37
              |
            7 | event-time = { colum = "ts", unit = "h" }
              |                                     ^^^

            error: [sources.bids.watermark] has no key "bounded"
             --> p.toml:8:15
              |
            8 | watermark = { bounded = "4s", idle-after = "4x" }
              |               ^^^^^^^ its keys are monotonic, bounded-out-of-orderness, column, idle-after, max-drift

            error: "4x" is not a duration: there is no unit "x"; they are us, ms, s, m, h, d and w; write for example "500ms", "30s" or "1h 30m"
             --> p.toml:8:44
              |
            8 | watermark = { bounded = "4s", idle-after = "4x" }
              |                                            ^^^^

            error: sources.bids.on-error must be a string, not a whole number
             --> p.toml:9:12
              |
            9 | on-error = 5
              |            ^

            error: there is no stream "bid"
              --> p.toml:12:9
               |
            12 | input = "bid"
               |         ^^^^^ did you mean "bids"?

            error: [windows.per-minute] has no key "keyby"
              --> p.toml:13:1
               |
            13 | keyby = ["auction"]
               | ^^^^^ did you mean "key-by"?

            error: [windows.per-minute.limits] has no key "memory"
              --> p.toml:14:12
               |
            14 | limits = { memory = "1MiB", state = "1" }
               |            ^^^^^^ its keys are state

            error: "1" has no unit of size: they are B, kB, MB, GB, TB, KiB, MiB, GiB, TiB
              --> p.toml:14:37
               |
            14 | limits = { memory = "1MiB", state = "1" }
               |                                     ^^^

            error: there is no key "tabel" here; did you mean "table"?; the keys are table, events, rate, connector, event-time, watermark, future-max, on-error
             --> p.toml:7:1
              |
            7 | tabel = "bid"
              | ^^^^^

            error: there is no key "rates" here; did you mean "rate"?; the keys are table, events, rate, connector, event-time, watermark, future-max, on-error
             --> p.toml:8:1
              |
            8 | rates = 5
              | ^^^^^

            error: there is no column "action"; did you mean "auction"?; the columns are auction, bidder, price, ts, extra, channel, url
              --> p.toml:13:11
               |
            13 | key-by = ["action", "biddr"]
               |           ^^^^^^^^

            error: there is no column "biddr"; did you mean "bidder"?; the columns are auction, bidder, price, ts, extra, channel, url
              --> p.toml:13:21
               |
            13 | key-by = ["action", "biddr"]
               |                     ^^^^^^^

            error: there is no column "prise"; did you mean "price"?; the columns are auction, bidder, price, ts, extra, channel, url
              --> p.toml:15:28
               |
            15 | aggregates.least = { min = "prise" }
               |                            ^^^^^^^

            error: there is no column "prize"; did you mean "price"?; the columns are auction, bidder, price, ts, extra, channel, url
              --> p.toml:16:28
               |
            16 | aggregates.price = { max = "prize" }
               |                            ^^^^^^^

        "#]],
    );
}

#[test]
fn mistakes_of_the_file_hide_none_of_connectors_and_columns() {
    check(
        &[(
            "[windows.per-minute]\ninput = \"bids\"",
            "[filters.wrong]\ninput = \"bid\"\nwhere = \"price > > 1\"\n[filters.large]\ninput = \"bids\"\nwhere = \"prize > 1\"\n\
             [sinks.more]\ninput = \"large\"\nconnector = \"blackhol\"\n[sinks.unread]\ninput = \"per-minute\"\nconnector = \"file\"\n\
             [windows.per-minute]\ninput = \"bids\"\nkeys = 5",
        )],
        &expect![[r#"
            error: there is no stream "bid"
              --> p.toml:12:9
               |
            12 | input = "bid"
               |         ^^^^^ did you mean "bids"?

            error: the expression cannot be read: expected an expression, found >
              --> p.toml:13:18
               |
            13 | where = "price > > 1"
               |                  ^

            error: there is no column "prize"; did you mean "price"?; the columns are auction, bidder, price, ts, extra, channel, url
              --> p.toml:16:10
               |
            16 | where = "prize > 1"
               |          ^^^^^

            error: there is no connector named "blackhol"; did you mean "blackhole"?; the connectors are blackhole, console, file, kafka, stdout
              --> p.toml:19:13
               |
            19 | connector = "blackhol"
               |             ^^^^^^^^^^

            error: the connector needs a key "path"
              --> p.toml:20:1
               |
            20 | [sinks.unread]
               | ^^^^^^^^^^^^^^

            error: [windows.per-minute] has no key "keys"
              --> p.toml:25:1
               |
            25 | keys = 5
               | ^^^^ its keys are input, key-by, window, time, trigger, emit, mode, evict, suppress, pane, result-time, allowed-lateness, aggregates, on-error, limits

        "#]],
    );
}
