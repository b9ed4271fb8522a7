//! What a field of a row can be: the traits, `Option`, and the fixed-width types.
//!
//! | Rust | Arrow |
//! |---|---|
//! | `bool`, `i8` .. `u64`, `f32`, `f64` | bool, int8 .. uint64, float32, float64 |
//! | `&str`, `String` | utf8 |
//! | `&[u8]`, `Vec<u8>` | binary |
//! | [`Date`] | date32 |
//! | [`Timestamp`], [`TimestampSeconds`], [`TimestampMillis`], [`TimestampNanos`] | timestamp (UTC) |
//! | [`Decimal`] | decimal128 |
//! | [`Number`] | read from any integer or float, written as float64 |
//! | `Vec<T>` (`T` not `u8`) | list |
//! | a struct with `#[derive(Row)]` | struct |
//! | `Option<T>` | the same, with nulls |

use crate::builder::FixedBuilder;
use crate::column::{Bits, ColumnRef, Validity, ValidityBuilder, bit, value};
use crate::schema::type_name;
use crate::wire::{Node, Field};

/// A value that a column can be made of.
pub trait Value {
    /// A column of such values that is being made.
    type Builder;

    /// Appends the schema of such a column, nodes in pre-order.
    fn fields(name: &str, fields: &mut Vec<Field>);

    /// An empty column with room for this many values.
    fn builder(rows: usize) -> Self::Builder;

    /// Appends the value.
    fn write(&self, builder: &mut Self::Builder);

    /// Appends several values, as fast as the type can.
    #[inline]
    fn write_all(values: impl Iterator<Item = Self>, builder: &mut Self::Builder)
    where
        Self: Sized,
    {
        values.for_each(|value| value.write(builder));
    }

    /// Appends what stands where a value is null.
    fn write_null(builder: &mut Self::Builder);

    /// Appends the column's arrays, nodes in pre-order. The first has an empty validity as its first buffer.
    fn finish(builder: Self::Builder, arrays: &mut Vec<Node>);
}

/// A value that can be read from a column that lives for `'a`.
pub trait ReadValue<'a>: Value + Sized {
    /// A view of the column. The default is a view of a column that is not there.
    type Reader: Clone + Default;

    /// Whether a column that is not there can be read, as nulls.
    const OPTIONAL: bool = false;

    /// Whether a column of this schema (pre-order, the first node its own) can be read as this type.
    fn accepts(column: &[Field]) -> bool;

    /// Which columns can be read as this type, for messages.
    fn needs() -> String {
        let mut fields = Vec::new();
        Self::fields("", &mut fields);
        type_name(&fields)
    }

    /// Views a column.
    ///
    /// # Errors
    /// If the host passed too little.
    fn open(column: ColumnRef<'a>) -> Result<Self::Reader, String>;

    /// The value of a row; any value where it is null.
    fn read(reader: &Self::Reader, row: usize) -> Self;

    /// Where the column is null.
    fn validity(reader: &Self::Reader) -> Validity<'a>;

    /// Whether a value that is not null may hold a null that `Self` has no place for.
    fn inner_nulls(reader: &Self::Reader) -> bool {
        let _ = reader;
        false
    }

    /// Whether the value of a row, if not null, holds no null that `Self` has no place for.
    fn inner_complete(reader: &Self::Reader, row: usize) -> bool {
        let _ = (reader, row);
        true
    }

    /// How many values can be read without looking whether they are there; it is never too little for a column's rows.
    fn available(reader: &Self::Reader) -> usize {
        let _ = reader;
        usize::MAX
    }

    /// Whether `Self` can hold the value of a row.
    fn complete(reader: &Self::Reader, row: usize) -> bool {
        Self::validity(reader).is_valid(row) && Self::inner_complete(reader, row)
    }

    /// Whether [`ReadValue::complete`] may be false for some row.
    fn maybe_incomplete(reader: &Self::Reader) -> bool {
        Self::validity(reader).has_nulls() || Self::inner_nulls(reader)
    }
}

/// A leaf node of a schema.
pub(crate) fn leaf(name: &str, format: &str) -> Field {
    Field { name: name.to_owned(), format: format.to_owned(), nullable: false, children: 0 }
}

/// Whether the first node has this format.
pub(crate) fn has_format(column: &[Field], format: &str) -> bool {
    column.first().is_some_and(|f| f.format == format)
}

impl<T: Value> Value for Option<T> {
    type Builder = (T::Builder, ValidityBuilder);

    fn fields(name: &str, fields: &mut Vec<Field>) {
        let at = fields.len();
        T::fields(name, fields);
        if let Some(own) = fields.get_mut(at) {
            own.nullable = true;
        }
    }

    fn builder(rows: usize) -> Self::Builder {
        (T::builder(rows), ValidityBuilder::default())
    }

