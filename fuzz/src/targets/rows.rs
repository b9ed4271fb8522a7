//! Rows of a program without Arrow, as it hands them to the library: read as Arrow calls valid, or refused, and the same when they are
//! written and read again.

use std::sync::{Arc, LazyLock};

use arrow::array::Array;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use weir_embed::rows::{decode, encode};

/// A column of each kind of layout.
static COLUMNS: LazyLock<SchemaRef> = LazyLock::new(|| {
    let columns = [
        ("n", DataType::Int64),
        ("is", DataType::Boolean),
        ("text", DataType::Utf8),
        ("bytes", DataType::Binary),
        ("price", DataType::Decimal128(38, 2)),
        ("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
    ];
    Arc::new(Schema::new(columns.map(|(name, of)| Field::new(name, of, true)).to_vec()))
});

pub(super) fn run(bytes: &[u8]) {
    let Ok((rows, times)) = decode(bytes, &COLUMNS) else { return };
    for column in rows.columns() {
        column.to_data().validate_full().expect("a column that was read is valid");
    }
    assert!(times.as_ref().is_none_or(|times| times.len() == rows.num_rows()));
    let mut written = Vec::new();
    encode(&rows, times.as_deref(), &mut written).expect("rows that were read can be written");
    assert_eq!(decode(&written, &COLUMNS).expect("and read again"), (rows, times));
}
