//! What an operator emits, collected in columns, and which input row each row comes from.

use std::ops::Range;

use crate::builder::FixedBuilder;
use crate::column;
use crate::row::{Finished, Keep, Row};
use crate::schema::Schema;
use crate::wire::{Node, Delta, Field, KeptColumn, Output, OutputColumn, Selection};

/// Takes the rows that an operator emits. A row may be emitted for an input row never (a filter), once (a map) or many times (a
/// flat-map); it carries that row's kept columns and event time.
#[derive(Debug)]
pub struct Emitter<O: Outputs> {
    writers: O::Writers,
    /// The input row that is being processed.
    row: u32,
    rows: u32,
}

/// The outputs of an operator: a [`Row`] if there is one output, or an enum with a variant for each.
///
/// ```
/// use weir_sdk::{Outputs, Row};
///
/// #[derive(Row)]
/// #[row(keep_all)]
/// struct Valid;
///
/// #[derive(Row)]
/// #[row(keep_all)]
/// struct Rejected {
///     reason: &'static str,
/// }
///
/// /// The first variant is the main output; the other is the side output "rejected".
/// #[derive(Outputs)]
/// enum Checked {
///     Valid(Valid),
///     Rejected(Rejected),
/// }
/// ```
///
/// `#[output(name = "...")]` gives a side output a name other than its variant's in kebab-case.
pub trait Outputs: Sized {
    /// One [`OutputWriter`] an output.
    type Writers;

    /// What each output is, for an input.
    ///
    /// # Errors
    /// If a kept column is not in the input.
    fn describe(input: &Schema<'_>) -> Result<Vec<OutputPlan>, String>;

    /// Empty outputs with room for this many rows.
    fn writers(rows: usize) -> Self::Writers;

    /// Appends the row to its output.
    fn emit(self, row: u32, writers: &mut Self::Writers);

    /// One delta an output.
    fn finish(writers: Self::Writers, rows: u32, plans: &[OutputPlan]) -> Vec<Delta>;
}

impl<R: Row> Outputs for R {
    type Writers = OutputWriter<R>;

    fn describe(input: &Schema<'_>) -> Result<Vec<OutputPlan>, String> {
        Ok(vec![OutputPlan::of::<R>("main", input)?])
    }

    fn writers(rows: usize) -> Self::Writers {
        OutputWriter::new(rows)
    }

    #[inline]
    fn emit(self, row: u32, writer: &mut Self::Writers) {
        writer.emit(row, &self);
    }

    fn finish(writer: Self::Writers, rows: u32, plans: &[OutputPlan]) -> Vec<Delta> {
        vec![writer.finish(rows, plans.first())]
    }
}

impl<O: Outputs> Emitter<O> {
    /// For a call with this many rows.
    pub(crate) fn new(rows: u32) -> Self {
        Self { writers: O::writers(rows as usize), row: 0, rows }
    }

    /// What is emitted from now on comes from this input row.
    #[inline]
    pub(crate) fn at(&mut self, row: usize) {
        self.row = row as u32;
    }

    /// Emits a row.
    #[inline]
    pub fn emit(&mut self, row: O) {
        row.emit(self.row, &mut self.writers);
    }

    /// Emits several rows, or an `Option`.
    #[inline]
    pub fn emit_all(&mut self, rows: impl IntoIterator<Item = O>) {
        rows.into_iter().for_each(|row| self.emit(row));
    }

    /// Emits a row that comes from the input row with this index: for operators on columns, where no row is "the" row.
    #[inline]
    pub fn emit_from(&mut self, input_row: usize, row: O) {
        row.emit(input_row as u32, &mut self.writers);
    }

