//! Snapshots to store, and what it means that two are the same.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use weir_core::connector::{Committable, Prepared, SinkReport};
use weir_state::checkpoint::{CheckpointError, Completion, Lease};
use weir_state::{JobSnapshot, Snapshot, SplitSnapshot, StateTable, SubtaskSnapshot};

/// Two columns and a few rows, different for every seed.
pub(crate) fn rows(seed: i64) -> RecordBatch {
    let keys: ArrayRef = Arc::new(StringArray::from_iter([Some(format!("key {seed}")), None, Some("ü".to_owned())]));
    let values: ArrayRef = Arc::new(Int64Array::from_iter([Some(seed), Some(seed + 1), None]));
    RecordBatch::try_from_iter_with_nullable([("key", keys, true), ("value", values, true)]).unwrap()
}

/// A small job: a source with a window behind it, and a sink that stages rows.
pub(crate) fn job(seed: i64) -> JobSnapshot {
    let table = |name: &str, key_group, seed| StateTable { name: name.to_owned(), key_group, rows: rows(seed) };
    let split = SplitSnapshot {
        split: "orders-0".to_owned(),
        index: 0,
        offset: serde_json::json!({ "offset": seed, "file": "ä.csv" }),
        max_event_time: seed * 1000,
        event_time: (seed % 2 == 0).then(|| "at".to_owned()),
        ended: seed % 3 == 0,
    };
    let window = Snapshot {
        tables: vec![
            table("panes", Some(3), seed),
            table("timers", Some(3), seed + 1),
            table("panes", Some(9), seed + 2),
        ],
        ..Snapshot::default()
    };
    let commit = vec![
        Committable { value: serde_json::json!({ "part": seed }), rows: None },
        Committable { value: serde_json::json!([seed]), rows: Some(rows(seed + 3)) },
    ];
    let report = SinkReport { rows: 7, checksum: Some(u64::MAX - seed as u64) };
    let prepared = Prepared { commit, state: serde_json::json!({ "bytes": seed }), report };
    let subtask = |number: usize, operators, splits| SubtaskSnapshot {
        subtask: format!("orders/{number}"),
        watermark: i64::MIN + seed,
        operators,
        splits,
    };
    JobSnapshot {
        key_groups: 16,
        subtasks: vec![
            subtask(0, vec![("per minute".to_owned(), window)], Some(("orders".to_owned(), vec![split]))),
            subtask(1, vec![("out".to_owned(), Snapshot { sink: Some(prepared), ..Snapshot::default() })], None),
        ],
    }
}

/// Stores a job's snapshot as a complete checkpoint.
pub(crate) fn store(lease: &mut Lease, attempt: u64, job: &JobSnapshot) -> Result<u64, CheckpointError> {
    store_pinned(lease, attempt, job, false)
}

/// The same; it may be pinned.
pub(crate) fn store_pinned(
    lease: &mut Lease,
    attempt: u64,
    job: &JobSnapshot,
    pinned: bool,
) -> Result<u64, CheckpointError> {
    let parts = job.subtasks.iter().map(|part| lease.write_part(attempt, part)).collect::<Result<Vec<_>, _>>()?;
    let now_us = 1_700_000_000_000_000 + attempt as i64;
    lease.complete(Completion { attempt, parts: &parts, key_groups: job.key_groups, finished: false, pinned, now_us })
}

/// Tables of one name and schema come back together; the rest is as it was.
pub(crate) fn assert_same(found: &JobSnapshot, expected: &JobSnapshot) {
    assert_eq!(found.key_groups, expected.key_groups);
    assert_eq!(found.subtasks.len(), expected.subtasks.len());
    for (found, expected) in found.subtasks.iter().zip(&expected.subtasks) {
        assert_eq!((&found.subtask, found.watermark), (&expected.subtask, expected.watermark));
        assert_eq!(format!("{:?}", found.splits), format!("{:?}", expected.splits));
        assert_eq!(found.operators.len(), expected.operators.len());
        for ((found_name, found), (name, expected)) in found.operators.iter().zip(&expected.operators) {
            assert_eq!(found_name, name);
            assert_same_tables(&found.tables, &expected.tables);
            assert_same_sink(found.sink.as_ref(), expected.sink.as_ref());
        }
    }
}

fn assert_same_tables(found: &[StateTable], expected: &[StateTable]) {
    let mut left: Vec<&StateTable> = expected.iter().collect();
    for table in found {
        let same = |t: &&StateTable| t.name == table.name && t.key_group == table.key_group && t.rows == table.rows;
        let at = left.iter().position(same).unwrap_or_else(|| panic!("{table:?} was not stored"));
        left.remove(at);
    }
    assert!(left.is_empty(), "{left:?} are gone");
}

fn assert_same_sink(found: Option<&Prepared>, expected: Option<&Prepared>) {
    assert_eq!(found.is_some(), expected.is_some());
    let (Some(found), Some(expected)) = (found, expected) else { return };
    assert_eq!((&found.state, &found.report), (&expected.state, &expected.report));
    assert_eq!(found.commit.len(), expected.commit.len());
    for (found, expected) in found.commit.iter().zip(&expected.commit) {
        assert_eq!((&found.value, &found.rows), (&expected.value, &expected.rows));
    }
}
