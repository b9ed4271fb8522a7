//! The difference between two tables, and how much of it was given out. Reads no file.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, NullArray, RecordBatch, RecordBatchOptions};
use arrow::compute::interleave;
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};
use weir_core::batch::{RowKind, RowKinds};

/// From one table to another of the same columns.
pub(super) struct Change {
    /// As it was, and as it is.
    tables: [RecordBatch; 2],
    /// Rows to be deleted (0, of the first) and inserted (1, of the second), in the order in which they go out.
    steps: Vec<(usize, usize)>,
    /// By step, whether its row has the same first column as the one before: then they are given out together, if there is room.
    continues: Vec<bool>,
    /// How many went out.
    done: usize,
}

impl Change {
    /// None of a table.
    pub(super) fn none(table: RecordBatch) -> Self {
        Self { tables: [table.clone(), table], steps: Vec::new(), continues: Vec::new(), done: 0 }
    }

    /// Whether all of it went out.
    pub(super) fn is_out(&self) -> bool {
        self.done == self.steps.len()
    }

    /// What makes `new` of `old`, however often a row is in either. A row that was deleted and the one that is there instead go out together,
    /// if they have the same first column.
    pub(super) fn between(old: RecordBatch, new: RecordBatch) -> Result<Self, ArrowError> {
        let [before, after] = encoded([&old, &new], usize::MAX)?;
        let mut gone: HashMap<&[u8], Vec<usize>> = HashMap::new();
        for row in (0..old.num_rows()).rev() {
            gone.entry(before.row(row).data()).or_default().push(row);
        }
        let is_new = |row: &usize| gone.get_mut(after.row(*row).data()).and_then(Vec::pop).is_none();
        let inserted: Vec<usize> = (0..new.num_rows()).filter(is_new).collect();
        let mut deleted: Vec<usize> = gone.into_values().flatten().collect();
        deleted.sort_unstable();
        let is_mixed = !deleted.is_empty() && !inserted.is_empty();
        let steps = deleted.into_iter().map(|row| (0, row)).chain(inserted.into_iter().map(|row| (1, row)));
        let mut steps: Vec<(usize, usize)> = steps.collect();
        let mut continues = vec![false; steps.len()];
        if is_mixed {
            let firsts = encoded([&old, &new], 1)?;
            let first = |(table, row): &(usize, usize)| firsts[*table].row(*row);
            steps.sort_by(|a, b| first(a).cmp(&first(b)).then(a.cmp(b)));
            continues = (0..steps.len()).map(|at| at > 0 && first(&steps[at - 1]) == first(&steps[at])).collect();
        }
        Ok(Self { tables: [old, new], steps, continues, done: 0 })
    }

    /// The next rows, at most so many, and what they do; `None`: there are none.
    pub(super) fn next(&mut self, rows_max: usize) -> Result<Option<(RecordBatch, Option<RowKinds>)>, ArrowError> {
        let last = self.steps.len().min(self.done + rows_max.max(1));
        let is_cut = |end: &usize| self.continues.get(*end).is_some_and(|continues| *continues);
        let end = (self.done + 1..=last).rev().find(|end| !is_cut(end)).unwrap_or(last);
        let steps = &self.steps[self.done..end];
        if steps.is_empty() {
            return Ok(None);
        }
        let kinds = steps.iter().map(|(table, _)| if *table == 0 { RowKind::Delete } else { RowKind::Insert } as u8);
        let kinds: Vec<u8> = kinds.collect();
        let are_inserts = steps.iter().all(|(table, _)| *table == 1);
        let rows = self.rows(steps)?;
        self.done = end;
        Ok(Some((rows, if are_inserts { None } else { RowKinds::new(kinds.into()) })))
    }

    /// The table that all rows that went out make.
    pub(super) fn given(&self) -> Result<RecordBatch, ArrowError> {
        if self.is_out() {
            return Ok(self.tables[1].clone());
        }
        let mut is_kept = vec![true; self.tables[0].num_rows()];
        let (mut rows, mut inserted) = (Vec::new(), Vec::new());
        for (table, row) in &self.steps[..self.done] {
            match table {
                0 => is_kept[*row] = false,
                _ => inserted.push((1, *row)),
            }
        }
        rows.extend(is_kept.iter().enumerate().filter(|(_, is_kept)| **is_kept).map(|(row, _)| (0, row)));
        rows.append(&mut inserted);
        self.rows(&rows)
    }

    fn rows(&self, picks: &[(usize, usize)]) -> Result<RecordBatch, ArrowError> {
        let schema = self.tables[1].schema();
        let column = |index: usize| {
            let columns: Vec<&dyn Array> = self.tables.iter().map(|table| table.column(index).as_ref()).collect();
            interleave(&columns, picks)
        };
        let columns = (0..schema.fields().len()).map(column).collect::<Result<Vec<ArrayRef>, _>>()?;
        RecordBatch::try_new_with_options(schema, columns, &RecordBatchOptions::new().with_row_count(Some(picks.len())))
    }
}

/// The rows of both, by their first columns, as bytes. With a column of nulls, so that rows without columns are rows, too.
fn encoded(tables: [&RecordBatch; 2], columns: usize) -> Result<[Rows; 2], ArrowError> {
    let columns = |table: &RecordBatch| {
        let nulls: ArrayRef = Arc::new(NullArray::new(table.num_rows()));
        table.columns().iter().take(columns).cloned().chain([nulls]).collect::<Vec<_>>()
    };
    let [old, new] = tables.map(columns);
    let types = new.iter().map(|column| SortField::new(column.data_type().clone()));
    let converter = RowConverter::new(types.collect())?;
    Ok([converter.convert_columns(&old)?, converter.convert_columns(&new)?])
}
