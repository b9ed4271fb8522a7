//! Runs over what is there: `--once`, and `--every`. Together they read every row once, and windows stay open from one run to the next.

use std::path::Path;

use weir_tests::kafka_topic::{read_committed, send};

use crate::harness::{PARALLELISM, broker, sorted_rows, weir};
use crate::running::Running;

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

const PER_MINUTE: &str = r#"
name = "per-minute"
[sources.orders]
connector = "file"
path = "in/*.csv"
follow = true
schema = { at = "timestamp(ms, UTC)", amount = "int64" }
event-time = "at"
[windows.per-minute]
input = "orders"
window = { tumbling = "1m" }
aggregates = { orders = "count", total = { sum = "amount" } }
[sinks.out]
input = "per-minute"
connector = "file"
path = "out/"
format = "csv"
"#;

/// Orders of a minute: one per ten seconds.
fn orders(minute: u32) -> String {
    let line = |second: u32| format!("2026-01-05T09:{minute:02}:{second:02}Z,{}\n", minute * 100 + second);
    std::iter::once("at,amount\n".to_owned()).chain((0..60).step_by(10).map(line)).collect()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    write(&folder.path().join("p.toml"), PER_MINUTE);
    write(&folder.path().join("in/a.csv"), &orders(1));
    folder
}

/// All rows of the parts of a folder.
fn parts(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let parts = paths.filter(|path| path.extension().is_some_and(|ending| ending == "csv"));
    let mut rows: Vec<String> = parts.flat_map(|path| sorted_rows(&path)).collect();
    rows.sort();
    rows
}

fn result(minute: u32) -> String {
    let total: u32 = (0..60).step_by(10).map(|second| minute * 100 + second).sum();
    format!("2026-01-05T09:{minute:02}:00Z,2026-01-05T09:{:02}:00Z,6,{total}", minute + 1)
}

#[test]
fn what_is_there_is_read_and_windows_stay_open_until_the_next_run() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let once = || {
        let mut command = weir();
        command.arg("run").arg(at("p.toml")).arg("--once").arg("--checkpoint-dir").arg(at("state"));
        Running::start(&mut command).end().well()
    };
    once().saying(&["is complete: the same command resumes from there"]);
    assert_eq!(parts(&at("out")), Vec::<String>::new(), "the window is open");
    write(&at("in/b.csv"), &orders(2));
    write(&at("in/c.csv"), &orders(3));
    once().saying(&["resuming from checkpoint"]);
    assert_eq!(parts(&at("out")), [result(1), result(2)]);
    // Nothing has come.
    once();
    assert_eq!(parts(&at("out")), [result(1), result(2)]);
    write(&at("in/d.csv"), &orders(4));
    once();
    assert_eq!(parts(&at("out")), [1, 2, 3].map(result));
}

#[test]
fn without_checkpoints_the_input_ends() {
    let folder = folder();
    write(&folder.path().join("in/b.csv"), &orders(2));
    Running::start(weir().arg("run").arg(folder.path().join("p.toml")).arg("--once")).end().well();
    assert_eq!(parts(&folder.path().join("out")), [1, 2].map(result));
}

#[test]
fn subtasks_that_get_no_rows_hold_up_no_end() {
    let folder = folder();
    write(&folder.path().join("in/a.csv"), "at,amount\n");
    let mut command = weir();
    command.arg("run").arg(folder.path().join("p.toml")).args(["--once", "--parallelism", "3"]);
    Running::start(&mut command).end().well();
    assert_eq!(parts(&folder.path().join("out")), Vec::<String>::new());
}

