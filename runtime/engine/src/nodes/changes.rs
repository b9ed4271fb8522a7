//! Rows of an updating stream in the making: what each does, and where its values are. It knows no kind of step.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, DynComparator, RecordBatch, RecordBatchOptions, make_comparator};
use arrow::compute::{SortOptions, interleave};
use arrow::datatypes::SchemaRef;
use weir_core::batch::{RowKind, RowKinds, StreamBatch};

use crate::dataflow::operator::{OperatorError, Outputs};

/// Rows that are given out at once at most, as of windows.
const ROWS_MAX: usize = 8_192;

/// What a person can do where a step takes no updates by key.
pub(super) const ADVICE_ON_UPSERTS: &str = "set mode = \"retracting\" on the window that makes them, or put a [dedup.NAME] with \
                                            keep = \"last\" and their key between";

/// Changes, in order.
#[derive(Default)]
pub(super) struct Changes {
    kinds: Vec<u8>,
    /// Of each row the set of columns and the row there.
    picks: Vec<(usize, usize)>,
    times: Vec<i64>,
}

impl Changes {
    /// A row that does something: row `row` of the columns `source`, at an event time.
    pub(super) fn push(&mut self, kind: RowKind, (source, row): (usize, usize), time: i64) {
        self.kinds.push(kind as u8);
        self.picks.push((source, row));
        self.times.push(time);
    }

    /// What happens to one row: it was there (`before`), it is there now (`after`), or both. Places are as in [`Changes::push`].
    pub(super) fn replace(&mut self, before: Option<(usize, usize)>, after: Option<(usize, usize)>, time: i64) {
        match (before, after) {
            (None, None) => {}
            (None, Some(after)) => self.push(RowKind::Insert, after, time),
            (Some(before), None) => self.push(RowKind::Delete, before, time),
            (Some(before), Some(after)) => {
                self.push(RowKind::UpdateBefore, before, time);
                self.push(RowKind::UpdateAfter, after, time);
            }
        }
    }

    /// Gives the rows out by the main output. `sources` are sets of the columns of `schema`.
    pub(super) fn emit(
        self,
        schema: &SchemaRef,
        sources: &[&[ArrayRef]],
        ingested_at: i64,
        out: &mut Outputs,
    ) -> Result<(), OperatorError> {
        let rows = self.kinds.len();
        if rows == 0 {
            return Ok(());
        }
        let column = |column: usize| {
            let arrays: Vec<&dyn Array> = sources.iter().map(|source| source[column].as_ref()).collect();
            Ok(interleave(&arrays, &self.picks)?)
        };
        let columns = (0..schema.fields().len()).map(column).collect::<Result<Vec<_>, OperatorError>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let made = RecordBatch::try_new_with_options(schema.clone(), columns, &options)?;
        let are_inserts = self.kinds.iter().all(|kind| *kind == RowKind::Insert as u8);
        let row_kinds = if are_inserts { None } else { RowKinds::new(self.kinds.into()) };
        let all = StreamBatch { row_kinds, ..StreamBatch::new(made, self.times.into(), ingested_at) };
        emit_in_batches(&all, out);
        Ok(())
    }
}

/// Gives rows out by the main output, in batches of a bounded size.
pub(super) fn emit_in_batches(rows: &StreamBatch, out: &mut Outputs) {
    for offset in (0..rows.len()).step_by(ROWS_MAX) {
        out.emit(0, rows.slice(offset, ROWS_MAX.min(rows.len() - offset)));
    }
}

/// Compares rows of two sets of the same columns.
pub(super) struct RowComparator(Vec<DynComparator>);

impl RowComparator {
    /// Rows of `left` with rows of `right`.
    pub(super) fn new(left: &[ArrayRef], right: &[ArrayRef]) -> Result<Self, OperatorError> {
        let columns = left.iter().zip(right);
        let comparators = columns.map(|(left, right)| make_comparator(left, right, SortOptions::default()));
        Ok(Self(comparators.collect::<Result<_, _>>()?))
    }

    /// Whether all values are the same; of floats the bits.
    pub(super) fn is_same(&self, left: usize, right: usize) -> bool {
        self.order(left, right) == Ordering::Equal
    }

    /// By the first column that differs; nulls come first.
    pub(super) fn order(&self, left: usize, right: usize) -> Ordering {
        self.0.iter().map(|compare| compare(left, right)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}
