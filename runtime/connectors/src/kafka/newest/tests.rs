//! What keys come to, without a broker.

use arrow::array::{Int64Array, StringArray};
use arrow::util::display::array_value_to_string;
use weir_core::batch::{RowKind, RowKinds};

use super::*;

const I: RowKind = RowKind::Insert;
const B: RowKind = RowKind::UpdateBefore;
const A: RowKind = RowKind::UpdateAfter;
const D: RowKind = RowKind::Delete;

/// A kind, a key and a value.
type Row = (RowKind, Option<&'static str>, i64);

fn batch(rows: &[Row]) -> StreamBatch {
    let columns: [(&str, ArrayRef); 2] = [
        ("n", Arc::new(rows.iter().map(|(_, _, n)| Some(*n)).collect::<Int64Array>())),
        ("key", Arc::new(rows.iter().map(|(_, key, _)| *key).collect::<StringArray>())),
    ];
    let made = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap();
    let kinds = RowKinds::new(rows.iter().map(|(kind, _, _)| *kind as u8).collect());
    StreamBatch { row_kinds: kinds, ..StreamBatch::new(made, vec![0; rows.len()].into(), 0) }
}

fn newest(by_key: bool) -> Newest {
    Newest::new(UpsertKey { columns: vec![1], by_key }, batch(&[]).rows.schema_ref()).unwrap()
}

/// What the keys have come to: `key=value`, and `key-` for one that is deleted.
fn told(newest: &mut Newest) -> Vec<String> {
    let mut all = Vec::new();
    let len = newest.len();
    for NewestRows { rows, present } in newest.rows().unwrap() {
        for row in 0..rows.num_rows() {
            let [value, key] = [0, 1].map(|column| array_value_to_string(rows.column(column), row).unwrap());
            let is_there = present.as_ref().is_none_or(|present| present.is_valid(row));
            all.push(if is_there { format!("{key}={value}") } else { format!("{key}-{value}") });
        }
    }
    assert_eq!(len, all.len());
    all
}

/// Takes rows in one batch, and in one per row, and looks once, and after each row: the last word on a key is the same.
fn check(by_key: bool, rows: &[Row], expected: &[&str]) {
    let mut once = newest(by_key);
    once.take(&batch(rows)).unwrap();
    assert_eq!(told(&mut once), expected);
    assert!(told(&mut once).is_empty());
    let mut in_parts = newest(by_key);
    let mut said: Vec<(Option<&str>, Vec<String>)> = Vec::new();
    for row in rows {
        in_parts.take(&batch(&[*row])).unwrap();
        said.retain(|(key, _)| *key != row.1);
        said.push((row.1, told(&mut in_parts)));
    }
    let mut last: Vec<String> = said.into_iter().flat_map(|(_, said)| said).collect();
    let mut expected: Vec<String> = expected.iter().map(|text| (*text).to_owned()).collect();
    last.sort();
    expected.sort();
    assert_eq!(last, expected, "row by row");
}

#[test]
fn a_row_that_is_taken_back_is_not_written_where_another_follows() {
    check(false, &[(B, Some("a"), 1), (A, Some("a"), 2), (I, Some("b"), 3)], &["a=2", "b=3"]);
    check(false, &[(D, Some("a"), 1)], &["a-"]);
    check(false, &[(I, None, 1), (B, None, 1), (A, None, 2)], &["=2"]);
}

#[test]
fn a_row_of_another_step_may_come_before_the_old_one_is_taken_back() {
    check(false, &[(A, Some("a"), 2), (B, Some("a"), 1)], &["a=2"]);
    // It was 1, then 2 for a moment, and is 3.
    check(false, &[(A, Some("a"), 2), (B, Some("a"), 1), (A, Some("a"), 3), (B, Some("a"), 2)], &["a=3"]);
    check(false, &[(B, Some("a"), 1), (A, Some("a"), 3), (A, Some("a"), 2), (B, Some("a"), 2)], &["a=3"]);
}

#[test]
fn what_is_as_it_was_before_is_told_only_if_something_else_was_since() {
    for rows in [[(B, Some("a"), 1), (A, Some("a"), 1)], [(A, Some("a"), 1), (B, Some("a"), 1)]] {
        let mut newest = newest(false);
        newest.take(&batch(&rows)).unwrap();
        assert!(told(&mut newest).is_empty(), "another step may have taken back the same row of before: {rows:?}");
    }
    let mut newest = newest(false);
    newest.take(&batch(&[(B, Some("a"), 1)])).unwrap();
    assert_eq!(told(&mut newest), ["a-"]);
    newest.take(&batch(&[(A, Some("a"), 1)])).unwrap();
    assert_eq!(told(&mut newest), ["a=1"]);
    newest.take(&batch(&[(I, Some("b"), 1)])).unwrap();
    assert_eq!(told(&mut newest), ["b=1"]);
    newest.take(&batch(&[(D, Some("b"), 1)])).unwrap();
    assert_eq!(told(&mut newest), ["b-"]);
}

#[test]
fn of_updates_by_key_the_last_counts() {
    check(true, &[(A, Some("a"), 1), (I, Some("a"), 2), (A, Some("b"), 3), (D, Some("b"), 0)], &["a=2", "b-"]);
    check(true, &[(D, Some("a"), 0), (A, Some("a"), 2)], &["a=2"]);
}

#[test]
fn what_is_known_ends_with_a_checkpoint_and_memory_with_it() {
    let mut newest = newest(false);
    let rows: Vec<Row> = (0..1000).map(|n| (I, Some("a"), n)).collect();
    newest.take(&batch(&rows)).unwrap();
    assert!(newest.bytes() > 1000 * 8);
    let mut taken = newest.split_off().unwrap();
    assert_eq!((newest.bytes(), newest.len(), told(&mut taken)), (0, 0, vec!["a=999".to_owned()]));
    // The row is from before.
    newest.take(&batch(&[(D, Some("a"), 999)])).unwrap();
    assert_eq!(told(&mut newest), ["a-"]);
    newest.forget();
    assert_eq!(newest.bytes(), 0);
}

#[test]
fn a_table_without_a_key_has_one_row() {
    let key = UpsertKey { columns: Vec::new(), by_key: false };
    let mut newest = Newest::new(key, batch(&[]).rows.schema_ref()).unwrap();
    newest.take(&batch(&[(I, Some("a"), 1), (B, Some("a"), 1), (A, Some("b"), 2)])).unwrap();
    assert_eq!(told(&mut newest), ["b=2"]);
    newest.take(&batch(&[(D, Some("b"), 2)])).unwrap();
    assert_eq!(told(&mut newest), ["-"]);
}