    pub(crate) fn finish(self, plans: &[OutputPlan]) -> Vec<Delta> {
        O::finish(self.writers, self.rows, plans)
    }
}

impl<R: Row> Emitter<R> {
    /// Emits one row for every input row, in order: a map over columns.
    #[inline]
    pub fn emit_each(&mut self, rows: impl IntoIterator<Item = R>) {
        let mut emitted = 0;
        let rows = (0..self.rows).zip(rows).map(|(_, row)| {
            emitted += 1;
            row
        });
        R::write_rows(rows, &mut self.writers.builders);
        self.writers.sources.push_first(emitted);
    }

    /// Emits `row()` for every input row where `keep` is true, `keep` in the order of the rows: a filter over columns.
    #[inline]
    pub fn emit_where(&mut self, keep: impl IntoIterator<Item = bool>, row: impl Fn() -> R) {
        let before = self.writers.sources.len();
        self.writers.sources.push_where(self.rows, keep);
        for _ in before..self.writers.sources.len() {
            row().write_row(&mut self.writers.builders);
        }
    }
}

/// One output of a call.
pub struct OutputWriter<R: Row> {
    sources: Sources,
    builders: R::Builders,
}

impl<R: Row> OutputWriter<R> {
    /// With room for this many rows.
    #[must_use]
    pub fn new(rows: usize) -> Self {
        Self { sources: Sources::default(), builders: R::builders(rows) }
    }

    /// Appends a row that comes from an input row.
    #[inline]
    pub fn emit(&mut self, input_row: u32, row: &R) {
        self.sources.push(input_row);
        row.write_row(&mut self.builders);
    }

    /// The delta of a call with `rows` rows; `None`: the columns go out in the order of the fields.
    #[must_use]
    pub fn finish(self, rows: u32, plan: Option<&OutputPlan>) -> Delta {
        let mut finished = Finished::default();
        R::finish_rows(self.builders, &mut finished);
        let computed = match plan.and_then(|p| p.order.as_deref()) {
            Some(order) => reorder(finished.columns, order),
            None => finished.columns,
        };
        Delta { rows: self.sources.finish(rows), computed, event_times: finished.event_times, row_kinds: Vec::new() }
    }
}

impl<R: Row> std::fmt::Debug for OutputWriter<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutputWriter").field("sources", &self.sources).finish_non_exhaustive()
    }
}

/// Which input row each output row comes from. As long as it is every row once and in order, it is only counted.
#[derive(Debug, Default)]
struct Sources {
    /// The row that goes on in this way; [`LISTED`] as soon as a row was left out, came twice or came out of order.
    next: u32,
    /// From then on the rows.
    rows: FixedBuilder<4>,
}

/// No batch has this many rows.
const LISTED: u32 = u32::MAX;

impl Sources {
    #[inline]
    fn push(&mut self, row: u32) {
        if row == self.next {
            self.next += 1;
            return;
        }
        if self.next != LISTED {
            self.rows = counted(self.next);
            self.next = LISTED;
        }
        self.rows.push(row.to_le_bytes());
    }

    /// Appends the first rows, in order.
    fn push_first(&mut self, rows: u32) {
        if self.next == 0 {
            self.next = rows;
        } else {
            (0..rows).for_each(|row| self.push(row));
        }
    }

    /// Appends the rows of `0..rows` where `keep` is true.
    #[inline]
    fn push_where(&mut self, rows: u32, keep: impl IntoIterator<Item = bool>) {
        let kept = (0..rows).zip(keep).filter(|(_, keep)| *keep).map(|(row, _)| row);
        kept.for_each(|row| self.push(row));
    }

    fn len(&self) -> usize {
        if self.next == LISTED { self.rows.len() } else { self.next as usize }
    }

    fn finish(self, rows: u32) -> Selection {
        match self.len() {
            0 => Selection::None,
            _ if self.next == rows => Selection::All,
            _ if self.next == LISTED => Selection::Rows(self.rows.into_bytes()),
            _ => Selection::Rows(counted(self.next).into_bytes()),
        }
    }
}

/// The rows that were only counted so far.
#[cold]
#[inline(never)]
fn counted(rows: u32) -> FixedBuilder<4> {
    let mut listed = FixedBuilder::new(2 * rows as usize);
    (0..rows).for_each(|row| listed.push(row.to_le_bytes()));
    listed
}

