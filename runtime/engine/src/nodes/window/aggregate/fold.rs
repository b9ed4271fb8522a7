//! Accumulators that are one Rust value per group. What an aggregate is made of is a [`Fold`]; the bookkeeping is here, once.

use std::any::Any;
use std::ops::IndexMut;

use arrow::array::ArrayRef;
use arrow::buffer::NullBuffer;
use arrow::datatypes::FieldRef;
use weir_core::batch::array_bytes;
use weir_host::{Failure, RejectedRow};
use weir_state::ChunkedVec;

use super::Accumulators;
use crate::dataflow::operator::OperatorError;

/// One aggregate over values of one type.
pub(super) trait Fold: Clone + Send + 'static {
    /// What is kept per group; the default is the empty group.
    type Accumulator: Clone + Default + Send + Sync + 'static;

    /// Whether accumulators point to bytes elsewhere.
    const HAS_HEAP: bool = Self::HEAP_BYTES_PER_VALUE > 0;
    /// Bytes that a value which is kept takes elsewhere, beside its own.
    const HEAP_BYTES_PER_VALUE: usize = 0;

    /// Adds row `i` to group `group_of_row[i]`; all groups are in `groups`.
    fn update(
        &self,
        groups: &mut (impl Groups<Self::Accumulator> + ?Sized),
        group_of_row: &[u32],
        columns: &[ArrayRef],
        event_times: &[i64],
    ) -> Result<(), OperatorError>;

    /// Adds `other` to `into`.
    fn merge(&self, into: &mut Self::Accumulator, other: &Self::Accumulator) -> Result<(), OperatorError>;

    /// Whether [`Fold::take_back`] undoes [`Fold::merge`].
    const TAKES_BACK: bool = false;

    /// Takes `other` away from `from`, to which it was added.
    fn take_back(&self, from: &mut Self::Accumulator, other: &Self::Accumulator) {
        let _ = (from, other);
    }

    /// Bytes that an accumulator points to.
    fn heap_bytes(group: &Self::Accumulator) -> usize {
        let _ = group;
        0
    }

    /// The columns that an accumulator is written as.
    fn state_fields(&self) -> Vec<FieldRef>;

    /// Writes accumulators.
    fn state(&self, groups: &[&Self::Accumulator]) -> Result<Vec<ArrayRef>, OperatorError>;

    /// Reads `rows` accumulators; the columns have the types of [`Fold::state_fields`].
    fn load(&self, state: &[ArrayRef], rows: usize) -> Result<Vec<Self::Accumulator>, OperatorError>;

    /// The column of results.
    fn output_field(&self) -> FieldRef;

    /// Whether rows can be refused by [`Fold::refused`].
    fn refuses_rows(&self) -> bool {
        false
    }

    /// The rows that cannot be added to any group, ascending.
    fn refused(&self, columns: &[ArrayRef], rows: usize) -> Result<Vec<RejectedRow>, Failure<OperatorError>> {
        let _ = (columns, rows);
        Ok(Vec::new())
    }

    /// Why a result does not fit its type, if it does not.
    fn overflow(&self, group: &Self::Accumulator) -> Option<String> {
        let _ = group;
        None
    }

    /// The groups, by their places, that have no result, and why; ascending.
    fn overflows(&self, groups: &[&Self::Accumulator]) -> Vec<(usize, String)> {
        groups.iter().enumerate().filter_map(|(at, group)| Some((at, self.overflow(group)?))).collect()
    }

    /// The results.
    fn finish(&self, groups: &[&Self::Accumulator]) -> Result<ArrayRef, OperatorError>;
}

/// Accumulators by group: a slice, or the pieces of one that is long.
pub(super) trait Groups<A>: IndexMut<usize, Output = A> {}

impl<A, G: IndexMut<usize, Output = A> + ?Sized> Groups<A> for G {}

/// The accumulators of a fold.
pub(super) struct Folded<F: Fold> {
    fold: F,
    groups: ChunkedVec<F::Accumulator>,
    /// Bytes that accumulators point to, at most; and how many they were when they were last counted.
    heap_bytes: usize,
    counted_bytes: usize,
}

/// Bytes that accumulators may point to before they are counted for the first time.
const HEAP_BYTES_MIN: usize = 1 << 20;

impl<F: Fold> Folded<F> {
    pub(super) fn boxed(fold: F) -> Box<dyn Accumulators> {
        Box::new(Self::of(fold, ChunkedVec::new()))
    }

    fn of(fold: F, groups: ChunkedVec<F::Accumulator>) -> Self {
        Self { fold, groups, heap_bytes: 0, counted_bytes: 0 }
    }

    /// Accumulators may point to so many bytes more.
    fn grew(&mut self, rows: usize, columns: &[ArrayRef]) {
        if F::HAS_HEAP {
            let own = columns.iter().map(|column| array_bytes(column) as usize).sum::<usize>();
            self.heap_bytes += own + rows * F::HEAP_BYTES_PER_VALUE;
        }
    }

    fn picked(&self, groups: &[u32]) -> Vec<&F::Accumulator> {
        groups.iter().map(|g| &self.groups[*g as usize]).collect()
    }
}

