//! Values of a fixed width: integers, floats, days, decimals; and booleans, a bit each.

use crate::builder::FixedBuilder;
use crate::column::{Bits, ColumnRef, Validity, bit, value};
use crate::value::{ReadValue, Value, has_format, leaf};
use crate::wire::{Field, Node};

/// A column of values of `N` bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct FixedReader<'a, const N: usize> {
    values: &'a [[u8; N]],
    validity: Validity<'a>,
}

impl<'a, const N: usize> FixedReader<'a, N> {
    pub(crate) fn open(column: ColumnRef<'a>) -> Result<Self, String> {
        Ok(Self { values: column.fixed()?, validity: column.validity()? })
    }
}

/// Implements both traits for a type that is `N` bytes in a column. The format is an expression, so that it can depend on
/// constants of the type.
macro_rules! fixed_value {
    ($type:ty, $bytes:literal, $format:expr, $accepts:expr, $value:ident => $to:expr, $raw:ident => $from:expr
     $(, const $name:ident: $kind:ty)*) => {
        impl<$(const $name: $kind),*> Value for $type {
            type Builder = FixedBuilder<$bytes>;

            fn fields(name: &str, fields: &mut Vec<Field>) {
                fields.push(leaf(name, &$format));
            }

            #[inline]
            fn builder(rows: usize) -> Self::Builder {
                FixedBuilder::new(rows)
            }

            #[inline]
            fn write(&self, builder: &mut Self::Builder) {
                let $value = *self;
                builder.push($to);
            }

            // The length is known beforehand, so no push asks for room.
            #[inline]
            fn write_all(values: impl Iterator<Item = Self>, builder: &mut Self::Builder) {
                builder.extend(values.map(|$value| $to));
            }

            fn write_null(builder: &mut Self::Builder) {
                builder.push([0; $bytes]);
            }

            fn finish(builder: Self::Builder, arrays: &mut Vec<Node>) {
                arrays.push(builder.finish());
            }
        }

        impl<'a $(, const $name: $kind)*> ReadValue<'a> for $type {
            type Reader = FixedReader<'a, $bytes>;

            fn accepts(column: &[Field]) -> bool {
                $accepts(column)
            }

            fn open(column: ColumnRef<'a>) -> Result<Self::Reader, String> {
                FixedReader::open(column)
            }

            #[inline]
            fn read(reader: &Self::Reader, row: usize) -> Self {
                let $raw = value(reader.values, row);
                $from
            }

            fn validity(reader: &Self::Reader) -> Validity<'a> {
                reader.validity
            }

            #[inline]
            fn available(reader: &Self::Reader) -> usize {
                reader.values.len()
            }
        }
    };
}

macro_rules! number_value {
    ($($type:ty, $bytes:literal, $format:literal;)*) => {
        $(fixed_value!($type, $bytes, $format, |c: &[Field]| has_format(c, $format),
            v => v.to_le_bytes(), raw => <$type>::from_le_bytes(raw));)*
    };
}

number_value! {
    i8, 1, "c";
    u8, 1, "C";
    i16, 2, "s";
    u16, 2, "S";
    i32, 4, "i";
    u32, 4, "I";
    i64, 8, "l";
    u64, 8, "L";
    f32, 4, "f";
    f64, 8, "g";
}

/// A day: days since 1970-01-01 (date32).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub i32);

fixed_value!(Date, 4, "tdD", |c: &[Field]| has_format(c, "tdD"),
    v => v.0.to_le_bytes(), raw => Date(i32::from_le_bytes(raw)));

/// A decimal number with `PRECISION` digits, `SCALE` of them after the point (decimal128). Holds the unscaled integer: 12.34
/// at scale 2 is `Decimal(1234)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal<const PRECISION: u8, const SCALE: i8>(pub i128);

fixed_value!(Decimal<P, S>, 16, format!("d:{P},{S}"),
    |c: &[Field]| has_format(c, &format!("d:{P},{S}")) || has_format(c, &format!("d:{P},{S},128")),
    v => v.0.to_le_bytes(), raw => Decimal(i128::from_le_bytes(raw)), const P: u8, const S: i8);

impl Value for bool {
    type Builder = Bits;

    fn fields(name: &str, fields: &mut Vec<Field>) {
        fields.push(leaf(name, "b"));
    }

    fn builder(_: usize) -> Bits {
        Bits::default()
    }

    #[inline]
    fn write(&self, builder: &mut Bits) {
        builder.push(*self);
    }

    fn write_null(builder: &mut Bits) {
        builder.push(false);
    }

    fn finish(builder: Bits, arrays: &mut Vec<Node>) {
        let length = builder.len() as u32;
        arrays.push(Node { length, null_count: 0, buffers: vec![Vec::new(), builder.into_bytes()] });
    }
}

/// A column of booleans, a bit each.
#[derive(Clone, Copy, Debug, Default)]
pub struct BoolReader<'a> {
    bits: &'a [u8],
    validity: Validity<'a>,
}

impl<'a> ReadValue<'a> for bool {
    type Reader = BoolReader<'a>;

    fn accepts(column: &[Field]) -> bool {
        has_format(column, "b")
    }

    fn open(column: ColumnRef<'a>) -> Result<Self::Reader, String> {
        Ok(BoolReader { bits: column.buffer(1)?, validity: column.validity()? })
    }

    #[inline]
    fn read(reader: &Self::Reader, row: usize) -> Self {
        bit(reader.bits, row)
    }

    fn validity(reader: &Self::Reader) -> Validity<'a> {
        reader.validity
    }
}
