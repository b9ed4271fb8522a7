//! What `weir check` says of pipelines that are wrong, each in one way: the message, the place, what to do.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do its helpers")]

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
fn keys_and_values() {
    check(
        &[
            ("parallelism = 2", "parallelism = 2 2"),
            ("[sinks.out]", "[sinks.out"),
            ("parallelism = 2", "paralelism = 2"),
            ("parallelism = 2", "parallelism = 0"),
            ("parallelism = 2", "parallelism = 2000"),
            ("parallelism = 2", "parallelism = 8\nmax-parallelism = 4"),
            ("parallelism = 2", "parallelism = \"two\""),
            ("[sources.bids]", "[source.bids]"),
            ("[sources.bids]", "[sources.\"bi.ds\"]"),
            ("[sources.bids]", "[sources.\"\"]"),
            ("[sinks.out]", "[sinks.bids]"),
            ("connector = \"nexmark\"\n", ""),
            ("connector = \"nexmark\"", "conector = \"nexmark\""),
            ("{ bounded-out-of-orderness = \"4s\" }", "\"monotone\""),
            ("bounded-out-of-orderness", "bounded-out-of-order"),
            ("\"4s\"", "\"4 parsecs\""),
            ("table = \"bid\"", "on-error = \"dead-leter\""),
        ],
        &expect![[r#"
            error: string values must be quoted, expected literal string
             --> p.toml:2:15
              |
            2 | parallelism = 2 2
              |               ^^^

            error: unclosed table, expected `]`
              --> p.toml:19:11
               |
            19 | [sinks.out
               |           ^

            error: the pipeline file has no key "paralelism"
             --> p.toml:2:1
              |
            2 | paralelism = 2
              | ^^^^^^^^^^ did you mean "parallelism"?

            error: parallelism = 0 is out of range: it may be 1 to 256
             --> p.toml:2:15
              |
            2 | parallelism = 0
              |               ^

            error: parallelism = 2000 is out of range: it may be 1 to 256
             --> p.toml:2:15
              |
            2 | parallelism = 2000
              |               ^^^^

            error: parallelism = 8 is above max-parallelism = 4
             --> p.toml:2:15
              |
            2 | parallelism = 8
              |               ^

            error: parallelism must be a whole number, not a string
             --> p.toml:2:15
              |
            2 | parallelism = "two"
              |               ^^^^^

            error: the pipeline file has no key "source"
             --> p.toml:4:2
              |
            4 | [source.bids]
              |  ^^^^^^ did you mean "sources"?

            error: '.' cannot be in the name of a source: letters, digits, - and _ can
             --> p.toml:4:10
              |
            4 | [sources."bi.ds"]
              |          ^^^^^^^

            error: the name of a source cannot be empty
             --> p.toml:4:10
              |
            4 | [sources.""]
              |          ^^

            error: the name "bids" is taken: a source has it
              --> p.toml:19:8
               |
            19 | [sinks.bids]
               |        ^^^^

            error: [sources.bids] has no "connector", which it needs
             --> p.toml:4:10
              |
            4 | [sources.bids]
              |          ^^^^

            error: [sources.bids] has no "connector", which it needs
             --> p.toml:5:1
              |
            5 | conector = "nexmark"
              | ^^^^^^^^ is this meant to be "connector"?

            error: watermark cannot be "monotone": it can be monotonic
             --> p.toml:9:13
              |
            9 | watermark = "monotone"
              |             ^^^^^^^^^^ or { bounded-out-of-orderness = "10s" }

            error: [sources.bids.watermark] has no key "bounded-out-of-order"
             --> p.toml:9:15
              |
            9 | watermark = { bounded-out-of-order = "4s" }
              |               ^^^^^^^^^^^^^^^^^^^^ did you mean "bounded-out-of-orderness"?

            error: "4 parsecs" is no duration: unknown time unit "parsecs", supported units: ns, us/µs, ms, sec, min, hours, days, weeks, months, years (and few variations); write for example "500ms", "30s" or "1h 30m"
             --> p.toml:9:42
              |
            9 | watermark = { bounded-out-of-orderness = "4 parsecs" }
              |                                          ^^^^^^^^^^^

            error: on-error cannot be "dead-leter": it can be fail or skip or dead-letter
             --> p.toml:7:12
              |
            7 | on-error = "dead-leter"
              |            ^^^^^^^^^^^^ did you mean "dead-letter"?

        "#]],
    );
}

#[test]
fn windows_and_operators() {
    check(
        &[
            ("tumbling = \"1m\"", "tumbling = \"0s\""),
            ("tumbling = \"1m\"", "tumbling = \"1m\", offset = \"1m\""),
            ("tumbling = \"1m\"", "tumblin = \"1m\""),
            ("tumbling = \"1m\"", "tumbling = \"1m\", slide = \"10s\""),
            ("tumbling = \"1m\"", "sliding = \"1m\""),
            ("tumbling = \"1m\"", "session = \"1m\", offset = \"1s\""),
            ("\"count\"", "\"cuont\""),
            ("\"count\"", "\"avg\""),
            ("{ max = \"price\" }", "{ maximum = \"price\" }"),
            ("{ max = \"price\" }", "{ max = \"price\", min = \"price\" }"),
            ("aggregates.bids = \"count\"\naggregates.price = { max = \"price\" }\n", "aggregates = {}\n"),
            ("[sinks.out]", "[operators.o]\ninput = \"bids\"\n[sinks.out]"),
            (
                "[sinks.out]",
                "[operators.o]\ninput = \"bids\"\ncomponent = \"o.wasm\"\nconfig = { x = inf }\n[sinks.out]",
            ),
            (
                "[sinks.out]",
                "[operators.o]\ninput = \"bids\"\ncomponent = \"o.wasm\"\nlimits.memory = \"32 MB/s\"\n[sinks.out]",
            ),
            (
                "[sinks.out]",
                "[operators.o]\ninput = \"bids\"\ncomponent = \"o.wasm\"\nlimits.call-tme = \"1s\"\n[sinks.out]",
            ),
        ],
        &expect![[r#"
            error: the size of a window must be longer than zero
              --> p.toml:14:10
               |
            14 | window = { tumbling = "0s" }
               |          ^^^^^^^^^^^^^^^^^^^

            error: the offset of a window must be shorter than its size
              --> p.toml:14:10
               |
            14 | window = { tumbling = "1m", offset = "1m" }
               |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            error: [windows.per-minute.window] has no key "tumblin"
              --> p.toml:14:12
               |
            14 | window = { tumblin = "1m" }
               |            ^^^^^^^ did you mean "tumbling"?

            error: slide belongs to a sliding window
              --> p.toml:14:10
               |
            14 | window = { tumbling = "1m", slide = "10s" }
               |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ did you mean sliding instead of tumbling?

            error: a sliding window needs how far it slides
              --> p.toml:14:10
               |
            14 | window = { sliding = "1m" }
               |          ^^^^^^^^^^^^^^^^^^ add slide = ".."

            error: a session window has a gap only, no slide and no offset
              --> p.toml:14:10
               |
            14 | window = { session = "1m", offset = "1s" }
               |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            error: there is no aggregate "cuont"
              --> p.toml:16:19
               |
            16 | aggregates.bids = "cuont"
               |                   ^^^^^^^ did you mean "count"?

            error: avg is computed of a column
              --> p.toml:16:19
               |
            16 | aggregates.bids = "avg"
               |                   ^^^^^ write { avg = "COLUMN" }

            error: [windows.per-minute.aggregates.price] has no key "maximum"
              --> p.toml:17:22
               |
            17 | aggregates.price = { maximum = "price" }
               |                      ^^^^^^^ its keys are count, sum, min, max, avg, first, last, component

            error: an aggregate is one function of one column
              --> p.toml:17:20
               |
            17 | aggregates.price = { max = "price", min = "price" }
               |                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ for example { avg = "COLUMN" }

            error: a window needs at least one aggregate
              --> p.toml:16:14
               |
            16 | aggregates = {}
               |              ^^ for example aggregates.rows = "count"

            error: [operators.o] has no "component", which it needs
              --> p.toml:19:12
               |
            19 | [operators.o]
               |            ^

            error: inf is not finite, and a component's configuration is JSON, which has finite numbers only
              --> p.toml:22:16
               |
            22 | config = { x = inf }
               |                ^^^

            error: "32 MB/s" has no unit of size: they are B, kB, MB, GB, KiB, MiB, GiB
              --> p.toml:22:17
               |
            22 | limits.memory = "32 MB/s"
               |                 ^^^^^^^^^

            error: [operators.o.limits] has no key "call-tme"
              --> p.toml:22:8
               |
            22 | limits.call-tme = "1s"
               |        ^^^^^^^^ did you mean "call-time"?

        "#]],
    );
}

#[test]
fn the_graph() {
    check(
        &[
            ("input = \"per-minute\"", "input = \"per-minuet\""),
            ("input = \"per-minute\"", "input = \"bids.late\""),
            ("input = \"per-minute\"", "input = \"per-minute.lat\""),
            ("input = \"per-minute\"", "input = \"bids.dead-letter\""),
            ("input = \"per-minute\"", "input = [\"per-minute\", \"per-minute\"]"),
            ("input = \"per-minute\"", "input = []"),
            ("input = \"per-minute\"\n", ""),
            ("input = \"bids\"", "input = \"out\""),
            ("input = \"bids\"", "input = [\"bids\", \"per-minute\"]"),
            ("[sinks.out]\ninput = \"per-minute\"\nconnector = \"blackhole\"\n", ""),
        ],
        &expect![[r#"
            error: there is no stream "per-minuet"
              --> p.toml:20:9
               |
            20 | input = "per-minuet"
               |         ^^^^^^^^^^^^ did you mean "per-minute"?

            error: "bids" has no output "late": it has main, dead-letter
              --> p.toml:20:9
               |
            20 | input = "bids.late"
               |         ^^^^^^^^^^^

            error: "per-minute" has no output "lat": it has main, late, dead-letter
              --> p.toml:20:9
               |
            20 | input = "per-minute.lat"
               |         ^^^^^^^^^^^^^^^^ did you mean "late"?

            error: "bids" makes no dead letters
              --> p.toml:20:9
               |
            20 | input = "bids.dead-letter"
               |         ^^^^^^^^^^^^^^^^^^ set its on-error to "dead-letter"

            error: input names "per-minute" twice: its rows would be doubled
              --> p.toml:20:24
               |
            20 | input = ["per-minute", "per-minute"]
               |                        ^^^^^^^^^^^^

            error: input names no stream
              --> p.toml:20:9
               |
            20 | input = []
               |         ^^

            error: [sinks.out] has no "input", which it needs
              --> p.toml:19:8
               |
            19 | [sinks.out]
               |        ^^^

            error: "out" is a sink, and nothing comes out of a sink
              --> p.toml:12:9
               |
            12 | input = "out"
               |         ^^^^^

            error: streams go round in a circle: per-minute -> per-minute
              --> p.toml:12:18
               |
            12 | input = ["bids", "per-minute"]
               |                  ^^^^^^^^^^^^ a pipeline flows from sources to sinks

            error: the pipeline has no sink
             --> p.toml
              = add a table [sinks.NAME]

        "#]],
    );
}

#[test]
fn what_only_connectors_and_components_know() {
    check(
        &[
            ("\"nexmark\"", "\"nexmrak\""),
            ("\"blackhole\"", "\"blckhole\""),
            ("table = \"bid\"", "tabel = \"bid\""),
            ("key-by = [\"auction\"]", "key-by = [\"action\"]"),
            ("{ max = \"price\" }", "{ max = \"prize\" }"),
            ("event-time = \"ts\"", "event-time = \"date\""),
            ("input = \"per-minute\"", "input = [\"per-minute\", \"bids\"]"),
            ("\"blackhole\"", "\"kafka\"\nbrokers = \"localhost:1\"\ntopic = \"t\"\nkey = \"auctoin\""),
            ("[sinks.out]", "[operators.o]\ninput = \"bids\"\ncomponent = \"o.wasm\"\n[sinks.out]"),
        ],
        &expect![[r#"
            error: there is no connector named "nexmrak"; did you mean "nexmark"?
             --> p.toml:5:13
              |
            5 | connector = "nexmrak"
              |             ^^^^^^^^^

            error: there is no connector named "blckhole"; did you mean "blackhole"?
              --> p.toml:21:13
               |
            21 | connector = "blckhole"
               |             ^^^^^^^^^^

            error: unknown field `tabel`, expected one of `table`, `events`, `rate`; did you mean "table"?
             --> p.toml:7:1
              |
            7 | tabel = "bid"
              | ^^^^^

            error: there is no column "action"; did you mean "auction"?; the columns are auction, bidder, price, ts, extra
              --> p.toml:13:11
               |
            13 | key-by = ["action"]
               |           ^^^^^^^^

            error: there is no column "prize"; did you mean "price"?; the columns are auction, bidder, price, ts, extra
              --> p.toml:17:28
               |
            17 | aggregates.price = { max = "prize" }
               |                            ^^^^^^^

            error: there is no column "date"; the columns are auction, bidder, price, ts, extra
             --> p.toml:8:14
              |
            8 | event-time = "date"
              |              ^^^^^^

            error: the inputs of "out" have different columns: auction int64, window_start timestamp(us, UTC), window_end timestamp(us, UTC), bids int64, price int64 and auction int64, bidder int64, price int64, ts timestamp(ms, UTC), extra utf8
              --> p.toml:20:24
               |
            20 | input = ["per-minute", "bids"]
               |                        ^^^^^^

            error: `key` names the column "auctoin", which there is not; did you mean "auction"?
              --> p.toml:21:13
               |
            21 | connector = "kafka"
               |             ^^^^^^^

            error: there is no component "o.wasm"; build it first (`weir build`), or correct the path
              --> p.toml:21:13
               |
            21 | component = "o.wasm"
               |             ^^^^^^^^

        "#]],
    );
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
fn files_that_are_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let (passed, stderr) = weir(folder.path(), &["check", "nowhere.toml"]);
    assert!(!passed);
    expect![[r#"
        error: cannot read nowhere.toml
          because No such file or directory (os error 2)
    "#]]
    .assert_eq(&stderr);
}

#[test]
fn a_sink_does_not_write_what_the_same_job_reads() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    std::fs::write(folder.path().join("in/a.jsonl"), "{\"n\":1}\n").unwrap();
    for (source, sink, is_right) in [
        ("in/", "in/", false),
        ("in/", "in/a.jsonl", false),
        ("in/", "in/b.jsonl", false),
        ("in/a.jsonl", "in/a.jsonl", false),
        ("in/a.jsonl", "in/b.jsonl", true),
        ("in/", "out/", true),
    ] {
        let pipeline = format!(
            "name = \"copy\"\n[sources.s]\nconnector = \"file\"\npath = {source:?}\nformat = \"json\"\n\
             [sinks.o]\ninput = \"s\"\nconnector = \"file\"\npath = {sink:?}\nformat = \"json\"\n"
        );
        std::fs::write(folder.path().join("p.toml"), pipeline).unwrap();
        let (passed, stderr) = weir(folder.path(), &["check", "p.toml"]);
        assert_eq!(passed, is_right, "from {source} into {sink}: {stderr}");
        assert!(passed || stderr.contains("\"s\" reads"), "{stderr}");
    }
}

#[test]
fn two_sinks_are_not_known_by_one_id() {
    let folder = tempfile::tempdir().unwrap();
    let keeps = "[checkpoint]\ndir = \"state\"\n";
    for (second, checkpoints, is_right) in [
        ("topic = \"t\"", keeps, false),
        ("topic = \"t\"", "", true),
        ("topic = \"u\"\ntransactional-id = \"weir-prices-t\"", keeps, false),
        ("topic = \"u\"", keeps, true),
        ("topic = \"t\"\ndelivery = \"at-least-once\"", keeps, true),
    ] {
        let kafka = "connector = \"kafka\"\nbrokers = \"localhost:1\"\n";
        let again =
            format!("{kafka}topic = \"t\"\n[sinks.again]\ninput = \"per-minute\"\n{kafka}{second}\n{checkpoints}");
        std::fs::write(folder.path().join("p.toml"), RIGHT.replace("connector = \"blackhole\"\n", &again)).unwrap();
        let (passed, stderr) = weir(folder.path(), &["check", "p.toml"]);
        assert_eq!(passed, is_right, "{second}: {stderr}");
        let reason = "\"out\" has the `transactional-id` \"weir-prices-t\" at localhost:1, and so has \"again\"";
        assert!(passed || stderr.contains(reason), "{stderr}");
    }
}
