//! A checkpoint that the first version with checkpoints made: every later one must read it.
//!
//! Its tables are made by hand, so this is about the files only. What operators, sources and sinks put into them is in a job that the
//! command was stopped in: `tests/golden/checkpoint-v1`, from which every later version must continue.
//!
//! It is never created again. When the format changes, [`super::golden`] gets another folder beside it, made once by
//! `cargo test -p weir-state --test checkpoint make_golden -- --ignored`, and the test reads both.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Int64Type};
use weir_core::connector::{Committable, Prepared, SinkReport};
use weir_state::checkpoint::FORMAT_VERSION;
use weir_state::{CheckpointStore, JobSnapshot, Snapshot, SplitSnapshot, StateTable, SubtaskSnapshot};

use crate::samples::{assert_same, store};

fn folder(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/checkpoint-{version}"))
}

fn int64(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn time(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values.to_vec()).with_timezone("UTC"))
}

fn text(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn list(values: &[Option<Vec<Option<i64>>>]) -> ArrayRef {
    Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(values.to_vec()))
}

fn decimal(values: &[Option<i128>]) -> ArrayRef {
    Arc::new(Decimal128Array::from(values.to_vec()).with_precision_and_scale(20, 2).unwrap())
}

fn pair(counts: &[Option<i64>], sums: &[Option<f64>]) -> ArrayRef {
    let sums: ArrayRef = Arc::new(Float64Array::from(sums.to_vec()));
    Arc::new(StructArray::from(vec![
        (Arc::new(Field::new("count", DataType::Int64, true)), int64(counts)),
        (Arc::new(Field::new("sum", DataType::Float64, true)), sums),
    ]))
}

fn table(name: &str, key_group: Option<u32>, columns: Vec<(&str, ArrayRef)>) -> StateTable {
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    let rows = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    StateTable { name: name.to_owned(), key_group, rows }
}

fn state() -> Snapshot {
    let panes = |group, seed: i64| {
        table(
            "panes",
            Some(group),
            vec![
                ("customer", int64(&[Some(seed), None])),
                ("start", time(&[Some(1_700_000_000_000_000), Some(1_700_000_060_000_000)])),
                ("total", decimal(&[Some(12_345 * i128::from(seed)), None])),
                ("average", pair(&[Some(2), Some(0)], &[Some(0.25), None])),
            ],
        )
    };
    let sessions = vec![
        ("user", text(&[Some("zoë"), Some("")])),
        ("start", time(&[Some(0), Some(-1)])),
        ("end", time(&[Some(10), Some(i64::MAX)])),
        ("seen", list(&[Some(vec![Some(1), None]), None])),
    ];
    let tables = vec![
        panes(1, 1),
        panes(77, 2),
        table("sessions", Some(1), sessions),
        table(
            "keys",
            Some(127),
            vec![("user", text(&[Some("a"), None])), ("count", int64(&[Some(i64::MIN), Some(7)]))],
        ),
        table(
            "timers",
            Some(127),
            vec![("user", text(&[Some("a")])), ("timer_time", int64(&[Some(1_700_000_000_000_000)]))],
        ),
        table("whole", None, vec![("late", int64(&[Some(3)]))]),
        table("keys", Some(3), vec![("user", text(&[])), ("count", int64(&[]))]),
    ];
    Snapshot { tables, ..Snapshot::default() }
}

/// What the golden checkpoint holds.
fn golden() -> JobSnapshot {
    let split = |index: usize, offset: serde_json::Value| SplitSnapshot {
        split: format!("orders[{index}]"),
        index,
        offset,
        max_event_time: 1_700_000_000_000_000 + index as i64,
        event_time: None,
        ended: false,
    };
    let splits = vec![split(0, serde_json::json!(42)), split(1, serde_json::json!({ "byte": 1024, "line": 17 }))];
    let commit = vec![
        Committable { value: serde_json::json!({ "file": "part-0", "bytes": 99 }), rows: None },
        Committable {
            value: serde_json::json!("staged"),
            rows: Some(table("", None, vec![("n", int64(&[Some(1)]))]).rows),
        },
    ];
    let sink = Prepared {
        commit,
        state: serde_json::json!({ "next": 1 }),
        report: SinkReport { rows: 5, checksum: Some(u64::MAX) },
    };
    let subtasks = vec![
        SubtaskSnapshot {
            subtask: "orders/0".to_owned(),
            watermark: 1_699_999_999_000_000,
            operators: vec![("per minute".to_owned(), state())],
            splits: Some(("orders".to_owned(), splits)),
        },
        SubtaskSnapshot {
            subtask: "out/0".to_owned(),
            watermark: i64::MIN,
            operators: vec![("out".to_owned(), Snapshot { sink: Some(sink), ..Snapshot::default() })],
            splits: None,
        },
    ];
    JobSnapshot { key_groups: 128, subtasks }
}

#[test]
fn every_version_of_the_format_is_read() {
    for version in 1..=FORMAT_VERSION {
        let folder = folder(version);
        assert!(folder.is_dir(), "make {} once: see the head of this file", folder.display());
        let latest = CheckpointStore::open(folder.to_str().unwrap()).unwrap().latest().unwrap();
        assert!(latest.damaged.is_empty(), "{:?}", latest.damaged);
        let checkpoint = latest.checkpoint.unwrap();
        assert_same(&checkpoint.snapshot, &golden());
        let manifest = checkpoint.manifest;
        assert_eq!((manifest.job.as_str(), manifest.number, manifest.generation), ("golden", 2, 1));
        assert_eq!((manifest.attempt, manifest.created_us, manifest.finished), (1, 1_700_000_000_000_001, false));
    }
}

#[test]
#[ignore = "makes the golden checkpoint of a new version of the format, once"]
fn make_golden() {
    let folder = folder(FORMAT_VERSION);
    assert!(!folder.exists(), "{} must be read for ever: it is not created again", folder.display());
    let at = CheckpointStore::open(folder.to_str().unwrap()).unwrap();
    store(&mut at.claim("golden", 1_700_000_000_000_000).unwrap(), 1, &golden()).unwrap();
}
