//! Reads every type that a column can have and writes what it read: for tests of what crosses the boundary.

use weir_sdk::transform::{Emitter, Row, RowError, Transform, export};
use weir_sdk::{Date, Decimal, Timestamp, TimestampMillis, TimestampNanos, TimestampSeconds};

/// No config.
#[derive(serde::Deserialize)]
pub struct Echo;

/// Every type, without nulls and with them. Strings and binaries are borrowed where they can be.
#[derive(Row)]
pub struct Everything<'a> {
    bool: bool,
    int8: i8,
    int16: i16,
    int32: i32,
    int64: i64,
    uint8: u8,
    uint16: u16,
    uint32: u32,
    uint64: u64,
    float32: f32,
    float64: f64,
    utf8: &'a str,
    binary: &'a [u8],
    date32: Date,
    seconds: TimestampSeconds,
    millis: TimestampMillis,
    micros: Timestamp,
    nanos: TimestampNanos,
    decimal: Decimal<38, 10>,
    list: Vec<i64>,
    row: Inner,
    maybe_bool: Option<bool>,
    maybe_int64: Option<i64>,
    maybe_utf8: Option<&'a str>,
    maybe_decimal: Option<Decimal<38, 10>>,
    maybe_list: Option<Vec<Option<String>>>,
    maybe_row: Option<Inner>,
    rows: Vec<Inner>,
    lists: Option<Vec<Option<Vec<Option<u16>>>>>,
}

/// A nested row.
#[derive(Row)]
pub struct Inner {
    name: Option<String>,
    tags: Vec<bool>,
}

impl Transform for Echo {
    type Input<'a> = Everything<'a>;
    type Output<'a> = Everything<'a>;

    fn process<'a>(&self, row: Everything<'a>, out: &mut Emitter<Everything<'a>>) -> Result<(), RowError> {
        out.emit(row);
        Ok(())
    }
}

export!(Echo);
