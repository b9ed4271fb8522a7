//! Rows: structs whose fields are columns. `#[derive(Row)]` writes these traits' implementations; nobody else should.

use std::fmt;

use crate::column::{ColumnRef, Validity, value};
use crate::timestamp::Timestamp;
use crate::value::{ReadValue, Value, has_format};
use crate::wire::{Node, Failure, Field, RowFailure};

/// A struct whose fields are columns.
///
/// ```
/// use weir_sdk::Row;
///
/// /// Borrows from the batch; only these columns are read.
/// #[derive(Row)]
/// struct Flight<'a> {
///     origin: &'a str,
///     #[row(name = "dep_delay")]
///     delay: Option<i64>,
/// }
///
/// /// As an output: all columns of the input, and one more.
/// #[derive(Row)]
/// #[row(keep_all)]
/// struct Classified {
///     delay_class: &'static str,
/// }
/// ```
///
/// On the struct, for outputs: `#[row(keep_all)]` keeps every input column, `#[row(keep(auction, price as dollars))]` keeps
/// some, in this order and with new names; without either, only the struct's own fields go out. A field replaces a kept column
/// of its name, in its place; the other fields follow. Kept columns cost the operator nothing: the host carries them over.
///
/// On a field: `#[row(name = "...")]` is the column's name, if it is not the field's; `#[row(event_time)]` on a [`Timestamp`]
/// is no column, but the row's event time.
///
/// A struct that borrows for `'static` can be emitted, not read.
pub trait Row: Sized {
    /// The columns that are being made.
    type Builders;

    /// The columns of the input that go along, if the row is an output.
    const KEEP: Keep;

    /// Whether a field is the row's event time.
    const HAS_EVENT_TIME: bool;

    /// Appends the schema of the columns, nodes in pre-order.
    fn schema(fields: &mut Vec<Field>);

    /// Empty columns with room for this many rows.
    fn builders(rows: usize) -> Self::Builders;

    /// Appends a row.
    fn write_row(&self, builders: &mut Self::Builders);

    /// Appends several rows, as fast as the columns can.
    #[inline]
    fn write_rows(rows: impl Iterator<Item = Self>, builders: &mut Self::Builders) {
        rows.for_each(|row| row.write_row(builders));
    }

    /// Appends what stands where a row is null.
    fn write_null_row(builders: &mut Self::Builders);

    /// The finished columns.
    fn finish_rows(builders: Self::Builders, into: &mut Finished);
}

/// Which columns of the input go along with a row that is emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// None.
    None,
    /// All.
    All,
    /// These: the input's name, and the name that the column gets.
    Columns(&'static [(&'static str, &'static str)]),
}

/// Columns that are done.
#[derive(Debug, Default)]
pub struct Finished {
    /// Nodes in pre-order.
    pub columns: Vec<Node>,
    /// int64 a row; empty if no field is the event time.
    pub event_times: Vec<u8>,
}

/// A row that can be read from columns that live for `'a`.
pub trait ReadRow<'a>: Row {
    /// Views of the columns: a struct with the same fields, for those who work on columns.
    type Columns: Clone + Default;

    /// The columns that it is read from, in the order of the fields.
    fn wanted() -> Vec<Wanted>;

    /// Views the columns, one an entry of [`ReadRow::wanted`]; `None` for one that is optional and not there.
    ///
    /// # Errors
    /// If the host passed too little.
    fn open_rows(
        columns: &[Option<ColumnRef<'a>>],
        event_times: &'a [u8],
        rows: usize,
    ) -> Result<Self::Columns, String>;

    /// A row.
    fn read_row(columns: &Self::Columns, row: usize) -> Self;

    /// Whether some row may hold a null that `Self` has no place for.
    fn rows_maybe_incomplete(columns: &Self::Columns) -> bool;

    /// The column, by its name, in which a row holds a null that `Self` has no place for.
    fn incomplete_in(columns: &Self::Columns, row: usize) -> Option<&'static str>;
}

/// A column that a row is read from.
#[derive(Debug)]
pub struct Wanted {
    /// Its name.
    pub name: &'static str,
    /// Its type, for messages.
    pub needs: String,
    /// Whether the row can do without it.
    pub optional: bool,
    /// Whether a column of this schema will do.
    pub accepts: fn(&[Field]) -> bool,
}

impl Wanted {
    /// The column of a field.
    #[must_use]
    pub fn new<'a, T: ReadValue<'a>>(name: &'static str) -> Self {
        Self { name, needs: T::needs(), optional: T::OPTIONAL, accepts: T::accepts }
    }
}

