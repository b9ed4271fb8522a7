//! Columns of every type, from a seed: nulls and empty values included.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, BooleanArray, ListArray, PrimitiveArray, StringArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{self as types, ArrowPrimitiveType, DataType, Field, Fields, TimeUnit};

/// A small generator (splitmix64): enough for test data.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }
}

/// Every type that crosses the boundary, the nested ones in two depths.
pub(crate) fn all_types() -> Vec<DataType> {
    let list = |item: DataType, nullable| DataType::List(Arc::new(Field::new("item", item, nullable)));
    let mut all = vec![
        DataType::Boolean,
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Float32,
        DataType::Float64,
        DataType::Utf8,
        DataType::Binary,
        DataType::Date32,
        DataType::Timestamp(TimeUnit::Second, None),
        DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        DataType::Timestamp(TimeUnit::Microsecond, Some("Europe/Vienna".into())),
        DataType::Timestamp(TimeUnit::Nanosecond, Some("+02:00".into())),
        DataType::Decimal128(38, 10),
        DataType::Decimal128(5, -2),
    ];
    let person = DataType::Struct(Fields::from(vec![
        Field::new("name", DataType::Utf8, true),
        Field::new("tags", list(DataType::Utf8, false), true),
        Field::new("flag", DataType::Boolean, false),
    ]));
    all.extend([list(DataType::Int64, true), list(DataType::Boolean, true), person.clone(), list(person, true)]);
    all.push(list(list(DataType::Decimal128(10, 2), true), true));
    all
}

/// A column of `len` values.
pub(crate) fn column(data_type: &DataType, nullable: bool, len: usize, random: &mut Random) -> ArrayRef {
    let nulls = (nullable && !random.chance(3))
        .then(|| NullBuffer::from((0..len).map(|_| !random.chance(4)).collect::<Vec<_>>()));
    macro_rules! primitive {
        ($type:ty) => {
            primitive::<$type>(data_type, nulls, (0..len).map(|_| random.next() as _).collect())
        };
    }
    // Times beyond the calendar are refused.
    macro_rules! below {
        ($type:ty, $bound:literal) => {
            primitive::<$type>(data_type, nulls, (0..len).map(|_| (random.next() as i64 % $bound) as _).collect())
        };
    }
    match data_type {
        DataType::Boolean => Arc::new(BooleanArray::new((0..len).map(|_| random.chance(2)).collect(), nulls)),
        DataType::Int8 => primitive!(types::Int8Type),
        DataType::Int16 => primitive!(types::Int16Type),
        DataType::Int32 => primitive!(types::Int32Type),
        DataType::Int64 => primitive!(types::Int64Type),
        DataType::UInt8 => primitive!(types::UInt8Type),
        DataType::UInt16 => primitive!(types::UInt16Type),
        DataType::UInt32 => primitive!(types::UInt32Type),
        DataType::UInt64 => primitive!(types::UInt64Type),
        DataType::Float32 => primitive!(types::Float32Type),
        DataType::Float64 => primitive!(types::Float64Type),
        DataType::Date32 => below!(types::Date32Type, 90_000_000),
        DataType::Timestamp(TimeUnit::Second, _) => below!(types::TimestampSecondType, 8_000_000_000_000),
        DataType::Timestamp(TimeUnit::Millisecond, _) => below!(types::TimestampMillisecondType, 8_000_000_000_000_000),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            below!(types::TimestampMicrosecondType, 8_000_000_000_000_000_000)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => primitive!(types::TimestampNanosecondType),
        DataType::Decimal128(precision, _) => {
            let bound = 10_i128.pow(u32::from(*precision));
            let values = (0..len).map(|_| (i128::from(random.next() as i64) << 64 | i128::from(random.next())) % bound);
            primitive::<types::Decimal128Type>(data_type, nulls, values.collect())
        }
        DataType::Utf8 => {
            let texts: Vec<&str> = (0..len)
                .map(|_| ["", "a", "Straße", "日本", "🦀 and more than a few bytes"][random.below(5)])
                .collect();
            let (offsets, values, _) = StringArray::from(texts).into_parts();
            Arc::new(StringArray::new(offsets, values, nulls))
        }
        DataType::Binary => {
            let texts: Vec<&[u8]> = (0..len).map(|_| [&b""[..], b"\xff\x00", b"bytes"][random.below(3)]).collect();
            let (offsets, values, _) = BinaryArray::from(texts).into_parts();
            Arc::new(BinaryArray::new(offsets, values, nulls))
        }
        DataType::List(item) => {
            let offsets = OffsetBuffer::from_lengths((0..len).map(|_| random.below(4)));
            let items = column(item.data_type(), item.is_nullable(), offsets[len] as usize, random);
            Arc::new(ListArray::new(Arc::clone(item), offsets, items, nulls))
        }
        DataType::Struct(fields) => {
            let children = fields.iter().map(|f| column(f.data_type(), f.is_nullable(), len, random)).collect();
            Arc::new(StructArray::new(fields.clone(), children, nulls))
        }
        other => panic!("{other} does not cross the boundary"),
    }
}

fn primitive<T: ArrowPrimitiveType>(
    data_type: &DataType,
    nulls: Option<NullBuffer>,
    values: Vec<T::Native>,
) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::from(values), nulls).with_data_type(data_type.clone()))
}
