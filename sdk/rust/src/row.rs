//! Rows: structs whose fields are columns. `#[derive(Row)]` writes these traits' implementations; nobody else should.

use crate::column::ColumnRef;
use crate::value::ReadValue;
use crate::wire::{Field, Node};

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
/// On a field: `#[row(name = "...")]` is the column's name, if it is not the field's; `#[row(event_time)]` on a
/// [`Timestamp`](crate::Timestamp)
/// is no column, but the row's event time.
///
/// A struct that borrows for `'static` can be emitted, not read.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a row of columns",
    note = "derive `Row` for a struct with a field per column; an enum of several outputs derives `Outputs`, and an aggregate has only one output"
)]
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
    /// One int64 per row; empty if no field is the event time.
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

    /// Whether some row may hold a null, or an instant out of range, that `Self` has no place for.
    fn rows_maybe_incomplete(columns: &Self::Columns) -> bool;

    /// The column, by its name, in which a row holds something that `Self` has no place for, and what is wrong with it.
    fn incomplete_in(columns: &Self::Columns, row: usize) -> Option<(&'static str, &'static str)>;
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

    fn incomplete_in((): &(), _: usize) -> Option<(&'static str, &'static str)> {
        None
    }
}
