//! `weir checkpoint`: what it prints of checkpoints, whole and damaged, and what it exports.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do its helpers")]

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use expect_test::expect;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use weir_core::connector::{Committable, Prepared, SinkReport};
use weir_state::checkpoint::{CheckpointStore, Completion};
use weir_state::{Snapshot, SplitSnapshot, StateTable, SubtaskSnapshot};

/// 2023-11-14T22:13:20Z
const START_US: i64 = 1_700_000_000_000_000;

fn weir(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.current_dir(folder).env("WEIR_CACHE_DIR", folder.join("cache")).args(args).output().unwrap()
}

/// What a command prints as its result, if it succeeds.
fn told(folder: &Path, args: &[&str]) -> String {
    let output = weir(folder, args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a command says when it fails.
fn refused(folder: &Path, args: &[&str]) -> String {
    let output = weir(folder, args);
    assert!(!output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn panes(seed: i64) -> RecordBatch {
    let start: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![START_US, START_US]).with_timezone("UTC"));
    let columns: [(&str, ArrayRef); 3] = [
        ("customer", Arc::new(StringArray::from(vec![Some("zoë"), None]))),
        ("start", start),
        ("orders", Arc::new(Int64Array::from(vec![seed, seed + 1]))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
}

fn subtask(number: usize, seed: i64) -> SubtaskSnapshot {
    let table = |name: &str, key_group, rows| StateTable { name: name.to_owned(), key_group, rows };
    let (group, count) = (Some(number as u32), number as i64);
    let timer = RecordBatch::try_from_iter([("timer_time", Arc::new(Int64Array::from(vec![seed])) as ArrayRef)]);
    let window = vec![
        table("panes", group, panes(seed)),
        table("timers", group, timer.unwrap()),
        table("progress", None, panes(0)),
    ];
    let split = SplitSnapshot {
        split: format!("part-{number}.csv"),
        index: number,
        offset: json!({ "byte": 100 * seed }),
        max_event_time: START_US + 60_000_000 * count,
        event_time: None,
        ended: false,
    };
    let sink = Prepared {
        commit: vec![Committable { value: json!({ "part": seed }), rows: Some(panes(seed)) }],
        state: Value::Null,
        report: SinkReport { rows: 1000, checksum: None },
    };
    let operators = vec![
        ("per-minute".to_owned(), Snapshot { tables: window, ..Snapshot::default() }),
        ("out".to_owned(), Snapshot { sink: Some(sink), ..Snapshot::default() }),
    ];
    let watermark = if number == 0 { START_US } else { i64::MIN };
    let splits = Some(("orders".to_owned(), vec![split]));
    SubtaskSnapshot { subtask: format!("orders -> out/{number}"), watermark, operators, splits }
}

/// Two checkpoints in the folder `state`.
fn two_checkpoints(folder: &Path) {
    let store = CheckpointStore::open(folder.join("state").to_str().unwrap()).unwrap();
    let mut lease = store.claim("orders", START_US).unwrap();
    for attempt in 1..=2 {
        let parts = [0, 1].map(|n| lease.write_part(attempt, &subtask(n, 10 * attempt as i64 + n as i64)).unwrap());
        let now_us = START_US + 1_000_000 * attempt as i64;
        let finished = attempt == 2;
        lease.complete(Completion { attempt, parts: &parts, key_groups: 8, finished, pinned: false, now_us }).unwrap();
    }
}

#[test]
fn list_and_show() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_checkpoints(folder);
    let list = told(folder, &["checkpoint", "list", "state"]);
    let words: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words.len(), 3, "{list}");
    assert_eq!(words[1][..2], ["3", "2023-11-14T22:13:22Z"], "the newest first");
    assert!(words[1].contains(&"finished") && words[2].contains(&"running"), "{list}");

    let shown = told(folder, &["checkpoint", "show", "state", "2"]).replace(env!("CARGO_PKG_VERSION"), "VERSION");
    expect![[r#"
        checkpoint 2 of orders, made 2023-11-14T22:13:21Z by weir VERSION
        generation 1, attempt 1, 8 key groups, 14.5 KiB

        operator    state           rows     size  files
        out         rows to commit     4  3.8 KiB      2
        per-minute  panes              4  3.8 KiB      2
        per-minute  progress           4  4.0 KiB      2
        per-minute  timers             2  2.9 KiB      2

        source  split       offset         latest event time
        orders  part-0.csv  {"byte":1000}  2023-11-14T22:13:20Z
        orders  part-1.csv  {"byte":1100}  2023-11-14T22:14:20Z

        sink  to commit   rows
        out           2  2,000

        subtask          watermark
        orders -> out/0  2023-11-14T22:13:20Z
        orders -> out/1  none yet
    "#]]
    .assert_eq(&shown);

    let shown: Value = serde_json::from_str(&told(folder, &["checkpoint", "show", "state", "--json"])).unwrap();
    assert_eq!((&shown["number"], &shown["finished"]), (&json!(3), &json!(true)));
    assert_eq!(shown["subtasks"][1]["splits"][1][0]["offset"]["byte"], 2100);
    let listed: Value = serde_json::from_str(&told(folder, &["checkpoint", "list", "state", "--json"])).unwrap();
    assert_eq!(listed[1]["created-us"], START_US + 1_000_000);
    assert!(listed[1]["bytes"].as_u64().unwrap() > 1000);
}

#[test]
fn verify_finds_what_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_checkpoints(folder);
    let all = told(folder, &["checkpoint", "verify", "state"]);
    assert_eq!(all.lines().filter(|line| line.contains("is complete and undamaged: ")).count(), 2, "{all}");

    let shown: Value = serde_json::from_str(&told(folder, &["checkpoint", "show", "state", "--json"])).unwrap();
    let part = shown["subtasks"][0]["operators"][0]["state"][0]["path"].as_str().unwrap();
    let path = folder.join("state").join(part);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[700] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let output = weir(folder, &["checkpoint", "verify", "state"]);
    assert!(!output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    let expected = format!(
        "checkpoint 3 in state is damaged: {part} does not have the checksum that was written\ncheckpoint 2 is complete and undamaged"
    );
    assert!(said.starts_with(&expected), "{said}");
    let why = String::from_utf8(output.stderr).unwrap();
    assert_eq!(why, "error: 1 of 2 checkpoints in state cannot be used\n");
    told(folder, &["checkpoint", "verify", "state", "2"]);

    std::fs::write(folder.join("state/manifests/00000000000000000003"), "weir").unwrap();
    let list = told(folder, &["checkpoint", "list", "state"]);
    assert!(list.contains("unreadable"), "{list}");
    let output = weir(folder, &["checkpoint", "verify", "state", "--json"]);
    assert!(!output.status.success());
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told[0]["whole"], &told[1]["whole"]), (&json!(false), &json!(true)));
    assert!(told[0]["error"].as_str().unwrap().contains("has no first line"), "{told}");
}

#[test]
fn a_failure_is_told_as_json_too() {
    let folder = tempfile::tempdir().unwrap();
    for args in [
        &["checkpoint", "list", "none"][..],
        &["checkpoint", "show", "none"],
        &["checkpoint", "verify", "none"],
        &["run", "none.toml"],
        &["inspect", "none.wasm"],
    ] {
        let output = weir(folder.path(), &[args, &["--json"]].concat());
        assert!(!output.status.success());
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let message = told["problems"][0]["message"].as_str().unwrap();
        assert!(told["ok"] == false && message.contains("none"), "{told}");
    }
}

#[test]
fn export_to_both_forms() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_checkpoints(folder);
    let export = |args: &[&str]| told(folder, &[&["checkpoint", "export", "state", "per-minute"], args].concat());
    export(&["--to", "panes.jsonl"]);
    expect![[r#"
        {"customer":"zoë","start":"2023-11-14T22:13:20Z","orders":20}
        {"customer":null,"start":"2023-11-14T22:13:20Z","orders":21}
        {"customer":"zoë","start":"2023-11-14T22:13:20Z","orders":21}
        {"customer":null,"start":"2023-11-14T22:13:20Z","orders":22}
    "#]]
    .assert_eq(&std::fs::read_to_string(folder.join("panes.jsonl")).unwrap());
    export(&["--to", "timers.jsonl", "--state", "timers", "--checkpoint", "2"]);
    assert_eq!(
        std::fs::read_to_string(folder.join("timers.jsonl")).unwrap(),
        "{\"timer_time\":10}\n{\"timer_time\":11}\n"
    );

    export(&["--to", "panes.parquet"]);
    let file = File::open(folder.join("panes.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    let all = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
    let expected = arrow::compute::concat_batches(&panes(0).schema(), &[panes(20), panes(21)]).unwrap();
    assert_eq!(all.columns(), expected.columns());
    let left: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("partial")), "{left:?}");
}

/// A job that ran keeps its checkpoints where its file says, and the same file finds them.
#[test]
fn of_a_job_that_ran() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let pipeline = r#"
name = "prices"
[checkpoint]
dir = "kept"
[sources.bids]
connector = "nexmark"
events = 500
table = "bid"
event-time = "ts"
[sinks.out]
input = "bids"
connector = "blackhole"
"#;
    std::fs::create_dir(folder.join("pipelines")).unwrap();
    std::fs::write(folder.join("pipelines/p.toml"), pipeline).unwrap();
    told(folder, &["run", "pipelines/p.toml"]);
    let listed: Value =
        serde_json::from_str(&told(folder, &["checkpoint", "list", "pipelines/p.toml", "--json"])).unwrap();
    assert_eq!((&listed[0]["job"], &listed[0]["finished"]), (&json!("prices"), &json!(true)));
    let shown = told(folder, &["checkpoint", "show", "pipelines/p.toml"]);
    assert!(shown.contains("after the end of its input") && shown.contains("the end\n"), "{shown}");
    told(folder, &["checkpoint", "verify", "pipelines/p.toml"]);
}

#[test]
fn what_is_wrong_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_checkpoints(folder);
    std::fs::create_dir(folder.join("empty")).unwrap();
    std::fs::write(
        folder.join("p.toml"),
        "[sources.s]\nconnector = \"stdin\"\n[sinks.o]\ninput = \"s\"\nconnector = \"stdout\"\n",
    )
    .unwrap();
    let export = ["checkpoint", "export", "state"];
    for (args, expected) in [
        (&["checkpoint", "list", "nowhere"][..], "there is no folder nowhere"),
        (
            &["checkpoint", "list", "p.toml"],
            "p.toml keeps no checkpoints: it has no [checkpoint] dir; name the folder instead",
        ),
        (&["checkpoint", "show", "empty"], "there is no checkpoint in empty"),
        (
            &["checkpoint", "show", "state", "9"],
            "there is no checkpoint 9 in state; `weir checkpoint list` shows those that there are",
        ),
        (
            &["checkpoint", "list", "gs://x"],
            "checkpoints cannot be kept in gs://x: gs:// is not known; give a folder or s3://BUCKET/PREFIX",
        ),
        (&[&export[..], &["per-minute", "--to", "a.csv"]].concat(), "a.csv must end in .parquet or .jsonl"),
        (
            &[&export[..], &["minutes", "--to", "a.jsonl"]].concat(),
            "the checkpoint has no operator \"minutes\"; it has out, per-minute",
        ),
        (&[&export[..], &["out", "--to", "a.jsonl"]].concat(), "\"out\" has no keyed state in this checkpoint"),
        (
            &[&export[..], &["per-minute", "--state", "keys", "--to", "a.jsonl"]].concat(),
            "\"per-minute\" has no state \"keys\"; it has panes, timers",
        ),
    ] {
        assert_eq!(refused(folder, args), format!("error: {expected}\n"));
    }
    assert!(!folder.join("nowhere").exists(), "looking for checkpoints makes no folder");
}