    #[inline]
    fn write(&self, (values, validity): &mut Self::Builder) {
        match self {
            Some(value) => value.write(values),
            None => T::write_null(values),
        }
        validity.push(self.is_some());
    }

    fn write_null((values, validity): &mut Self::Builder) {
        T::write_null(values);
        validity.push(false);
    }

    fn finish((values, validity): Self::Builder, arrays: &mut Vec<Node>) {
        let at = arrays.len();
        T::finish(values, arrays);
        if let Some(own) = arrays.get_mut(at) {
            validity.finish(own);
        }
    }
}

/// A column of optional values.
#[derive(Clone, Debug)]
pub struct OptionReader<'a, R> {
    values: R,
    validity: Validity<'a>,
}

impl<R: Default> Default for OptionReader<'_, R> {
    fn default() -> Self {
        Self { values: R::default(), validity: Validity::ALL_NULL }
    }
}

impl<'a, T: ReadValue<'a>> ReadValue<'a> for Option<T> {
    type Reader = OptionReader<'a, T::Reader>;
    const OPTIONAL: bool = true;

    fn accepts(column: &[Field]) -> bool {
        T::accepts(column)
    }

    fn needs() -> String {
        T::needs()
    }

    fn open(column: ColumnRef<'a>) -> Result<Self::Reader, String> {
        Ok(OptionReader { values: T::open(column)?, validity: column.validity()? })
    }

    #[inline]
    fn read(reader: &Self::Reader, row: usize) -> Self {
        reader.validity.is_valid(row).then(|| T::read(&reader.values, row))
    }

    fn validity(_: &Self::Reader) -> Validity<'a> {
        Validity::default()
    }

    fn inner_nulls(reader: &Self::Reader) -> bool {
        T::inner_nulls(&reader.values)
    }

    fn inner_complete(reader: &Self::Reader, row: usize) -> bool {
        !reader.validity.is_valid(row) || T::inner_complete(&reader.values, row)
    }
}

/// A column of values of `N` bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct FixedReader<'a, const N: usize> {
    values: &'a [[u8; N]],
    validity: Validity<'a>,
}

impl<'a, const N: usize> FixedReader<'a, N> {
    fn open(column: ColumnRef<'a>) -> Result<Self, String> {
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

/// A number of any integer or float column, for operators that work on whatever number they are given. Integers beyond 2^53
/// are rounded. Written as float64.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Number(pub f64);

impl Value for Number {
    type Builder = FixedBuilder<8>;

    fn fields(name: &str, fields: &mut Vec<Field>) {
        f64::fields(name, fields);
    }

    fn builder(rows: usize) -> Self::Builder {
        f64::builder(rows)
    }

    #[inline]
    fn write(&self, builder: &mut Self::Builder) {
        self.0.write(builder);
    }

    fn write_null(builder: &mut Self::Builder) {
        f64::write_null(builder);
    }

    fn finish(builder: Self::Builder, arrays: &mut Vec<Node>) {
        f64::finish(builder, arrays);
    }
}

macro_rules! number_reader {
    ($($variant:ident, $type:ty, $bytes:literal, $format:literal;)*) => {
        /// A column of numbers of some type.
        #[derive(Clone, Copy, Debug)]
        pub enum NumberReader<'a> {
            $(#[doc = concat!("`", stringify!($type), "`")] $variant(FixedReader<'a, $bytes>),)*
        }

        impl<'a> ReadValue<'a> for Number {
            type Reader = NumberReader<'a>;

            fn accepts(column: &[Field]) -> bool {
                [$($format),*].iter().any(|format| has_format(column, format))
            }

            fn needs() -> String {
                "any integer or float".to_owned()
            }

            fn open(column: ColumnRef<'a>) -> Result<Self::Reader, String> {
                match column.fields.first().map_or("", |f| f.format.as_str()) {
                    $($format => Ok(NumberReader::$variant(FixedReader::open(column)?)),)*
                    other => Err(format!("column {:?} of type {other:?} holds no numbers", column.name())),
                }
            }

            #[inline]
            fn read(reader: &Self::Reader, row: usize) -> Self {
                match reader {
                    $(NumberReader::$variant(r) => Number(<$type>::read(r, row) as f64),)*
                }
            }

            fn validity(reader: &Self::Reader) -> Validity<'a> {
                match reader {
                    $(NumberReader::$variant(r) => r.validity,)*
                }
            }
        }
    };
}

number_reader! {
    I8, i8, 1, "c";
    U8, u8, 1, "C";
    I16, i16, 2, "s";
    U16, u16, 2, "S";
    I32, i32, 4, "i";
    U32, u32, 4, "I";
    I64, i64, 8, "l";
    U64, u64, 8, "L";
    F32, f32, 4, "f";
    F64, f64, 8, "g";
}

impl Default for NumberReader<'_> {
    fn default() -> Self {
        NumberReader::F64(FixedReader::default())
    }
}
