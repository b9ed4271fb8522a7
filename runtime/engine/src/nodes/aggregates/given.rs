//! [`GivenResults`]: the results of components that are out. They are kept because another version of a component may make others of the same
//! accumulators, and what is taken back has to be what was given out. Computes nothing.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use weir_state::{StateColumns, States};

use crate::dataflow::operator::OperatorError;
use crate::nodes::window::aggregate_set::AggregateSet;
use crate::nodes::window::{AggregateKind, BoundAggregate};

/// By slot: the results that are out, of the aggregates that are components.
pub(super) struct GivenResults {
    /// Which aggregates they are of.
    aggregates: Vec<usize>,
    columns: StateColumns,
}

impl GivenResults {
    pub(super) fn new(aggregates: &[BoundAggregate], set: &AggregateSet) -> Self {
        let is_component = |of: &BoundAggregate| matches!(of.kind, AggregateKind::Component { .. });
        let (mut of, mut fields) = (Vec::new(), Vec::new());
        for (index, (aggregate, field)) in aggregates.iter().zip(set.output_fields()).enumerate() {
            if is_component(aggregate) {
                of.push(index);
                let name = format!("{}.given", aggregate.name);
                fields.push(FieldRef::new(Field::new(name, field.data_type().clone(), true)));
            }
        }
        Self { aggregates: of, columns: StateColumns::new(&fields) }
    }

    /// The aggregates that it keeps results of.
    pub(super) fn aggregates(&self) -> &[usize] {
        &self.aggregates
    }

    /// The results of some keys, a column per aggregate.
    pub(super) fn of(&self, slots: &[u32]) -> Result<Vec<ArrayRef>, OperatorError> {
        if self.aggregates.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.columns.gather(slots)?.columns)
    }

    /// These results are out from now on, of distinct keys.
    pub(super) fn put(&mut self, slots: &[u32], results: Vec<ArrayRef>) -> Result<(), OperatorError> {
        if !self.aggregates.is_empty() {
            self.columns.put(slots, States::all(slots.len(), results))?;
        }
        Ok(())
    }

    /// No result of a key is out.
    pub(super) fn remove(&mut self, slot: u32) {
        self.columns.remove(slot);
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.columns.memory_bytes()
    }

    /// What it is now, of which only [`GivenResults::state`] is asked.
    pub(super) fn freeze(&mut self) -> Self {
        Self { aggregates: self.aggregates.clone(), columns: self.columns.freeze() }
    }

    /// The columns of a snapshot: whether results are out, and they. None, if no aggregate is a component's.
    pub(super) fn state_fields(&self) -> Vec<FieldRef> {
        if self.aggregates.is_empty() {
            return Vec::new();
        }
        // With a dot, as no aggregate can be called without quotes.
        let is_out = FieldRef::new(Field::new("weir.given", DataType::Boolean, true));
        std::iter::once(is_out).chain(self.columns.fields().iter().cloned()).collect()
    }

    pub(super) fn state(&self, slots: &[u32]) -> Result<Vec<ArrayRef>, OperatorError> {
        if self.aggregates.is_empty() {
            return Ok(Vec::new());
        }
        let States { present, columns } = self.columns.gather(slots)?;
        let is_out: ArrayRef = Arc::new(BooleanArray::new(present, None));
        Ok(std::iter::once(is_out).chain(columns).collect())
    }

    /// Takes the columns of a snapshot, a row per distinct key. Returns whether results of each are out; `None`: no aggregate is a component's.
    pub(super) fn restore(&mut self, slots: &[u32], state: &[ArrayRef]) -> Result<Option<Vec<bool>>, OperatorError> {
        let [is_out, columns @ ..] = state else { return Ok(None) };
        let present = is_out.as_boolean().values().clone();
        let is_out = present.iter().collect();
        self.columns.put(slots, States { present, columns: columns.to_vec() })?;
        Ok(Some(is_out))
    }
}
