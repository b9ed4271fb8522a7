//! One value of a column, as a Rust value that can be kept and compared: what `min`, `max`, `first` and `last` are written over.

use std::cmp::Ordering;
use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, AsArray, BinaryArray, BooleanArray, PrimitiveArray,
    StringArray,
};
use arrow::datatypes::DataType;

/// A kind of column.
pub(super) trait Element: Clone + Send + 'static {
    /// The column.
    type Array: Array + 'static;
    /// A value that is kept.
    type Owned: Clone + Send + Sync + 'static;
    /// A value that is looked at.
    type Value<'a>: Copy;

    /// Whether values that are kept point to bytes elsewhere.
    const HAS_HEAP: bool = false;

    /// How many.
    fn heap_bytes(owned: &Self::Owned) -> usize {
        let _ = owned;
        0
    }

    fn array(column: &ArrayRef) -> &Self::Array;
    fn value(array: &Self::Array, row: usize) -> Self::Value<'_>;
    fn borrow(owned: &Self::Owned) -> Self::Value<'_>;
    fn own(value: Self::Value<'_>) -> Self::Owned;
    /// A total order; of floats IEEE 754's, in which NaN is the greatest.
    fn compare(a: Self::Value<'_>, b: Self::Value<'_>) -> Ordering;
    fn column(data_type: &DataType, values: &mut dyn Iterator<Item = Option<&Self::Owned>>) -> ArrayRef;
}

/// Numbers, dates, times and decimals.
pub(super) struct Primitive<T>(PhantomData<fn() -> T>);

// Derived, it would ask the same of the type's marker.
impl<T> Clone for Primitive<T> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<T: ArrowPrimitiveType> Element for Primitive<T> {
    type Array = PrimitiveArray<T>;
    type Owned = T::Native;
    type Value<'a> = T::Native;

    fn array(column: &ArrayRef) -> &Self::Array {
        column.as_primitive()
    }

    #[inline]
    fn value(array: &Self::Array, row: usize) -> T::Native {
        array.values()[row]
    }

    #[inline]
    fn borrow(owned: &T::Native) -> T::Native {
        *owned
    }

    #[inline]
    fn own(value: T::Native) -> T::Native {
        value
    }

    #[inline]
    fn compare(a: T::Native, b: T::Native) -> Ordering {
        a.compare(b)
    }

    fn column(data_type: &DataType, values: &mut dyn Iterator<Item = Option<&T::Native>>) -> ArrayRef {
        let array: PrimitiveArray<T> = values.map(|v| v.copied()).collect();
        Arc::new(array.with_data_type(data_type.clone()))
    }
}

/// Truth values; false is the least.
#[derive(Clone)]
pub(super) struct Boolean;

impl Element for Boolean {
    type Array = BooleanArray;
    type Owned = bool;
    type Value<'a> = bool;

    fn array(column: &ArrayRef) -> &BooleanArray {
        column.as_boolean()
    }

    fn value(array: &BooleanArray, row: usize) -> bool {
        array.value(row)
    }

    fn borrow(owned: &bool) -> bool {
        *owned
    }

    fn own(value: bool) -> bool {
        value
    }

    fn compare(a: bool, b: bool) -> Ordering {
        a.cmp(&b)
    }

    fn column(_data_type: &DataType, values: &mut dyn Iterator<Item = Option<&bool>>) -> ArrayRef {
        Arc::new(values.map(|v| v.copied()).collect::<BooleanArray>())
    }
}

/// Text, by code point.
#[derive(Clone)]
pub(super) struct Text;

impl Element for Text {
    type Array = StringArray;
    type Owned = Box<str>;
    type Value<'a> = &'a str;

    const HAS_HEAP: bool = true;

    fn heap_bytes(owned: &Box<str>) -> usize {
        owned.len()
    }

    fn array(column: &ArrayRef) -> &StringArray {
        column.as_string()
    }

    fn value(array: &StringArray, row: usize) -> &str {
        array.value(row)
    }

