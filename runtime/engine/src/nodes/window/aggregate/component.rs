//! Aggregates of components: accumulators are state rows in columns, and every call is about many groups at once.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{ArrayRef, UInt32Array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::take;
use arrow::datatypes::FieldRef;
use weir_host::{Accumulated, CallError, Failure, RejectedRow};
use weir_state::{StateColumns, States};

use super::Accumulators;
use crate::dataflow::operator::OperatorError;
use crate::nodes::distinct::DistinctSlots;

/// What the window needs of a component of the world `aggregate-operator`. Everything is pure: states go in, states come out.
pub trait ComponentAggregate: Send {
    /// The columns of an accumulator.
    fn state_fields(&self) -> Vec<FieldRef>;

    /// The column of results.
    fn output_field(&self) -> FieldRef;

    /// Adds rows to accumulators: row `i` to that of `group_of_row[i]`, an index into `states`. Returns all of them, in columns, as
    /// they are without the rows that it refuses, and these.
    ///
    /// # Errors
    /// If it fails; then nothing counts.
    fn accumulate(
        &mut self,
        columns: &[ArrayRef],
        event_times: &[i64],
        group_of_row: &[u32],
        states: States,
    ) -> Result<Accumulated, CallError>;

    /// Accumulators merged pairwise.
    ///
    /// # Errors
    /// If it fails.
    fn merge(&mut self, left: States, right: States) -> Result<Vec<ArrayRef>, CallError>;

    /// Whether [`ComponentAggregate::retract`] can be called.
    fn retracts(&self) -> bool {
        false
    }

    /// Accumulators taken back pairwise, those of `right` out of those of `left`.
    ///
    /// # Errors
    /// If it fails, or cannot do so.
    fn retract(&mut self, left: States, right: States) -> Result<Vec<ArrayRef>, CallError> {
        let _ = (left, right);
        Err(CallError::Arguments("this aggregate cannot take rows back".to_owned()))
    }

    /// The results of accumulators.
    ///
    /// # Errors
    /// If it fails.
    fn finish(&mut self, states: States) -> Result<ArrayRef, CallError>;
}

/// One instance for all panes of an operator; they are used one after the other, so the lock is never waited for.
pub type SharedComponent = Arc<Mutex<dyn ComponentAggregate>>;

/// The accumulators of a component.
pub(in super::super) struct ComponentAccumulators {
    component: SharedComponent,
    states: StateColumns,
    /// The groups of the rows that were staged, and their accumulators with these rows.
    staged: Option<(Vec<u32>, Vec<ArrayRef>)>,
    distinct: DistinctSlots,
    /// All groups are below this.
    groups: usize,
}

impl ComponentAccumulators {
    pub(in super::super) fn new(component: SharedComponent) -> Result<Self, OperatorError> {
        let fields = lock(&component).state_fields();
        let states = StateColumns::new(&fields);
        Ok(Self::of(component, states))
    }

    fn of(component: SharedComponent, states: StateColumns) -> Self {
        Self { component, states, staged: None, distinct: DistinctSlots::default(), groups: 0 }
    }

    pub(super) fn retracts(&self) -> bool {
        lock(&self.component).retracts()
    }

    /// The same without groups.
    pub(super) fn empty(&self) -> Self {
        Self::of(self.component.clone(), StateColumns::new(self.states.fields()))
    }

    /// A copy of all groups as they are now.
    pub(super) fn frozen(&mut self) -> Self {
        Self::of(self.component.clone(), self.states.freeze())
    }

    /// A bit per group: whether it has an accumulator.
    pub(super) fn present(&self, groups: &[u32]) -> BooleanBuffer {
        BooleanBuffer::collect_bool(groups.len(), |row| self.states.contains(groups[row]))
    }

    /// Adds the groups `others` to the groups `into`, all of which are distinct; the former are to be reset by the caller.
    pub(super) fn absorb_all(&mut self, into: &[u32], others: &[u32]) -> Result<(), OperatorError> {
        let right = self.states.gather(others)?;
        self.merge_states(into, &right)
    }

    /// Adds accumulators to distinct groups; those of groups that have none are taken as they are.
    fn merge_states(&mut self, groups: &[u32], right: &States) -> Result<(), OperatorError> {
        let rows = (0..groups.len() as u32).filter(|row| right.present.value(*row as usize));
        let (both, new): (Vec<u32>, Vec<u32>) = rows.partition(|row| self.states.contains(groups[*row as usize]));
        let groups_of = |rows: &[u32]| rows.iter().map(|row| groups[*row as usize]).collect::<Vec<u32>>();
        if !both.is_empty() {
            let of_both = groups_of(&both);
            let left = self.states.gather(&of_both)?;
            let merged = lock(&self.component).merge(left, rows_of(right, both)?)?;
            self.states.put(&of_both, States::all(of_both.len(), merged))?;
        }
        if !new.is_empty() {
            let of_new = groups_of(&new);
            self.states.put(&of_new, rows_of(right, new)?)?;
        }
        Ok(())
    }

