//! What is written is read, and what is not is refused. Never a network: bytes only.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, ListArray, StringArray};
use arrow::datatypes::Int64Type;

use super::*;

fn rows() -> RecordBatch {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["a", "", "ü"]));
    let lists: ArrayRef =
        Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None]), None, Some(vec![])]));
    RecordBatch::try_from_iter_with_nullable([("n", numbers, true), ("t", texts, false), ("l", lists, true)]).unwrap()
}

fn columns() -> EdgeSchema {
    EdgeSchema::new(rows().schema())
}

fn batch(has_kinds: bool) -> StreamBatch {
    let row_kinds = has_kinds.then(|| RowKinds::new(vec![0, 1, 2].into()).unwrap());
    StreamBatch { row_kinds, ..StreamBatch::new(rows(), vec![7, i64::MIN, i64::MAX].into(), 42) }
}

fn bytes(element: &StreamElement) -> Vec<u8> {
    let mut bytes = Vec::new();
    write((5, 9), element, &columns(), &mut bytes).unwrap();
    assert_eq!(sender(&bytes).unwrap(), (5, 9));
    bytes
}

#[test]
fn what_was_written_is_read() {
    for has_kinds in [false, true] {
        let batch = batch(has_kinds);
        let read = read(bytes(&StreamElement::Batch(batch.clone())), &columns()).unwrap();
        let StreamElement::Batch(read) = read else { panic!("{read:?}") };
        assert_eq!((&read.rows, &read.event_times, read.ingested_at), (&batch.rows, &batch.event_times, 42));
        assert_eq!(read.row_kinds, batch.row_kinds);
    }
    let watermark = read(bytes(&StreamElement::Watermark(-5)), &columns()).unwrap();
    assert!(matches!(watermark, StreamElement::Watermark(-5)));
    assert!(matches!(read(bytes(&StreamElement::Idle), &columns()).unwrap(), StreamElement::Idle));
    assert!(matches!(read(bytes(&StreamElement::End), &columns()).unwrap(), StreamElement::End));
}

#[test]
fn slices_are_written_without_the_rest() {
    let slice = batch(true).slice(1, 2);
    let read = read(bytes(&StreamElement::Batch(slice.clone())), &columns()).unwrap();
    let StreamElement::Batch(read) = read else { panic!("{read:?}") };
    assert_eq!((read.rows, read.row_kinds), (slice.rows, slice.row_kinds));
}

#[test]
fn rows_without_columns_keep_their_number() {
    let none = EdgeSchema::new(Arc::new(arrow::datatypes::Schema::empty()));
    let options = RecordBatchOptions::new().with_row_count(Some(2));
    let rows = RecordBatch::try_new_with_options(none.schema.clone(), Vec::new(), &options).unwrap();
    let mut bytes = Vec::new();
    let batch = StreamBatch::new(rows, vec![1, 2].into(), 0);
    write((0, 0), &StreamElement::Batch(batch), &none, &mut bytes).unwrap();
    let StreamElement::Batch(read) = read(bytes, &none).unwrap() else { panic!("no rows") };
    assert_eq!((read.len(), read.rows.num_rows()), (2, 2));
}

#[test]
fn other_columns_are_refused() {
    let other = EdgeSchema::new(rows().project(&[1, 0]).unwrap().schema());
    let error = read(bytes(&StreamElement::Batch(batch(false))), &other).unwrap_err().to_string();
    assert!(error.contains("its sender runs another version of the pipeline"), "{error}");
}

/// Networks and disks of other engines are trusted as far as to bring back what was written, and no further.
#[test]
fn no_byte_makes_it_panic() {
    for element in [StreamElement::Batch(batch(true)), StreamElement::Watermark(1), StreamElement::End] {
        let bytes = bytes(&element);
        for position in 0..bytes.len() {
            for flip in [1, 0x10, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[position] ^= flip;
                if let Ok(StreamElement::Batch(batch)) = read(bytes, &columns()) {
                    assert_eq!((batch.rows.num_rows(), batch.rows.schema()), (batch.len(), rows().schema()));
                }
            }
            // A buffer's padding at the end may be missing.
            if let Ok(StreamElement::Batch(cut)) = read(bytes[..position].to_vec(), &columns()) {
                assert_eq!(cut.rows, rows());
            }
        }
    }
}

/// Rows in flight are in the checkpoints of engines that take them there: what this version has written the next ones read.
#[test]
fn the_bytes_are_what_they_were() {
    let written = bytes(&StreamElement::Batch(batch(true)));
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/element-1");
    let expected = std::fs::read(&golden).unwrap_or_default();
    if std::env::var_os("UPDATE_EXPECT").is_some() && expected.is_empty() {
        std::fs::write(&golden, &written).unwrap();
        return;
    }
    assert_eq!(written, expected, "the layout of elements has changed");
}
