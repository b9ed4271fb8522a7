//! What a schema that was inferred does not have, is counted, and changes no row.

use super::*;

/// Reads a file of which only the first row decides, in batches of this size; what is said afterwards.
fn notes_after(text: &str, projection: &[usize], rows_max: usize, rows_expected: usize) -> Vec<String> {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("in.jsonl"), text).unwrap();
    let source = source("path = \"in.jsonl\"\ninfer-rows = 1", folder.path());
    let (batches, malformed) = poll(reader(&source, 0, projection, None).as_mut(), &[rows_max], usize::MAX);
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), rows_expected, "{malformed:?}");
    let given = "{ v = \"int64\", in = \"struct<a: int64>\", items = \"list<struct<a: int64>>\" }";
    let given = super::source(&format!("path = \"in.jsonl\"\nschema = {given}"), folder.path());
    assert_eq!(poll(reader(&given, 0, projection, None).as_mut(), &[rows_max], usize::MAX), (batches, malformed));
    assert!(given.notes_after().is_empty());
    let notes = source.notes_after().into_iter();
    notes.map(|note| note.split(" had a value").next().unwrap().to_owned()).collect()
}

#[test]
fn later_keys_are_counted_for_any_batches_and_any_columns_that_are_read() {
    let first = "{\"v\":1,\"in\":{\"a\":1},\"items\":[{\"a\":1}]}\n";
    let rest = "{\"v\":2}\n{\"v\":3,\"in\":{\"a\":1,\"b\":2}}\n{\"v\":\"x\",\"w\":1}\n{\"v\":5,\"w\":null}\nno object\n\
                {\"w\":[],\"items\":[{\"c\":1},{\"c\":2}]}\n";
    for projection in [&[0, 1, 2][..], &[0], &[2, 0], &[]] {
        for rows_max in [1, 2, 3, 100] {
            let bad = if projection.contains(&0) { 2 } else { 1 };
            let keys = notes_after(&format!("{first}{rest}"), projection, rows_max, 7 - bad);
            assert_eq!(keys, ["in.b: 1 row", "items.c: 1 row", "w: 2 rows"], "{projection:?}, {rows_max}");
            assert!(notes_after(first, projection, rows_max, 1).is_empty());
        }
    }
}
