//! Tables of rows of all types, by rows and by key, before and after snapshots.

use arrow::array::{Float64Array, ListArray, StringArray};
use arrow::datatypes::Int32Type;
use arrow::util::display::array_value_to_string;
use weir_core::batch::RowKinds;

use super::*;

/// A kind, a key and a number; the other columns follow from the number.
type Row = (RowKind, Option<&'static str>, i64);

const I: RowKind = RowKind::Insert;
const B: RowKind = RowKind::UpdateBefore;
const A: RowKind = RowKind::UpdateAfter;
const D: RowKind = RowKind::Delete;

fn batch(rows: &[Row]) -> StreamBatch {
    let number = |n: i64| if n == 0 { f64::NAN } else { n as f64 / 4.0 };
    let list = |n: i64| (n % 3 > 0).then(|| vec![Some(n as i32), None]);
    let columns: [(&str, ArrayRef); 4] = [
        ("key", Arc::new(rows.iter().map(|(_, key, _)| *key).collect::<StringArray>())),
        ("n", Arc::new(rows.iter().map(|(_, _, n)| Some(*n)).collect::<Int64Array>())),
        ("f", Arc::new(rows.iter().map(|(_, _, n)| Some(number(*n))).collect::<Float64Array>())),
        ("l", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(rows.iter().map(|(_, _, n)| list(*n))))),
    ];
    let made = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap();
    let kinds = RowKinds::new(rows.iter().map(|(kind, _, _)| *kind as u8).collect());
    StreamBatch { row_kinds: kinds, ..StreamBatch::new(made, vec![0; rows.len()].into(), 0) }
}

fn table(key: Option<&[usize]>) -> RowTable {
    RowTable::new(batch(&[]).rows.schema_ref(), key.map(<[usize]>::to_vec), 8).unwrap()
}

fn text(rows: &RecordBatch) -> Vec<String> {
    let field = |column: &ArrayRef, row| array_value_to_string(column, row).unwrap();
    (0..rows.num_rows())
        .map(|row| rows.columns().iter().map(|column| field(column, row)).collect::<Vec<_>>().join("|"))
        .collect()
}

fn frozen(table: &mut RowTable, unique: Option<&[usize]>) -> Result<Vec<String>, OperatorError> {
    let mut all = Vec::new();
    table.freeze().rows(unique, |rows| {
        all.extend(text(&rows));
        Ok(())
    })?;
    Ok(all)
}

/// Takes rows in one batch and one by one, with a snapshot between any two; the rows that are left are these.
fn check(key: Option<&[usize]>, rows: &[Row], expected: &[&str]) {
    let mut whole = table(key);
    whole.take(&batch(rows)).unwrap();
    assert_eq!(frozen(&mut whole, None).unwrap(), expected);
    let mut parts = table(key);
    for row in rows {
        parts.take(&batch(&[*row])).unwrap();
        let mut restored = table(key);
        restored.restore(parts.freeze().tables().unwrap()).unwrap();
        parts = restored;
    }
    assert_eq!(frozen(&mut parts, None).unwrap(), expected, "row by row");
    let mut popped = Vec::new();
    while let Some(rows) = parts.pop().unwrap() {
        popped.extend(text(&rows));
    }
    popped.sort();
    let mut expected: Vec<String> = expected.iter().map(|row| (*row).to_owned()).collect();
    expected.sort();
    assert_eq!(popped, expected, "popped");
    assert!(frozen(&mut parts, None).unwrap().is_empty());
}

#[test]
fn rows_that_are_taken_back_are_gone_whatever_comes_first() {
    check(
        None,
        &[(I, Some("a"), 1), (I, None, 0), (B, Some("a"), 1), (A, Some("a"), 2), (I, Some("b"), 3)],
        &["|0|NaN|", "a|2|0.5|[2, ]", "b|3|0.75|"],
    );
    check(None, &[(I, Some("a"), 1), (A, Some("a"), 2), (D, Some("a"), 1), (D, Some("a"), 2)], &[]);
    // The old row is taken back by one subtask before the other has given it out.
    check(None, &[(B, Some("a"), 1), (A, Some("a"), 2), (I, Some("a"), 1)], &["a|2|0.5|[2, ]"]);
    check(None, &[(I, Some("a"), 1), (I, Some("a"), 1)], &["a|1|0.25|[1, ]", "a|1|0.25|[1, ]"]);
}

#[test]
fn of_updates_by_key_the_last_row_counts() {
    check(
        Some(&[0]),
        &[(A, Some("a"), 1), (A, None, 0), (A, Some("a"), 2), (A, Some("b"), 3), (D, Some("b"), 7)],
        &["|0|NaN|", "a|2|0.5|[2, ]"],
    );
    check(
        Some(&[0]),
        &[(D, Some("a"), 1), (A, Some("a"), 3), (D, Some("a"), 0), (A, Some("a"), 4)],
        &["a|4|1.0|[4, ]"],
    );
    check(Some(&[]), &[(A, Some("a"), 1), (A, Some("b"), 2)], &["b|2|0.5|[2, ]"]);
    check(Some(&[0]), &[], &[]);
}

#[test]
fn keys_that_are_not_unique_are_told() {
    let mut rows = table(None);
    rows.take(&batch(&[(I, Some("a"), 1), (I, Some("b"), 2)])).unwrap();
    assert_eq!(frozen(&mut rows, Some(&[0])).unwrap().len(), 2);
    rows.take(&batch(&[(I, Some("a"), 3)])).unwrap();
    let error = frozen(&mut rows, Some(&[0])).unwrap_err().to_string();
    assert!(error.starts_with("several rows of the table have the key {key: a}"), "{error}");
    assert_eq!(frozen(&mut rows, Some(&[0, 1])).unwrap().len(), 3);
    // A total over all rows is the only row of its table.
    assert!(frozen(&mut rows, Some(&[])).is_err());
    rows.take(&batch(&[(D, Some("a"), 1), (D, Some("a"), 3)])).unwrap();
    assert_eq!(frozen(&mut rows, Some(&[])).unwrap().len(), 1);
}

#[test]
fn other_rows_and_no_rows_are_no_table() {
    let refused = |tables: Vec<StateTable>| table(None).restore(tables).unwrap_err().to_string();
    assert!(refused(Vec::new()).contains("the checkpoint does not have its rows"));
    let mut tables = table(None).freeze().tables().unwrap();
    tables.iter_mut().for_each(|table| table.rows = table.rows.project(&[0, 1, 2, 4]).unwrap());
    assert!(refused(tables).contains("other columns than in the checkpoint"));
}
