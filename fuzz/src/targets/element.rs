//! What a subtask gets from another over a network. The first byte of an input says whether the hash of the columns is made right; the rest is
//! the element. It is read as Arrow calls valid, or refused, and the same when it is written and read again.

use std::sync::{Arc, LazyLock};

use arrow::array::Array;
use arrow::datatypes::{DataType, Field, Schema};
use weir_core::batch::StreamElement;
use weir_embed::element::{EdgeSchema, read, sender, write};

use crate::panics;

/// Where an element has the hash of its columns.
const HASH: std::ops::Range<usize> = 8..16;

/// Those of the element that `runtime/embed` keeps.
static COLUMNS: LazyLock<EdgeSchema> = LazyLock::new(|| {
    let list = DataType::List(Arc::new(Field::new_list_field(DataType::Int64, true)));
    let columns = [("n", DataType::Int64, true), ("t", DataType::Utf8, false), ("l", list, true)];
    EdgeSchema::new(Arc::new(Schema::new(columns.map(|(name, of, null)| Field::new(name, of, null)).to_vec())))
});

pub(super) fn run(bytes: &[u8]) {
    let [kind, bytes @ ..] = bytes else { return };
    panics::tolerate_libraries();
    let mut bytes = bytes.to_vec();
    if let (1, Some(hash)) = (kind % 2, bytes.get_mut(HASH)) {
        hash.copy_from_slice(&COLUMNS.hash().to_le_bytes());
    }
    let from = sender(&bytes);
    let Ok(element) = read(bytes, &COLUMNS) else { return };
    let from = from.expect("what can be read has a sender");
    if let StreamElement::Batch(batch) = &element {
        assert_eq!(batch.rows.num_rows(), batch.event_times.len());
        for column in batch.rows.columns() {
            column.to_data().validate_full().expect("a column that was read is valid");
        }
    }
    let mut written = Vec::new();
    write(from, &element, &COLUMNS, &mut written).expect("an element that was read can be written");
    assert_eq!(sender(&written).ok(), Some(from));
    let again = read(written, &COLUMNS).expect("and read again");
    match (element, again) {
        (StreamElement::Batch(one), StreamElement::Batch(other)) => {
            assert_eq!((one.rows, one.event_times), (other.rows, other.event_times));
            assert_eq!((one.row_kinds, one.ingested_at), (other.row_kinds, other.ingested_at));
        }
        (one, other) => assert_eq!(format!("{one:?}"), format!("{other:?}")),
    }
}
