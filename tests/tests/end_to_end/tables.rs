//! Files that hold a table, and runs that give out only final results: what is there is what applying every change gives.

use std::collections::BTreeMap;
use std::path::Path;

use crate::checkpoint_folder::checkpoints;
use crate::harness::{PARALLELISM, run, sorted_rows, weir};
use crate::running::Running;

/// Sales of some shops, whose totals are taken back again and again, and which leave the table when they are too great.
const TOTALS: &str = r#"
name = "totals"
batch-rows = 7
[sources.bids]
connector = "nexmark"
table = "bid"
events = 20000
event-time = "ts"
[selects.sales]
input = "bids"
columns = [{ shop = "auction % 37" }, { amount = "price % 1000" }]
[aggregates.all-totals]
input = "sales"
key-by = ["shop"]
aggregates = { n = "count", total = { sum = "amount" } }
[filters.totals]
input = "all-totals"
where = "total % 3 > 0"
"#;

fn sink(name: &str, rest: &str) -> String {
    format!("[sinks.{name}]\ninput = \"totals\"\nconnector = \"file\"\n{rest}\n")
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

/// The table, made of its changes.
fn expected() -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changes.toml");
    write(&path, &format!("{TOTALS}{}", sink("out", "path = \"changes.csv\"\nchangelog = \"kinds\"")));
    run(&path, &[]);
    let changes = std::fs::read_to_string(folder.path().join("changes.csv")).unwrap();
    let mut rows: BTreeMap<String, i64> = BTreeMap::new();
    for line in changes.lines().skip(1) {
        let (kind, row) = line.split_once(',').unwrap();
        *rows.entry(row.to_owned()).or_default() += if matches!(kind, "+I" | "+U") { 1 } else { -1 };
    }
    assert!(rows.values().all(|count| matches!(count, 0 | 1)), "{rows:?}");
    let rows: Vec<String> = rows.into_iter().filter(|(_, count)| *count == 1).map(|(row, _)| row).collect();
    assert!((1..37).contains(&rows.len()), "{rows:?}");
    rows
}

#[test]
fn a_file_holds_the_rows_of_a_table() {
    let expected = expected();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for parallelism in PARALLELISM {
        for (file, batch) in [("table.csv", 7), ("table.csv", 1000), ("table.parquet", 50), ("table.jsonl.gz", 50)] {
            let path = at("table.toml");
            write(&path, &format!("{TOTALS}{}", sink("out", &format!("path = \"{file}\"\nchangelog = \"upsert\""))));
            let summary = run(&path, &[("parallelism", parallelism.to_string()), ("batch-rows", batch.to_string())]);
            assert_eq!(summary["sinks"][0]["rows"], expected.len(), "{file}");
            write(
                &at("read.toml"),
                &format!(
                    "[sources.in]\nconnector = \"file\"\npath = \"{file}\"\n[sinks.out]\ninput = \"in\"\nconnector = \"file\"\n\
                     path = \"read.csv\"\n"
                ),
            );
            run(&at("read.toml"), &[]);
            assert_eq!(sorted_rows(&at("read.csv")), expected, "{file} at parallelism {parallelism}");
        }
    }
}

#[test]
fn an_empty_table_is_a_file_without_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.toml");
    let none = TOTALS.replace("total % 3 > 0", "total < 0");
    write(&path, &format!("{none}{}", sink("out", "path = \"table.csv\"\nchangelog = \"upsert\"")));
    run(&path, &[]);
    assert_eq!(std::fs::read_to_string(folder.path().join("table.csv")).unwrap(), "shop,n,total\n");
}