/// The first row that holds a null where `R` has no place for one, as the failure to answer with.
pub(crate) fn check_nulls<'a, R: ReadRow<'a>>(columns: &R::Columns, rows: usize) -> Result<(), Failure> {
    if !R::rows_maybe_incomplete(columns) {
        return Ok(());
    }
    let bad = (0..rows).find_map(|row| R::incomplete_in(columns, row).map(|column| (row, column)));
    bad.map_or(Ok(()), |(row, column)| {
        let reason = format!("column {column:?} is null, and the operator has no place for that (Option)");
        Err(Failure::Row(RowFailure { row: row as u32, reason }))
    })
}

/// A view of one column as values of type `T`.
pub struct Column<'a, T: ReadValue<'a>> {
    reader: T::Reader,
    rows: usize,
}

impl<'a, T: ReadValue<'a>> Column<'a, T> {
    /// Views a column; one that is not there reads as nulls.
    ///
    /// # Errors
    /// If the host passed too little.
    pub fn open(column: Option<ColumnRef<'a>>, rows: usize) -> Result<Self, String> {
        let Some(column) = column else { return Ok(Self { reader: T::Reader::default(), rows }) };
        let length = column.array()?.length as usize;
        if length != rows {
            return Err(format!("column {:?} has {length} values for {rows} rows", column.name()));
        }
        Ok(Self { reader: T::open(column)?, rows })
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The value of a row.
    #[inline]
    #[must_use]
    pub fn get(&self, row: usize) -> T {
        T::read(&self.reader, row)
    }

    /// All values, in order.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> + use<'_, 'a, T> {
        // The bound is known to be within the column: reading a value need not look again.
        (0..self.rows.min(T::available(&self.reader))).map(|row| T::read(&self.reader, row))
    }

    /// Whether some value may hold a null that `T` has no place for.
    #[must_use]
    pub fn maybe_incomplete(&self) -> bool {
        T::maybe_incomplete(&self.reader)
    }

    /// Whether `T` can hold the value of a row.
    #[must_use]
    pub fn complete(&self, row: usize) -> bool {
        T::complete(&self.reader, row)
    }
}

impl<'a, T: ReadValue<'a>> Clone for Column<'a, T> {
    fn clone(&self) -> Self {
        Self { reader: self.reader.clone(), rows: self.rows }
    }
}

impl<'a, T: ReadValue<'a>> Default for Column<'a, T> {
    fn default() -> Self {
        Self { reader: T::Reader::default(), rows: 0 }
    }
}

impl<'a, T: ReadValue<'a> + fmt::Debug> fmt::Debug for Column<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The event times of a batch.
#[derive(Clone, Copy, Debug, Default)]
pub struct EventTimes<'a> {
    times: &'a [[u8; 8]],
}

impl<'a> EventTimes<'a> {
    /// Views them: int64 a row.
    ///
    /// # Errors
    /// If there are fewer than rows.
    pub fn open(times: &'a [u8], rows: usize) -> Result<Self, String> {
        let (times, _) = times.as_chunks();
        if times.len() == rows {
            Ok(Self { times })
        } else {
            Err(format!("{} event times for {rows} rows", times.len()))
        }
    }

    /// That of a row.
    #[inline]
    #[must_use]
    pub fn get(&self, row: usize) -> Timestamp {
        Timestamp(i64::from_le_bytes(value(self.times, row)))
    }
}

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
        let children = crate::column::columns(fields.get(at + 1..).unwrap_or_default(), &[]).len() as u32;
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
        let children = crate::column::columns(column.get(1..).unwrap_or_default(), &[]);
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
        let columns: Vec<_> = R::wanted().iter().map(by_name).collect();
        let rows = column.array()?.length as usize;
        Ok(StructReader { columns: R::open_rows(&columns, &[], rows)?, validity: column.validity()? })
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
}

/// No columns: the key of an operator that does not look at its key.
impl Row for () {
    type Builders = ();
    const KEEP: Keep = Keep::None;
    const HAS_EVENT_TIME: bool = false;

    fn schema(_: &mut Vec<Field>) {}

    fn builders(_: usize) {}

    fn write_row(&self, (): &mut ()) {}

    fn write_null_row((): &mut ()) {}

    fn finish_rows((): (), _: &mut Finished) {}
}

impl<'a> ReadRow<'a> for () {
    type Columns = ();

    fn wanted() -> Vec<Wanted> {
        Vec::new()
    }

    fn open_rows(_: &[Option<ColumnRef<'a>>], _: &'a [u8], _: usize) -> Result<(), String> {
        Ok(())
    }

    fn read_row((): &(), _: usize) {}

    fn rows_maybe_incomplete((): &()) -> bool {
        false
    }

    fn incomplete_in((): &(), _: usize) -> Option<&'static str> {
        None
    }
}