    /// Takes accumulators back out of distinct groups.
    pub(super) fn retract_from(&mut self, groups: &[u32], other: &Self, others: &[u32]) -> Result<(), OperatorError> {
        let right = other.states.gather(others)?;
        let rows: Vec<u32> = (0..groups.len() as u32).filter(|row| right.present.value(*row as usize)).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let groups: Vec<u32> = rows.iter().map(|row| groups[*row as usize]).collect();
        let left = self.states.gather(&groups)?;
        let retracted = lock(&self.component).retract(left, rows_of(&right, rows)?)?;
        Ok(self.states.put(&groups, States::all(groups.len(), retracted))?)
    }
}

fn lock(component: &SharedComponent) -> MutexGuard<'_, dyn ComponentAggregate + 'static> {
    // Between calls a component holds nothing that a panic could have left half done.
    component.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Some rows of states that are all present, ascending; all of them are not copied.
fn rows_of(states: &States, rows: Vec<u32>) -> Result<States, OperatorError> {
    if rows.len() == states.len() {
        return Ok(States::all(rows.len(), states.columns.clone()));
    }
    let present = BooleanBuffer::new_set(rows.len());
    let rows = UInt32Array::from(rows);
    let columns = states.columns.iter().map(|c| take(c, &rows, None)).collect::<Result<_, _>>()?;
    Ok(States { present, columns })
}

impl Accumulators for ComponentAccumulators {
    fn fresh(&self) -> Box<dyn Accumulators> {
        Box::new(self.empty())
    }

    fn resize(&mut self, groups: usize) {
        self.groups = self.groups.max(groups);
    }

    fn memory_bytes(&mut self) -> u64 {
        self.states.memory_bytes()
    }

    fn clear(&mut self) {
        self.states.clear();
    }

    fn reset(&mut self, group: u32) {
        self.states.remove(group);
    }

    fn refuses_rows(&self) -> bool {
        true
    }

    fn stage(
        &mut self,
        group_of_row: &[u32],
        columns: &[ArrayRef],
        event_times: &[i64],
    ) -> Result<Vec<RejectedRow>, Failure<OperatorError>> {
        self.staged = None;
        let (groups, index_of_row) = self.distinct.of(group_of_row, self.groups);
        let states = self.states.gather(&groups).map_err(|e| Failure::Fatal(e.into()))?;
        let accumulated = lock(&self.component).accumulate(columns, event_times, &index_of_row, states)?;
        // With refused rows it is staged again without them: a group may have no other.
        if accumulated.rejected.is_empty() {
            self.staged = Some((groups, accumulated.accumulators));
        }
        Ok(accumulated.rejected)
    }

    fn update(
        &mut self,
        _group_of_row: &[u32],
        _columns: &[ArrayRef],
        _event_times: &[i64],
    ) -> Result<(), OperatorError> {
        if let Some((groups, states)) = self.staged.take() {
            self.states.put(&groups, States::all(groups.len(), states))?;
        }
        Ok(())
    }

    fn merge(&mut self, group_of_row: &[u32], state: &[ArrayRef]) -> Result<(), OperatorError> {
        let all = States::all(group_of_row.len(), state.to_vec());
        let mut rest: Vec<u32> = (0..group_of_row.len() as u32).collect();
        // A call merges pairs: a group that comes more than once takes a call each time.
        while !rest.is_empty() {
            let of_rest: Vec<u32> = rest.iter().map(|row| group_of_row[*row as usize]).collect();
            let (groups, index_of_row) = self.distinct.of(&of_rest, self.groups);
            let (mut rows, mut again) = (Vec::with_capacity(groups.len()), Vec::new());
            for (row, index) in rest.into_iter().zip(index_of_row) {
                // The first row of each group comes in the order of their indices.
                if index as usize == rows.len() { rows.push(row) } else { again.push(row) }
            }
            self.merge_states(&groups, &rows_of(&all, rows)?)?;
            rest = again;
        }
        Ok(())
    }

    fn merge_from(&mut self, groups: &[u32], other: &dyn Accumulators, others: &[u32]) -> Result<(), OperatorError> {
        match other.as_any().downcast_ref::<Self>() {
            Some(other) => self.merge_states(groups, &other.states.gather(others)?),
            None => self.merge(groups, &other.state(others)?),
        }
    }

    fn copy(&mut self, group: u32, from: u32) -> Result<(), OperatorError> {
        let states = self.states.gather(&[from])?;
        if states.present.value(0) {
            self.states.put(&[group], states)?;
        }
        Ok(())
    }

    fn absorb(&mut self, group: u32, from: u32) -> Result<(), OperatorError> {
        self.absorb_all(&[group], &[from])
    }

    fn state_fields(&self) -> Vec<FieldRef> {
        self.states.fields().to_vec()
    }

    fn freeze(&mut self) -> Box<dyn Accumulators> {
        Box::new(self.frozen())
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>, OperatorError> {
        Ok(self.states.gather(groups)?.columns)
    }

    fn output_field(&self) -> FieldRef {
        lock(&self.component).output_field()
    }

    fn finish(&self, groups: &[u32]) -> Result<ArrayRef, OperatorError> {
        let states = self.states.gather(groups)?;
        Ok(lock(&self.component).finish(states)?)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
