//! [`LateCount`]: late rows, counted over restarts too. Which rows are late the windows know.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;

use crate::dataflow::metrics::Metrics;
use crate::dataflow::operator::{OperatorError, StateTable};

/// The table of a snapshot that holds it.
pub(in crate::nodes) const LATE: &str = "late";

/// What a window operator has counted since the job began.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::nodes) struct LateCount {
    /// Rows that came in.
    pub(in crate::nodes) rows_in: u64,
    /// Those of them that came late.
    rows: u64,
    /// By how much at most, microseconds.
    by_us: i64,
}

impl LateCount {
    pub(in crate::nodes) const NONE: Self = Self { rows_in: 0, rows: 0, by_us: 0 };

    /// Rows came late, here and in the metrics.
    pub(in crate::nodes) fn add(&mut self, rows: u64, by_us: i64, metrics: &Metrics) {
        self.rows += rows;
        self.by_us = self.by_us.max(by_us);
        metrics.late(rows, by_us);
    }

    /// Tells the metrics what was counted before, unless they have counted it themselves: state also comes back while a job runs.
    pub(in crate::nodes) fn tell(self, metrics: &Metrics) {
        let counts = [&metrics.rows_in, &metrics.rows_before, &metrics.rows_late];
        if counts.iter().any(|count| count.load(Ordering::Relaxed) > 0) {
            return;
        }
        metrics.late(self.rows, self.by_us);
        metrics.rows_before.fetch_add(self.rows_in, Ordering::Relaxed);
    }

    pub(in crate::nodes) fn table(self) -> Result<StateTable, OperatorError> {
        let column = |value: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![value])) };
        let count = |count: u64| column(i64::try_from(count).unwrap_or(i64::MAX));
        let rows = RecordBatch::try_from_iter([
            ("rows_in", count(self.rows_in)),
            ("rows", count(self.rows)),
            ("by_us", column(self.by_us)),
        ])?;
        Ok(StateTable { name: LATE.to_owned(), key_group: Some(0), rows })
    }

    /// Adds what a snapshot has, which is nothing if only its layout is looked at.
    pub(in crate::nodes) fn take(&mut self, rows: &RecordBatch) -> Result<(), OperatorError> {
        if rows.num_rows() > 0 {
            let count = |name| int64(rows, name).map(|count| count.max(0).unsigned_abs());
            self.rows_in += count("rows_in")?;
            self.rows += count("rows")?;
            self.by_us = self.by_us.max(int64(rows, "by_us")?);
        }
        Ok(())
    }
}

/// The only value of a column of the progress.
pub(in crate::nodes) fn int64(rows: &RecordBatch, name: &str) -> Result<i64, OperatorError> {
    let column = rows.column_by_name(name).and_then(|c| c.as_primitive_opt::<Int64Type>());
    let first = column.and_then(|c| c.values().first().copied());
    first.ok_or_else(|| OperatorError::Restore(format!("its progress has no int64 {name:?}")))
}