impl<F: Fold> Accumulators for Folded<F> {
    fn fresh(&self) -> Box<dyn Accumulators> {
        Self::boxed(self.fold.clone())
    }

    fn resize(&mut self, groups: usize) {
        self.groups.grow(groups, &F::Accumulator::default());
    }

    fn memory_bytes(&mut self) -> u64 {
        // Counted when they may be a quarter more: so that costs little for each row that made them more.
        if self.heap_bytes > self.counted_bytes + self.counted_bytes / 4 + HEAP_BYTES_MIN {
            self.counted_bytes = self.groups.iter().map(F::heap_bytes).sum();
            self.heap_bytes = self.counted_bytes;
        }
        self.groups.memory_bytes() + self.heap_bytes as u64
    }

    fn clear(&mut self) {
        self.groups.clear();
        (self.heap_bytes, self.counted_bytes) = (0, 0);
    }

    fn reset(&mut self, group: u32) {
        self.groups[group as usize] = F::Accumulator::default();
    }

    fn refuses_rows(&self) -> bool {
        self.fold.refuses_rows()
    }

    fn stage(
        &mut self,
        group_of_row: &[u32],
        columns: &[ArrayRef],
        _event_times: &[i64],
    ) -> Result<Vec<RejectedRow>, Failure<OperatorError>> {
        self.fold.refused(columns, group_of_row.len())
    }

    fn update(&mut self, group_of_row: &[u32], columns: &[ArrayRef], event_times: &[i64]) -> Result<(), OperatorError> {
        self.grew(group_of_row.len(), columns);
        match self.groups.as_mut_slice() {
            // Few groups, and so many rows of each, are what it is asked most about.
            Some(few) => self.fold.update(few, group_of_row, columns, event_times),
            None => self.fold.update(&mut self.groups, group_of_row, columns, event_times),
        }
    }

    fn merge(&mut self, group_of_row: &[u32], state: &[ArrayRef]) -> Result<(), OperatorError> {
        for (group, other) in group_of_row.iter().zip(self.fold.load(state, group_of_row.len())?) {
            self.heap_bytes += F::heap_bytes(&other);
            self.fold.merge(&mut self.groups[*group as usize], &other)?;
        }
        Ok(())
    }

    fn merge_from(&mut self, groups: &[u32], other: &dyn Accumulators, others: &[u32]) -> Result<(), OperatorError> {
        let Some(other) = other.as_any().downcast_ref::<Self>() else {
            return self.merge(groups, &other.state(others)?);
        };
        for (group, from) in groups.iter().zip(others) {
            let other = &other.groups[*from as usize];
            self.heap_bytes += F::heap_bytes(other);
            self.fold.merge(&mut self.groups[*group as usize], other)?;
        }
        Ok(())
    }

    fn can_take_back(&self) -> bool {
        F::TAKES_BACK
    }

    fn take_back(&mut self, groups: &[u32], other: &dyn Accumulators, others: &[u32]) -> Result<(), OperatorError> {
        let Some(other) = other.as_any().downcast_ref::<Self>() else {
            return Err(OperatorError::Call("only rows of the same aggregate can be taken back".to_owned()));
        };
        for (group, from) in groups.iter().zip(others) {
            self.fold.take_back(&mut self.groups[*group as usize], &other.groups[*from as usize]);
        }
        Ok(())
    }

    fn copy(&mut self, group: u32, from: u32) -> Result<(), OperatorError> {
        self.heap_bytes += F::heap_bytes(&self.groups[from as usize]);
        self.groups[group as usize] = self.groups[from as usize].clone();
        Ok(())
    }

    fn absorb(&mut self, group: u32, from: u32) -> Result<(), OperatorError> {
        let other = std::mem::take(&mut self.groups[from as usize]);
        self.fold.merge(&mut self.groups[group as usize], &other)
    }

    fn state_fields(&self) -> Vec<FieldRef> {
        self.fold.state_fields()
    }

    fn freeze(&mut self) -> Box<dyn Accumulators> {
        Box::new(Self::of(self.fold.clone(), self.groups.freeze()))
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>, OperatorError> {
        self.fold.state(&self.picked(groups))
    }

    fn output_field(&self) -> FieldRef {
        self.fold.output_field()
    }

    fn overflows(&self, groups: &[u32]) -> Vec<(usize, String)> {
        self.fold.overflows(&self.picked(groups))
    }

    fn finish(&self, groups: &[u32]) -> Result<ArrayRef, OperatorError> {
        self.fold.finish(&self.picked(groups))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Calls `each` with the row and group of every row that is not null.
#[inline]
pub(super) fn for_each_valid<E>(
    nulls: Option<&NullBuffer>,
    group_of_row: &[u32],
    mut each: impl FnMut(usize, usize) -> Result<(), E>,
) -> Result<(), E> {
    let mut rows = group_of_row.iter().map(|g| *g as usize).enumerate();
    match nulls.filter(|n| n.null_count() > 0) {
        None => rows.try_for_each(|(row, group)| each(row, group)),
        Some(nulls) => rows.filter(|(row, _)| nulls.is_valid(*row)).try_for_each(|(row, group)| each(row, group)),
    }
}
