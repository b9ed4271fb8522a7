//! What an operator emits, collected in columns, and which input row each row comes from.

use crate::error::RowError;
pub use crate::output::OutputPlan;
use crate::refused::Refused;
use crate::row::{Finished, Row};
use crate::schema::Schema;
use crate::sources::Sources;
use crate::wire::{Delta, RowFailure};

/// Takes the rows that an operator emits. A row may be emitted for an input row never (a filter), once (a map) or many times (a
/// flat-map); it carries that row's kept columns and event time.
#[derive(Debug)]
pub struct Emitter<O: Outputs> {
    writers: O::Writers,
    /// The input row that is being processed.
    row: u32,
    rows: u32,
    pub(crate) refused: Refused,
    /// The row that has emitted a row of another input row.
    emitted_for_others: Option<u32>,
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no output of an operator",
    note = "derive `Row` for a struct of columns, or `Outputs` for an enum with a variant per output"
)]
pub trait Outputs: Sized {
    /// One [`OutputWriter`] per output.
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
        Self { writers: O::writers(rows as usize), row: 0, rows, refused: Refused::default(), emitted_for_others: None }
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
        self.emitted_for_others = Some(self.row);
        row.emit(input_row as u32, &mut self.writers);
    }

    /// Refuses an input row, whatever was or will be emitted for it: for operators on columns. `on-error` of the pipeline says what
    /// happens to it.
    pub fn refuse(&mut self, input_row: usize, error: RowError) {
        self.refused.refuse(input_row, error);
    }

    /// Refuses the row that is being processed.
    ///
    /// # Errors
    /// If it cannot be told what it has emitted.
    #[cold]
    pub(crate) fn refuse_this(&mut self, error: RowError) -> Result<(), String> {
        if self.emitted_for_others == Some(self.row) {
            return Err(format!("a row that emits rows of other rows is refused: {error}"));
        }
        self.refused.refuse(self.row as usize, error);
        Ok(())
    }

    /// What is left of the outputs without the refused rows, and these.
    pub(crate) fn finish(self, plans: &[OutputPlan]) -> (Vec<Delta>, Vec<RowFailure>) {
        let mut deltas = O::finish(self.writers, self.rows, plans);
        self.refused.take_back(&mut deltas, plans.iter().map(|plan| plan.output.clone()), self.rows);
        (deltas, self.refused.into_failures())
    }
}

impl<R: Row> Emitter<R> {
    /// Emits one row for every input row, in order: a map over columns.
    #[inline]
    pub fn emit_each(&mut self, rows: impl IntoIterator<Item = R>) {
        self.emitted_for_others = Some(self.row);
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
        self.emitted_for_others = Some(self.row);
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
        let computed = match plan {
            Some(plan) => plan.in_order(finished.columns),
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