/// What one output is, for an input.
#[derive(Clone, Debug)]
pub struct OutputPlan {
    pub(crate) output: Output,
    /// The arrays of the computed columns in the order of the output, if it is not that of the fields.
    order: Option<Vec<Range<usize>>>,
}

impl OutputPlan {
    /// The output with this name that `R` makes of an input.
    ///
    /// # Errors
    /// If a kept column is not in the input.
    pub fn of<R: Row>(name: &str, input: &Schema<'_>) -> Result<Self, String> {
        let mut schema = Vec::new();
        R::schema(&mut schema);
        let mut computed = Computed::new(&schema);
        let mut columns = Vec::new();
        for (index, to) in kept::<R>(name, input)? {
            let from = input.columns().get(index).map_or("", |c| c.name());
            columns.push(computed.take(&to).unwrap_or_else(|| {
                let new_name = (from != to).then(|| to.clone());
                OutputColumn::Kept(KeptColumn { input: 0, column: index as u32, name: new_name })
            }));
        }
        while let Some(next) = computed.take_next() {
            columns.push(next);
        }
        Ok(Self { output: Output { name: name.to_owned(), columns }, order: computed.into_order() })
    }
}

/// The kept columns: index in the input and name in the output.
fn kept<R: Row>(output: &str, input: &Schema<'_>) -> Result<Vec<(usize, String)>, String> {
    match R::KEEP {
        Keep::None => Ok(Vec::new()),
        Keep::All => Ok(input.names().iter().map(|name| (*name).to_owned()).enumerate().collect()),
        Keep::Columns(list) => list
            .iter()
            .map(|(from, to)| match input.index_of(from) {
                Some(index) => Ok((index, (*to).to_owned())),
                None => Err(format!(
                    "there is no column {from:?}, which output {output:?} keeps; the input has {}",
                    input.listing()
                )),
            })
            .collect(),
    }
}

/// Computed columns that are still to be placed.
struct Computed<'a> {
    /// Name, schema, and place among the arrays; `None` once placed.
    columns: Vec<Option<(&'a [Field], Range<usize>)>>,
    order: Vec<Range<usize>>,
}

impl<'a> Computed<'a> {
    fn new(schema: &'a [Field]) -> Self {
        let mut start = 0;
        let with_range = |c: column::ColumnRef<'a>| {
            let range = start..start + c.fields.len();
            start = range.end;
            Some((c.fields, range))
        };
        Self { columns: column::columns(schema, &[]).into_iter().map(with_range).collect(), order: Vec::new() }
    }

    fn take(&mut self, name: &str) -> Option<OutputColumn> {
        let has_name =
            |c: &Option<(&[Field], _)>| c.as_ref().is_some_and(|(f, _)| f.first().is_some_and(|f| f.name == name));
        let at = self.columns.iter().position(has_name)?;
        self.place(at)
    }

    fn take_next(&mut self) -> Option<OutputColumn> {
        let at = self.columns.iter().position(Option::is_some)?;
        self.place(at)
    }

    fn place(&mut self, at: usize) -> Option<OutputColumn> {
        let (fields, range) = self.columns.get_mut(at)?.take()?;
        self.order.push(range);
        Some(OutputColumn::Computed(fields.to_vec()))
    }

    fn into_order(self) -> Option<Vec<Range<usize>>> {
        let ascending = self.order.windows(2).all(|pair| pair[0].start < pair[1].start);
        (!ascending).then_some(self.order)
    }
}

fn reorder(mut arrays: Vec<Node>, order: &[Range<usize>]) -> Vec<Node> {
    let mut ordered = Vec::with_capacity(arrays.len());
    for range in order {
        ordered.extend(arrays.get_mut(range.clone()).unwrap_or_default().iter_mut().map(std::mem::take));
    }
    ordered
}
