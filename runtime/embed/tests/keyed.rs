//! Operators with keys whose caller keeps the states: the same results however rows are divided, and a state that another operator takes over.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::Int64Type;
use serde_json::json;
use weir_embed::BatchOperator;
use weir_embed::batch_operator::{Due, Emitted, OperatorOptions};

fn component(path: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}

fn bids(bids: &[(i64, i64)]) -> RecordBatch {
    let column = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
    let (bidders, prices) = bids.iter().copied().unzip();
    RecordBatch::try_from_iter([("bidder", column(bidders)), ("price", column(prices))]).unwrap()
}

fn level(key_groups: u32) -> BatchOperator {
    version("level_v1", key_groups)
}

fn version(name: &str, key_groups: u32) -> BatchOperator {
    let options: OperatorOptions =
        serde_json::from_value(json!({ "config": { "gold-from": 100 }, "keys": ["bidder"], "key-groups": key_groups }))
            .unwrap();
    BatchOperator::open(&component(&format!("examples/hot-swap/{name}.wasm")), &options, &bids(&[]).schema()).unwrap()
}

fn column(emitted: &Emitted, name: &str) -> Vec<i64> {
    let values = emitted.iter().map(|(_, rows)| rows[name].as_primitive::<Int64Type>().values().to_vec());
    values.flatten().collect()
}

#[test]
fn rows_in_any_batches_with_states_kept_in_between_give_the_same() {
    let rows: Vec<(i64, i64)> = (0..200).map(|n| (n * 7 % 13, n)).collect();
    let mut operator = level(64);
    operator.begin(None, None).unwrap();
    let expected = column(&operator.process(&bids(&rows)).unwrap(), "sum");
    for size in [1, 7, 64] {
        let (mut kept, mut sums) = (None, Vec::new());
        for part in rows.chunks(size) {
            operator.begin(kept, None).unwrap();
            sums.extend(column(&operator.process(&bids(part)).unwrap(), "sum"));
            kept = operator.kept().unwrap();
        }
        assert_eq!(sums, expected, "batches of {size}");
    }
}

#[test]
fn the_state_of_other_key_groups_is_refused_and_none_is_no_bytes() {
    let (mut few, mut many) = (level(8), level(64));
    few.begin(None, None).unwrap();
    assert!(few.kept().unwrap().is_none());
    few.process(&bids(&[(1, 1)])).unwrap();
    let error = many.begin(few.kept().unwrap(), None).unwrap_err().to_string();
    assert!(error.starts_with("state was kept in 8 key groups, and the operator has 64"), "{error}");
    assert!(few.begin(Some(b"something else".to_vec()), None).is_err());
}

#[test]
fn state_that_a_version_cannot_read_is_refused_with_what_a_caller_can_do() {
    let (mut newer, mut older) = (version("level_v2", 8), version("level_v1", 8));
    newer.begin(None, None).unwrap();
    newer.process(&bids(&[(1, 1)])).unwrap();
    let error = older.begin(newer.kept().unwrap(), None).unwrap_err().to_string();
    assert!(
        error.starts_with("the state that was kept does not fit: its state no longer has the column \"bids\""),
        "{error}"
    );
    assert!(error.contains("begin without state") && !error.contains("--allow-dropped-state"), "{error}");
}

#[test]
fn the_next_timers_are_known_and_fire_after_a_restore() {
    let times = |values: Vec<i64>| Arc::new(TimestampMicrosecondArray::from(values)) as ArrayRef;
    let numbers = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
    let rows = RecordBatch::try_from_iter([
        ("window_end", times(vec![10, 20])),
        ("auction", numbers(vec![1, 2])),
        ("num", numbers(vec![5, 6])),
        ("window_start", times(vec![0, 10])),
        ("at", times(vec![9, 19])),
    ])
    .unwrap();
    let keys = json!({ "keys": ["window_start", "window_end"], "event-time": "at" });
    let options: OperatorOptions = serde_json::from_value(keys).unwrap();
    let mut hot = BatchOperator::open(&component("examples/nexmark/hot_items.wasm"), &options, &rows.schema()).unwrap();
    hot.begin(None, None).unwrap();
    assert_eq!(hot.due(), Due::default());
    hot.process(&rows).unwrap();
    assert_eq!(hot.due(), Due { watermark: Some(9), clock: None });
    let kept = hot.kept().unwrap();
    hot.begin(kept, None).unwrap();
    assert_eq!(column(&hot.advance_to(9).unwrap(), "auction"), [1]);
    assert_eq!(hot.due().watermark, Some(19));
    assert_eq!(column(&hot.end().unwrap(), "auction"), [2]);
}
