//! Rows inside rows: a struct with `#[derive(Row)]` as a value, in a column of structs.

use crate::column::{ColumnRef, Validity, columns};
use crate::row::{Finished, ReadRow, Row, Wanted};
use crate::value::{NULL, ReadValue, Value, has_format};
use crate::wire::{Field, Node};

/// A column of structs that is being made.
#[derive(Debug)]
pub struct StructBuilder<B> {
    len: u32,
    columns: B,
}

impl<R: Row> Value for R {
    type Builder = StructBuilder<R::Builders>;

    fn fields(name: &str, fields: &mut Vec<Field>) {
        const { assert!(!R::HAS_EVENT_TIME, "a nested row has no event time of its own") };
        let at = fields.len();
        fields.push(Field { name: name.to_owned(), format: "+s".to_owned(), nullable: false, children: 0 });
        R::schema(fields);
        let children = columns(fields.get(at + 1..).unwrap_or_default(), &[]).len() as u32;
        if let Some(own) = fields.get_mut(at) {
            own.children = children;
        }
    }

    fn builder(rows: usize) -> Self::Builder {
        StructBuilder { len: 0, columns: R::builders(rows) }
    }

    fn write(&self, builder: &mut Self::Builder) {
        builder.len += 1;
        self.write_row(&mut builder.columns);
    }

    fn write_null(builder: &mut Self::Builder) {
        builder.len += 1;
        R::write_null_row(&mut builder.columns);
    }

    fn finish(builder: Self::Builder, arrays: &mut Vec<Node>) {
        arrays.push(Node { length: builder.len, null_count: 0, buffers: vec![Vec::new()] });
        let mut finished = Finished { columns: std::mem::take(arrays), event_times: Vec::new() };
        R::finish_rows(builder.columns, &mut finished);
        *arrays = finished.columns;
    }
}

/// A column of structs.
#[derive(Clone, Debug, Default)]
pub struct StructReader<'a, C> {
    columns: C,
    validity: Validity<'a>,
}

impl<'a, R: ReadRow<'a>> ReadValue<'a> for R {
    type Reader = StructReader<'a, R::Columns>;

    fn accepts(column: &[Field]) -> bool {
        let children = columns(column.get(1..).unwrap_or_default(), &[]);
        has_format(column, "+s")
            && R::wanted().iter().all(|wanted| {
                children
                    .iter()
                    .find(|c| c.name() == wanted.name)
                    .map_or(wanted.optional, |c| (wanted.accepts)(c.fields))
            })
    }

    fn open(column: ColumnRef<'a>) -> Result<Self::Reader, String> {
        let children = column.children();
        let by_name = |wanted: &Wanted| children.iter().find(|c| c.name() == wanted.name).copied();
        let found: Vec<_> = R::wanted().iter().map(by_name).collect();
        let rows = column.array()?.length as usize;
        Ok(StructReader { columns: R::open_rows(&found, &[], rows)?, validity: column.validity()? })
    }

    fn read(reader: &Self::Reader, row: usize) -> Self {
        R::read_row(&reader.columns, row)
    }

    fn validity(reader: &Self::Reader) -> Validity<'a> {
        reader.validity
    }

    fn inner_nulls(reader: &Self::Reader) -> bool {
        R::rows_maybe_incomplete(&reader.columns)
    }

    fn inner_complete(reader: &Self::Reader, row: usize) -> bool {
        R::incomplete_in(&reader.columns, row).is_none()
    }

    fn misfit(reader: &Self::Reader, row: usize) -> &'static str {
        R::incomplete_in(&reader.columns, row).map_or(NULL, |(_, what)| what)
    }
}