/// Runs a pipeline with checkpoints and kills it some times when a checkpoint is complete; then runs it to its end. Looks at a file meanwhile.
fn run_with_kills(folder: &Path, pipeline: &Path, look: impl Fn()) {
    let start = |parallelism: usize| {
        let mut command = weir();
        command.arg("run").arg(pipeline).args(["--json", "--checkpoint-interval", "10ms", "--checkpoint-dir"]);
        command.arg(folder.join("state")).args(["--parallelism", &parallelism.to_string()]);
        command.args(["--set", "sources.bids.rate=10000"]);
        Running::start(&mut command)
    };
    let state = folder.join("state");
    std::fs::create_dir_all(&state).unwrap();
    let newest = || checkpoints(&state).first().map_or(0, |checkpoint| checkpoint.number);
    for parallelism in [2, 3, 1] {
        let before = newest();
        let mut running = start(parallelism);
        running.until("there are more checkpoints", |_| {
            look();
            newest() > before + 5
        });
        running.kill();
    }
    start(2).end().well().saying(&["resuming from checkpoint "]);
    look();
}

#[test]
fn the_file_of_a_table_is_whole_at_every_moment_and_after_kills() {
    let expected = expected();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.toml");
    write(&path, &format!("{TOTALS}{}", sink("out", "path = \"table.csv\"\nchangelog = \"upsert\"")));
    let table = folder.path().join("table.csv");
    run_with_kills(folder.path(), &path, || {
        if let Ok(text) = std::fs::read_to_string(&table) {
            assert!(text.starts_with("shop,n,total\n") && text.ends_with('\n'), "{text}");
            let keys: std::collections::BTreeSet<_> = text.lines().skip(1).map(|line| line.split(',').next()).collect();
            assert_eq!(keys.len(), text.lines().count() - 1, "a key is there twice: {text}");
        }
    });
    assert_eq!(sorted_rows(&table), expected);
    let left: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| std::path::Path::new(name).extension().is_some_and(|ending| ending == "tmp"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_table_that_takes_too_much_memory_ends_the_job_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.toml");
    let rest = "path = \"table.csv\"\nchangelog = \"upsert\"\nlimits = { state = \"1KiB\" }";
    write(&path, &format!("{TOTALS}{}", sink("out", rest)));
    let ended = Running::start(weir().arg("run").arg(&path)).end();
    ended.failed(&["\"out\" may keep 1024 bytes", "raise limits.state"]);
}

#[test]
fn rows_of_one_key_that_the_author_says_is_unique_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.toml");
    let pipeline = TOTALS.replace("[filters.totals]\ninput = \"all-totals\"\nwhere = \"total % 3 > 0\"", "").to_owned()
        + "[selects.totals]\ninput = \"all-totals\"\ncolumns = [{ half = \"shop % 2\" }, \"n\"]\n"
        + &sink("out", "path = \"table.csv\"\nchangelog = \"upsert\"\nkey = [\"half\"]");
    write(&path, &pipeline);
    Running::start(weir().arg("run").arg(&path)).end().failed(&["several rows of the table have the key"]);
}

#[test]
fn a_row_whose_insert_is_delivered_twice_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.toml");
    let rows = "rows = [{ row_kind = \"+I\", id = 1, v = 10 }, { row_kind = \"+I\", id = 1, v = 11 }]";
    let pipeline = format!("name = \"twice\"\n[sources.changes]\nconnector = \"collection\"\n{rows}\n")
        + "[changelogs.totals]\ninput = \"changes\"\nformat = \"kinds\"\nkey = [\"id\"]\n"
        + &sink("out", "path = \"table.csv\"\nchangelog = \"upsert\"");
    write(&path, &pipeline);
    Running::start(weir().arg("run").arg(&path)).end().failed(&["several rows of the table have the key", "1"]);
}

