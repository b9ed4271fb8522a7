//! Matching what an operator reads against what its input has, by name and type.

use crate::column::{self, ColumnRef};
use crate::row::{ReadRow, Wanted};
use crate::type_name::{rust_type, type_name};
use crate::wire::{Field, Node};

/// The columns of an input.
#[derive(Clone, Copy, Debug)]
pub struct Schema<'a> {
    fields: &'a [Field],
}

impl<'a> Schema<'a> {
    /// From nodes in pre-order.
    #[must_use]
    pub fn new(fields: &'a [Field]) -> Self {
        Self { fields }
    }

    /// The names of the columns.
    #[must_use]
    pub fn names(&self) -> Vec<&'a str> {
        self.columns().iter().map(ColumnRef::name).collect()
    }

    /// The columns, without values.
    #[must_use]
    pub fn columns(&self) -> Vec<ColumnRef<'a>> {
        column::columns(self.fields, &[])
    }

    /// A column's index.
    pub(crate) fn index_of(&self, name: &str) -> Option<usize> {
        self.columns().iter().position(|c| c.name() == name)
    }

    /// The columns as text, for messages.
    pub(crate) fn listing(&self) -> String {
        let list: Vec<_> = self.columns().iter().map(|c| format!("{}: {}", c.name(), type_name(c.fields))).collect();
        if list.is_empty() { "no columns".to_owned() } else { list.join(", ") }
    }
}

/// The columns that a call brings in, and which field of which row each of them is for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reads {
    /// Their indices in the input's schema, each once.
    pub(crate) indices: Vec<u32>,
    /// Their schema, in the same order.
    fields: Vec<Field>,
}

/// For every field of a row where its column is among those that a call brings in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Positions(Vec<Option<usize>>);

impl Reads {
    /// All columns of an input.
    pub(crate) fn all(input: &Schema<'_>) -> Self {
        Self { indices: (0..input.columns().len() as u32).collect(), fields: input.fields.to_vec() }
    }

    /// Finds the columns of `R`. `column_of` says which input column a field is read from.
    ///
    /// # Errors
    /// If one is missing or has a type that does not fit. The message names it, its type, the type that is needed and the
    /// columns that there are.
    pub(crate) fn want<'r, R: ReadRow<'r>>(
        &mut self,
        input: &Schema<'_>,
        column_of: impl Fn(&str) -> String,
    ) -> Result<Positions, String> {
        let columns = input.columns();
        let mut positions = Vec::new();
        for wanted in R::wanted() {
            let name = column_of(wanted.name);
            let index = columns.iter().position(|c| c.name() == name).ok_or_else(|| missing(&name, &wanted, input))?;
            let column = columns[index];
            if !(wanted.accepts)(column.fields) {
                return Err(format!(
                    "column {name:?} is {}{}, but the operator reads it as {}; the input has {}",
                    type_name(column.fields),
                    rust_type(column.fields),
                    wanted.needs,
                    input.listing()
                ));
            }
            positions.push(Some(self.add(index as u32, column.fields)));
        }
        Ok(Positions(positions))
    }

    fn add(&mut self, index: u32, fields: &[Field]) -> usize {
        self.indices.iter().position(|i| *i == index).unwrap_or_else(|| {
            self.indices.push(index);
            self.fields.extend_from_slice(fields);
            self.indices.len() - 1
        })
    }

    /// Splits the arrays of a call into its columns.
    pub(crate) fn columns<'a>(&'a self, arrays: &'a [Node]) -> Vec<ColumnRef<'a>> {
        column::columns(&self.fields, arrays)
    }
}

impl Positions {
    /// Every field in its own column, in order: what the row itself has written.
    pub(crate) fn in_order(count: usize) -> Self {
        Self((0..count).map(Some).collect())
    }

    /// By name, `None` for what is not there: what another version of the row has written.
    ///
    /// # Errors
    /// As [`Reads::want`]; an optional column may be missing, if that is allowed.
    pub(crate) fn by_name<'r, R: ReadRow<'r>>(written: &Schema<'_>, may_miss: bool) -> Result<Self, String> {
        let columns = written.columns();
        let position = |wanted: Wanted| match columns.iter().position(|c| c.name() == wanted.name) {
            None if wanted.optional && may_miss => Ok(None),
            None => Err(missing(wanted.name, &wanted, written)),
            Some(at) if (wanted.accepts)(columns[at].fields) => Ok(Some(at)),
            Some(at) => {
                Err(format!("column {:?} is {}, not {}", wanted.name, type_name(columns[at].fields), wanted.needs))
            }
        };
        R::wanted().into_iter().map(position).collect::<Result<_, _>>().map(Self)
    }

    /// Views the columns of a row.
    ///
    /// # Errors
    /// If the host passed too little.
    pub(crate) fn open<'a, R: ReadRow<'a>>(
        &self,
        columns: &[ColumnRef<'a>],
        event_times: &'a [u8],
        rows: u32,
    ) -> Result<R::Columns, String> {
        let mine: Vec<_> = self.0.iter().map(|p| p.and_then(|p| columns.get(p)).copied()).collect();
        R::open_rows(&mine, event_times, rows as usize)
    }
}

fn missing(name: &str, wanted: &Wanted, input: &Schema<'_>) -> String {
    format!(
        "there is no column {name:?} ({}), which the operator reads; the input has {}",
        wanted.needs,
        input.listing()
    )
}
