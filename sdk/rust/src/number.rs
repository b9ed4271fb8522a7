//! A number of whatever type a column has.

use crate::builder::FixedBuilder;
use crate::column::{ColumnRef, Validity};
use crate::fixed::FixedReader;
use crate::value::{ReadValue, Value, has_format};
use crate::wire::{Field, Node};

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
                    $(NumberReader::$variant(r) => <$type>::validity(r),)*
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
