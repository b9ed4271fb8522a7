//! What a field of a row can be: the traits, and `Option`.
//!
//! | Rust | Arrow |
//! |---|---|
//! | `bool`, `i8` .. `u64`, `f32`, `f64` | bool, int8 .. uint64, float32, float64 |
//! | `&str`, `String` | utf8 |
//! | `&[u8]`, `Vec<u8>` | binary |
//! | [`Date`](crate::Date) | date32 |
//! | [`Timestamp`](crate::Timestamp), [`TimestampSeconds`](crate::TimestampSeconds), [`TimestampMillis`](crate::TimestampMillis), [`TimestampNanos`](crate::TimestampNanos) | timestamp (UTC) |
//! | [`Decimal`](crate::Decimal) | decimal128 |
//! | [`Number`](crate::Number) | read from any integer or float, written as float64 |
//! | `Vec<T>` (`T` not `u8`) | list |
//! | a struct with `#[derive(Row)]` | struct |
//! | `Option<T>` | the same, with nulls |

use crate::column::{ColumnRef, Validity, ValidityBuilder};
use crate::type_name::type_name;
use crate::wire::{Field, Node};

/// What is wrong with most values that a type cannot hold.
pub(crate) const NULL: &str = "is null, and the operator has no place for that (Option)";

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

    /// Whether a value that is not null may hold a null, or an instant out of range, that `Self` has no place for.
    fn inner_nulls(reader: &Self::Reader) -> bool {
        let _ = reader;
        false
    }

    /// Whether the value of a row, if not null, holds nothing that `Self` has no place for.
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

    /// What is wrong where [`ReadValue::complete`] is false, to stand behind the column's name.
    fn misfit(reader: &Self::Reader, row: usize) -> &'static str {
        let _ = (reader, row);
        NULL
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

    fn misfit(reader: &Self::Reader, row: usize) -> &'static str {
        T::misfit(&reader.values, row)
    }
}