#[test]
fn runs_follow_each_other_on_a_schedule_until_interrupted() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let mut command = weir();
    command.arg("run").arg(at("p.toml")).args(["--every", "200ms", "--checkpoint-dir"]).arg(at("state"));
    let mut running = Running::start(&mut command);
    // Whole, and one after the other: files are read in the order in which they were written.
    for (minute, name) in [(2, "b"), (3, "c"), (4, "d")] {
        let runs = running.said().matches("the same command").count();
        running.until("a run is over", |running| running.said().matches("the same command").count() > runs);
        write(&at("new.csv"), &orders(minute));
        std::fs::rename(at("new.csv"), at(&format!("in/{name}.csv"))).unwrap();
        running.until("the window before is there", |_| parts(&at("out")).contains(&result(minute - 1)));
    }
    running.until("it waits", |running| running.said().matches("is complete: the same command").count() > 3);
    running.signal("INT");
    running.end().well();
    assert_eq!(parts(&at("out")), [1, 2, 3].map(result));
}

#[test]
fn what_does_not_fit_is_refused() {
    let folder = folder();
    let path = folder.path().join("p.toml");
    let start = |args: &[&str]| Running::start(weir().arg("run").arg(&path).args(args)).end();
    start(&["--every", "10m"]).failed(&["--every needs checkpoints"]);
    let ended = start(&["--every", "10m", "--once"]);
    assert_eq!(ended.code, Some(2), "{}", ended.said);
    assert_eq!(start(&["--every", "0s"]).code, Some(2));
    write(
        &path,
        "[sources.bids]\nconnector = \"nexmark\"\ntable = \"bid\"\nrate = 10\n[sinks.out]\ninput = \"bids\"\nconnector = \"blackhole\"\n",
    );
    start(&["--once"]).failed(&["\"bids\" never ends, and does not know what is there now"]);
}

#[test]
fn topics_are_read_up_to_their_ends() {
    let Some(broker) = broker() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.toml");
    broker.create_topic("once-from", 3, &[]);
    broker.create_topic("once-to", 1, &[]);
    let address = broker.address();
    let kafka = |topic: &str| format!("connector = \"kafka\"\nbrokers = \"{address}\"\ntopic = \"{topic}\"\n");
    write(
        &path,
        &format!(
            "name = \"once\"\n[sources.in]\n{}schema = {{ n = \"int64\" }}\n[sinks.out]\ninput = \"in\"\n{}",
            kafka("once-from"),
            kafka("once-to")
        ),
    );
    let mut expected = Vec::new();
    for (run, parallelism) in PARALLELISM.into_iter().enumerate() {
        let values: Vec<String> = (0..5000).map(|n| format!("{{\"n\":{}}}", run * 5000 + n)).collect();
        send(broker, "once-from", 3, values.iter().map(String::as_str)).unwrap();
        expected.extend(values);
        let mut command = weir();
        command.arg("run").arg(&path).args(["--once", "--parallelism", &parallelism.to_string()]);
        command.arg("--checkpoint-dir").arg(folder.path().join("state"));
        Running::start(&mut command).end().well();
        let mut now = expected.clone();
        now.sort();
        assert!(read_committed(broker, "once-to").unwrap() == now, "after run {run}");
    }
}

#[test]
fn a_table_that_a_checkpoint_does_not_have_is_refused() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let totals = PER_MINUTE.split("[windows").next().unwrap().to_owned()
        + "[aggregates.totals]\ninput = \"orders\"\naggregates = { n = \"count\" }\n\
           [sinks.out]\ninput = \"totals\"\nconnector = \"blackhole\"\n";
    let table =
        "[sinks.table]\ninput = \"totals\"\nconnector = \"file\"\npath = \"table.csv\"\nchangelog = \"upsert\"\n";
    let once = |text: &str, state: &str| {
        write(&at("p.toml"), text);
        Running::start(weir().arg("run").arg(at("p.toml")).arg("--once").arg("--checkpoint-dir").arg(at(state))).end()
    };
    once(&totals, "state").well();
    write(&at("in/b.csv"), &orders(2));
    once(&format!("{totals}{table}"), "state").failed(&["the checkpoint does not have its rows"]);
    once(&format!("{totals}{table}"), "new").well();
    assert_eq!(sorted_rows(&at("table.csv")), ["12"]);
    write(&at("in/c.csv"), &orders(3));
    once(&format!("{totals}{table}"), "new").well();
    assert_eq!(sorted_rows(&at("table.csv")), ["18"]);
    once(&totals, "new").failed(&["discard"]);
}