    fn borrow(owned: &Box<str>) -> &str {
        owned
    }

    fn own(value: &str) -> Box<str> {
        value.into()
    }

    fn compare(a: &str, b: &str) -> Ordering {
        a.cmp(b)
    }

    fn column(_data_type: &DataType, values: &mut dyn Iterator<Item = Option<&Box<str>>>) -> ArrayRef {
        Arc::new(values.collect::<StringArray>())
    }
}

/// Bytes, as numbers without a sign.
#[derive(Clone)]
pub(super) struct Bytes;

impl Element for Bytes {
    type Array = BinaryArray;
    type Owned = Box<[u8]>;
    type Value<'a> = &'a [u8];

    const HAS_HEAP: bool = true;

    fn heap_bytes(owned: &Box<[u8]>) -> usize {
        owned.len()
    }

    fn array(column: &ArrayRef) -> &BinaryArray {
        column.as_binary()
    }

    fn value(array: &BinaryArray, row: usize) -> &[u8] {
        array.value(row)
    }

    fn borrow(owned: &Box<[u8]>) -> &[u8] {
        owned
    }

    fn own(value: &[u8]) -> Box<[u8]> {
        value.into()
    }

    fn compare(a: &[u8], b: &[u8]) -> Ordering {
        a.cmp(b)
    }

    fn column(_data_type: &DataType, values: &mut dyn Iterator<Item = Option<&Box<[u8]>>>) -> ArrayRef {
        Arc::new(values.map(|v| v.map(|v| v.as_ref())).collect::<BinaryArray>())
    }
}

/// Whether [`with_element!`] has a kind for the type.
pub(super) fn is_element(data_type: &DataType) -> bool {
    use DataType::{Binary, Boolean, Date32, Decimal128, Float32, Float64, Timestamp, Utf8};
    data_type.is_integer()
        || matches!(data_type, Float32 | Float64 | Boolean | Utf8 | Binary | Date32 | Timestamp(..) | Decimal128(..))
}

/// Expands to `$make::<ELEMENT>` applied to the arguments, for the kind of a type that [`is_element`] takes.
macro_rules! with_element {
    ($data_type:expr, $element:ident => $make:expr) => {{
        use arrow::datatypes::{
            DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
            TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
            UInt8Type, UInt16Type, UInt32Type, UInt64Type,
        };
        use $crate::nodes::window::aggregate::element::{Boolean, Bytes, Primitive, Text};
        macro_rules! of {
            ($kind:ty) => {{
                type $element = $kind;
                $make
            }};
        }
        match $data_type {
            DataType::Int8 => of!(Primitive<Int8Type>),
            DataType::Int16 => of!(Primitive<Int16Type>),
            DataType::Int32 => of!(Primitive<Int32Type>),
            DataType::UInt8 => of!(Primitive<UInt8Type>),
            DataType::UInt16 => of!(Primitive<UInt16Type>),
            DataType::UInt32 => of!(Primitive<UInt32Type>),
            DataType::UInt64 => of!(Primitive<UInt64Type>),
            DataType::Float32 => of!(Primitive<Float32Type>),
            DataType::Float64 => of!(Primitive<Float64Type>),
            DataType::Date32 => of!(Primitive<Date32Type>),
            DataType::Timestamp(TimeUnit::Second, _) => of!(Primitive<TimestampSecondType>),
            DataType::Timestamp(TimeUnit::Millisecond, _) => of!(Primitive<TimestampMillisecondType>),
            DataType::Timestamp(TimeUnit::Microsecond, _) => of!(Primitive<TimestampMicrosecondType>),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => of!(Primitive<TimestampNanosecondType>),
            DataType::Decimal128(..) => of!(Primitive<Decimal128Type>),
            DataType::Boolean => of!(Boolean),
            DataType::Utf8 => of!(Text),
            DataType::Binary => of!(Bytes),
            _ => of!(Primitive<Int64Type>),
        }
    }};
}
pub(super) use with_element;
