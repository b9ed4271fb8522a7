//! All data types through a transform. What it means is written in tests/conformance/README.md, for all languages.

use weir_sdk::transform::{Emitter, OperatorInfo, Outputs, Row, RowError, Transform, export};
use weir_sdk::{Date, Decimal, Timestamp, TimestampMillis, TimestampNanos, TimestampSeconds};

/// Rows with the text `drop` are dropped.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Types {
    drop: Option<String>,
}

/// A struct as it comes in.
#[derive(Row)]
pub struct Point {
    x: f64,
    y: Option<f64>,
}

/// A struct as it goes out.
#[derive(Row)]
pub struct Swapped {
    x: Option<f64>,
    y: f64,
}

/// A column of every type.
#[derive(Row)]
pub struct All<'a> {
    copies: i64,
    flag: Option<bool>,
    i8: Option<i8>,
    i16: Option<i16>,
    i32: Option<i32>,
    i64: Option<i64>,
    u8: Option<u8>,
    u16: Option<u16>,
    u32: Option<u32>,
    u64: Option<u64>,
    f32: Option<f32>,
    f64: Option<f64>,
    text: Option<&'a str>,
    bytes: Option<&'a [u8]>,
    day: Option<Date>,
    sec: Option<TimestampSeconds>,
    milli: Option<TimestampMillis>,
    micro: Option<Timestamp>,
    nano: Option<TimestampNanos>,
    amount: Option<Decimal<12, 2>>,
    numbers: Option<Vec<Option<i64>>>,
    point: Option<Point>,
}

/// The main output.
#[derive(Row)]
#[row(keep_all)]
pub struct Copy<'a> {
    text: Option<String>,
    not_flag: Option<bool>,
    sum: Option<i64>,
    big: Option<u64>,
    low: Option<i64>,
    half: Option<f64>,
    single: Option<f32>,
    size: Option<i64>,
    raw: Option<&'a [u8]>,
    next_day: Option<Date>,
    sec2: Option<TimestampSeconds>,
    milli2: Option<TimestampMillis>,
    micro2: Option<Timestamp>,
    nano2: Option<TimestampNanos>,
    cents: Option<Decimal<12, 2>>,
    reversed: Option<Vec<Option<i64>>>,
    swapped: Option<Swapped>,
}

/// The side output `none`.
#[derive(Row)]
pub struct NoCopies {
    reason: &'static str,
}

/// The outputs.
#[derive(Outputs)]
#[expect(clippy::large_enum_variant, reason = "rows are written into columns at once, and nowhere kept")]
pub enum Output<'a> {
    Copy(Copy<'a>),
    None(NoCopies),
}

impl Transform for Types {
    type Input<'a> = All<'a>;
    type Output<'a> = Output<'a>;

    fn process<'a>(&self, row: All<'a>, out: &mut Emitter<Output<'a>>) -> Result<(), RowError> {
        if row.copies < 0 {
            return Err(RowError::new(format!("copies is {}", row.copies)));
        }
        if self.drop.is_some() && row.text == self.drop.as_deref() {
            return Ok(());
        }
        if row.copies == 0 {
            out.emit(Output::None(NoCopies { reason: "no copies" }));
        }
        let next_day =
            |Date(day)| day.checked_add(1).map(Date).ok_or_else(|| RowError::new("next_day is out of range"));
        let next_day = row.day.map(next_day).transpose()?;
        for copy in 0..row.copies {
            out.emit(Output::Copy(Copy {
                text: row.text.map(|text| format!("{text}#{copy}")),
                not_flag: row.flag.map(|flag| !flag),
                sum: sum(&row),
                big: row.u64,
                low: row.i64,
                half: row.f64.map(|float| float / 2.0),
                single: row.f32,
                size: row.bytes.map(|bytes| bytes.len() as i64),
                raw: row.bytes,
                next_day,
                sec2: row.sec,
                milli2: row.milli,
                micro2: row.micro,
                nano2: row.nano,
                cents: row.amount,
                reversed: row.numbers.as_ref().map(|numbers| numbers.iter().rev().copied().collect()),
                swapped: row.point.as_ref().map(|point| Swapped { x: point.y, y: point.x }),
            }));
        }
        Ok(())
    }

    fn about() -> OperatorInfo {
        OperatorInfo { title: Some("All data types".to_owned()), config_schema: None }
    }
}

/// Of those that are there; null if none is.
fn sum(row: &All<'_>) -> Option<i64> {
    let signed = [row.i8.map(i64::from), row.i16.map(i64::from), row.i32.map(i64::from)];
    let unsigned = [row.u8.map(i64::from), row.u16.map(i64::from), row.u32.map(i64::from)];
    signed.into_iter().chain(unsigned).flatten().reduce(|sum, number| sum + number)
}

export!(Types);