/// A topic may lack its beginning. What is made of it is wrong then, but the same for any batches, and right again when the rows have come.
#[test]
fn rows_that_are_taken_back_before_they_come_are_owed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("owed.toml");
    let row = |kind: &str, id: i64, v: i64| format!("{{ row_kind = \"{kind}\", g = \"x\", id = {id}, v = {v} }}");
    let run = |rows: &[String], batch_rows: &str| {
        let rows = rows.join(", ");
        let steps = "[changelogs.totals]\ninput = \"changes\"\nformat = \"kinds\"\n[aggregates.groups]\ninput = \"totals\"\nkey-by = [\"g\"]\n\
             aggregates = { n = \"count\", s = { sum = \"v\" }, least = { min = \"v\" }, most = { max = \"v\" }, all = { collect = \"v\" } }\n\
             [sinks.out]\ninput = \"groups\"\nconnector = \"file\"\npath = \"owed.json\"\nformat = \"json\"\n";
        let source = format!(
            "name = \"owed\"\nmode = \"final\"\n[sources.changes]\nconnector = \"collection\"\nrows = [{rows}]\n"
        );
        write(&path, &(source + steps));
        run(&path, &[("batch-rows", batch_rows.to_owned())]);
        std::fs::read_to_string(folder.path().join("owed.json")).unwrap()
    };
    let (owed, first, second) = (row("-D", 9, 5), row("+I", 1, 10), row("+I", 2, 11));
    let whole = [owed.clone(), first.clone(), second.clone(), row("+I", 9, 5)];
    for batch_rows in ["1", "2", "8192"] {
        let expected = "{\"g\":\"x\",\"n\":2,\"s\":21,\"least\":10,\"most\":11,\"all\":[10,11]}\n";
        assert_eq!(run(&whole, batch_rows), expected, "batches of {batch_rows}");
        let lacking = "{\"g\":\"x\",\"n\":1,\"s\":16,\"least\":10,\"most\":11,\"all\":[10,11]}\n";
        assert_eq!(run(&whole[..3], batch_rows), lacking, "batches of {batch_rows}");
    }
}

#[test]
fn only_the_final_table_is_given_out() {
    let expected = expected();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("final.toml");
    // A column that is left out is no key of what is written.
    let sinks = sink("out", "path = \"out.csv\"") + &sink("some", "path = \"some.csv\"\ncolumns = [\"n\"]");
    write(&path, &format!("mode = \"final\"\n{TOTALS}{sinks}"));
    let some: Vec<String> = {
        let mut some: Vec<String> = expected.iter().map(|row| row.split(',').nth(1).unwrap().to_owned()).collect();
        some.sort();
        some
    };
    for parallelism in PARALLELISM {
        run(&path, &[("parallelism", parallelism.to_string())]);
        assert_eq!(sorted_rows(&folder.path().join("out.csv")), expected);
        assert_eq!(sorted_rows(&folder.path().join("some.csv")), some);
    }
    run_with_kills(folder.path(), &path, || {});
    assert_eq!(sorted_rows(&folder.path().join("out.csv")), expected);
    // It has ended: run again, it changes nothing.
    let mut again = weir();
    again.arg("run").arg(&path).arg("--checkpoint-dir").arg(folder.path().join("state"));
    Running::start(&mut again).end().well();
    assert_eq!(sorted_rows(&folder.path().join("out.csv")), expected);
}

#[test]
fn windows_give_only_their_last_results() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let pipeline = |file: &str, rest: &str| {
        format!(
            r#"
name = "windows"
batch-rows = 50
[sources.bids]
connector = "nexmark"
table = "bid"
events = 20000
event-time = "ts"
watermark = {{ bounded-out-of-orderness = "1s" }}
[windows.per-second]
input = "bids"
key-by = ["auction"]
window = {{ tumbling = "1s" }}
aggregates = {{ n = "count", most = {{ max = "price" }} }}
{rest}
[sinks.out]
input = "per-second"
connector = "file"
path = "{file}"
"#
        )
    };
    write(&at("plain.toml"), &pipeline("plain.csv", ""));
    run(&at("plain.toml"), &[]);
    let expected = sorted_rows(&at("plain.csv"));
    for rules in [
        "trigger = { early = { rows = 1 } }",
        "trigger = { early = { rows = 2 } }\nmode = \"discarding\"",
        "trigger = { early = { rows = 1 } }\nmode = \"retracting\"",
        "emit = \"update\"",
        "emit = \"close\"",
        "allowed-lateness = \"1m\"",
    ] {
        write(&at("final.toml"), &format!("mode = \"final\"\n{}", pipeline("final.csv", rules)));
        for parallelism in PARALLELISM {
            run(&at("final.toml"), &[("parallelism", parallelism.to_string())]);
            assert_eq!(sorted_rows(&at("final.csv")), expected, "{rules} at parallelism {parallelism}");
        }
    }
}
