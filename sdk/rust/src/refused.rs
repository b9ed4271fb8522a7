//! The rows of a call that are refused, and how what they emitted is taken back.

use crate::column::{columns, value};
use crate::error::RowError;
use crate::row::ReadRow;
use crate::select::select;
use crate::wire::{Delta, Field, Output, OutputColumn, RowFailure, Selection};

/// The refused rows (or timers) of a call. Nothing is allocated while there is none.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    failures: Vec<RowFailure>,
    /// Whether each row up to the last refused one is.
    is_refused: Vec<bool>,
}

impl Refused {
    /// Refuses a row. The first reason counts.
    #[cold]
    pub(crate) fn refuse(&mut self, row: usize, error: RowError) {
        if self.contains(row) {
            return;
        }
        if self.is_refused.len() <= row {
            self.is_refused.resize(row + 1, false);
        }
        self.is_refused[row] = true;
        self.failures.push(error.at(row));
    }

    /// Refuses the rows that hold a null, or an instant out of range, where `R` has no place for one.
    pub(crate) fn refuse_nulls<'a, R: ReadRow<'a>>(&mut self, columns: &R::Columns, rows: usize) {
        if !R::rows_maybe_incomplete(columns) {
            return;
        }
        for row in 0..rows {
            if let Some((column, what)) = R::incomplete_in(columns, row) {
                self.refuse(row, RowError::new(format!("column {column:?} {what}")));
            }
        }
    }

    /// Whether a row was refused.
    #[inline]
    pub(crate) fn contains(&self, row: usize) -> bool {
        self.is_refused.get(row).is_some_and(|refused| *refused)
    }

    /// Takes what refused rows have emitted out of the deltas of a call with `rows` rows.
    pub(crate) fn take_back(&self, deltas: &mut [Delta], outputs: impl Iterator<Item = Output>, rows: u32) {
        if self.failures.is_empty() {
            return;
        }
        for (delta, output) in deltas.iter_mut().zip(outputs) {
            let sources: Vec<u32> = match &delta.rows {
                Selection::Empty => continue,
                Selection::All => (0..rows).collect(),
                Selection::Indices(rows) => rows.as_chunks().0.iter().map(|row| u32::from_le_bytes(*row)).collect(),
            };
            let stays = |row: &usize| sources.get(*row).is_some_and(|source| !self.contains(*source as usize));
            let kept: Vec<usize> = (0..sources.len()).filter(stays).collect();
            if kept.len() < sources.len() {
                *delta = with_rows(delta, &output, &sources, &kept);
            }
        }
    }

    /// The refused rows, in the order in which they were refused.
    pub(crate) fn into_failures(self) -> Vec<RowFailure> {
        self.failures
    }
}

/// A delta with some of its output rows.
fn with_rows(delta: &Delta, output: &Output, sources: &[u32], kept: &[usize]) -> Delta {
    let computed_fields = |column: &OutputColumn| match column {
        OutputColumn::Computed(fields) => fields.clone(),
        OutputColumn::Kept(_) => Vec::new(),
    };
    let fields: Vec<Field> = output.columns.iter().flat_map(computed_fields).collect();
    let rows: Vec<Option<usize>> = kept.iter().copied().map(Some).collect();
    let mut computed = Vec::with_capacity(delta.computed.len());
    columns(&fields, &delta.computed).into_iter().for_each(|column| select(column, &rows, &mut computed));
    let indices = kept.iter().filter_map(|row| sources.get(*row)).flat_map(|source| source.to_le_bytes());
    let (times, _) = delta.event_times.as_chunks::<8>();
    let times = kept.iter().filter(|_| !times.is_empty()).flat_map(|row| value(times, *row));
    Delta {
        rows: if kept.is_empty() { Selection::Empty } else { Selection::Indices(indices.collect()) },
        computed,
        event_times: times.collect(),
        row_kinds: Vec::new(),
    }
}
