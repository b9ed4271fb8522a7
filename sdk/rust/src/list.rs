//! Lists: `Vec<T>`. Reading one allocates; a guest that reads many rows with long lists should say so in its design.

use crate::column::{ColumnRef, Validity, range};
use crate::fixed::{Date, Decimal};
use crate::number::Number;
use crate::row::Row;
use crate::timestamp::{Timestamp, TimestampMillis, TimestampNanos, TimestampSeconds};
use crate::value::{NULL, ReadValue, Value, has_format};
use crate::wire::{Field, Node};

/// A value that can be an item of a list: every one but `u8`, because `Vec<u8>` is a binary.
pub trait ListItem: Value {}

macro_rules! list_item {
    ($($type:ty),*) => { $(impl ListItem for $type {})* };
}

list_item!(bool, i8, i16, u16, i32, u32, i64, u64, f32, f64, Number, Date, &str, String, &[u8], Vec<u8>);
list_item!(Timestamp, TimestampSeconds, TimestampMillis, TimestampNanos);
impl<const P: u8, const S: i8> ListItem for Decimal<P, S> {}
impl<T: Value> ListItem for Option<T> {}
impl<T: ListItem> ListItem for Vec<T> {}
impl<R: Row> ListItem for R {}

/// A column of lists that is being made.
#[derive(Debug)]
pub struct ListBuilder<B> {
    offsets: Vec<[u8; 4]>,
    len: u32,
    items: B,
}

impl<T: ListItem> Value for Vec<T> {
    type Builder = ListBuilder<T::Builder>;

    fn fields(name: &str, fields: &mut Vec<Field>) {
        fields.push(Field { name: name.to_owned(), format: "+l".to_owned(), nullable: false, children: 1 });
        T::fields("item", fields);
    }

    fn builder(rows: usize) -> Self::Builder {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push([0; 4]);
        ListBuilder { offsets, len: 0, items: T::builder(rows) }
    }

    fn write(&self, builder: &mut Self::Builder) {
        for item in self {
            item.write(&mut builder.items);
        }
        builder.len += self.len() as u32;
        builder.offsets.push(builder.len.to_le_bytes());
    }

    fn write_null(builder: &mut Self::Builder) {
        builder.offsets.push(builder.len.to_le_bytes());
    }

    fn finish(builder: Self::Builder, arrays: &mut Vec<Node>) {
        let length = builder.offsets.len().saturating_sub(1) as u32;
        arrays.push(Node { length, null_count: 0, buffers: vec![Vec::new(), builder.offsets.into_flattened()] });
        T::finish(builder.items, arrays);
    }
}

/// A column of lists.
#[derive(Clone, Debug, Default)]
pub struct ListReader<'a, R> {
    offsets: &'a [[u8; 4]],
    validity: Validity<'a>,
    items: R,
}

impl<'a, T: ReadValue<'a> + ListItem> ReadValue<'a> for Vec<T> {
    type Reader = ListReader<'a, T::Reader>;

    fn accepts(column: &[Field]) -> bool {
        has_format(column, "+l") && column.get(1..).is_some_and(T::accepts)
    }

    fn open(column: ColumnRef<'a>) -> Result<Self::Reader, String> {
        let [items] = column.children()[..] else {
            return Err(format!("column {:?} is a list without one child", column.name()));
        };
        Ok(ListReader { offsets: column.offsets()?, validity: column.validity()?, items: T::open(items)? })
    }

    fn read(reader: &Self::Reader, row: usize) -> Self {
        range(reader.offsets, row).map(|item| T::read(&reader.items, item)).collect()
    }

    fn validity(reader: &Self::Reader) -> Validity<'a> {
        reader.validity
    }

    fn inner_nulls(reader: &Self::Reader) -> bool {
        T::maybe_incomplete(&reader.items)
    }

    fn inner_complete(reader: &Self::Reader, row: usize) -> bool {
        range(reader.offsets, row).all(|item| T::complete(&reader.items, item))
    }

    fn misfit(reader: &Self::Reader, row: usize) -> &'static str {
        let item = range(reader.offsets, row).find(|item| !T::complete(&reader.items, *item));
        item.map_or(NULL, |item| T::misfit(&reader.items, item))
    }
}
