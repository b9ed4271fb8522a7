//! Keys with their accumulators: what a pane is.

use arrow::datatypes::FieldRef;
use weir_state::{FrozenKeys, KeyIndex};

use super::aggregate_set::AggregateSet;
use super::window_rows::WindowRows;
use crate::dataflow::operator::OperatorError;

/// One row of accumulators per key, at the key's slot.
pub(in crate::nodes) struct GroupTable {
    pub(in crate::nodes) keys: KeyIndex,
    pub(in crate::nodes) aggregates: AggregateSet,
    /// The slots of the rows of the last call.
    pub(in crate::nodes) slots: Vec<u32>,
    /// By slot, if rows can be refused: whether one has not been.
    has_rows: Vec<bool>,
}

impl GroupTable {
    pub(in crate::nodes) fn new(key_fields: &[FieldRef], aggregates: AggregateSet) -> Result<Self, OperatorError> {
        Ok(Self { keys: KeyIndex::new(key_fields)?, aggregates, slots: Vec::new(), has_rows: Vec::new() })
    }

    /// All keys and their accumulators as they are now.
    pub(in crate::nodes) fn freeze(&mut self) -> (FrozenKeys, AggregateSet) {
        (self.keys.freeze(), self.aggregates.freeze())
    }

    /// Bytes that keys and accumulators take.
    pub(in crate::nodes) fn memory_bytes(&mut self) -> u64 {
        self.keys.memory_bytes() + self.aggregates.memory_bytes() + self.has_rows.len() as u64
    }

    /// Forgets all keys; the memory is kept.
    pub(in crate::nodes) fn clear(&mut self) {
        self.keys.clear();
        self.aggregates.clear();
        self.has_rows.clear();
    }

    /// Adds rows. Those that an aggregate refuses are in none of them, and come back in `refused` with the reason; the first
    /// ends it with an error, if `fails`.
    pub(in crate::nodes) fn add(
        &mut self,
        rows: &WindowRows,
        refused: &mut Vec<(usize, String)>,
        fails: bool,
    ) -> Result<(), OperatorError> {
        let bound = self.keys.slots(&rows.keys, rows.len, &mut self.slots)?;
        self.aggregates.resize(bound);
        if !self.aggregates.refuses_rows() {
            return self.aggregates.update(&self.slots, rows);
        }
        self.aggregates.add_apart(&self.slots, rows, refused, fails)?;
        self.forget_refused(refused);
        Ok(())
    }

    /// Forgets the keys that have had refused rows only.
    fn forget_refused(&mut self, refused: &[(usize, String)]) {
        self.has_rows.resize(self.keys.slot_bound(), false);
        let mut is_refused = refused.iter().map(|(row, _)| *row).peekable();
        for (row, slot) in self.slots.iter().enumerate() {
            if is_refused.next_if_eq(&row).is_none() {
                self.has_rows[*slot as usize] = true;
            }
        }
        for (row, _) in refused {
            let slot = self.slots[*row];
            if !self.has_rows[slot as usize] {
                self.keys.remove(slot);
            }
        }
    }

    /// Finds the slots of rows that have been added, as if they were added now.
    pub(in crate::nodes) fn look_up(&mut self, rows: &WindowRows) -> Result<(), OperatorError> {
        let bound = self.keys.slots(&rows.keys, rows.len, &mut self.slots)?;
        self.aggregates.resize(bound);
        Ok(())
    }

    /// Adds accumulators.
    pub(in crate::nodes) fn merge(&mut self, rows: &WindowRows) -> Result<(), OperatorError> {
        let bound = self.keys.slots(&rows.keys, rows.len, &mut self.slots)?;
        self.aggregates.resize(bound);
        self.has_rows.resize(bound, true);
        self.aggregates.merge(&self.slots, rows)
    }

    /// Adds the accumulators of a snapshot.
    pub(in crate::nodes) fn restore(&mut self, parts: &[WindowRows]) -> Result<(), OperatorError> {
        let keys: Vec<_> = parts.iter().map(|part| (part.keys.as_slice(), part.len)).collect();
        let slots = self.keys.slots_of_all(&keys)?;
        let bound = self.keys.slot_bound();
        self.aggregates.resize(bound);
        self.has_rows.resize(bound, true);
        let mut slots = slots.as_slice();
        for part in parts {
            let (own, others) = slots.split_at(part.len);
            self.aggregates.merge(own, part)?;
            slots = others;
        }
        Ok(())
    }

    /// Adds all groups of another table.
    pub(in crate::nodes) fn merge_table(&mut self, other: &Self) -> Result<(), OperatorError> {
        let others = other.keys.live_slots();
        self.keys.slots_from(&other.keys, &others, &mut self.slots);
        self.aggregates.resize(self.keys.slot_bound());
        self.aggregates.merge_from(&self.slots, &other.aggregates, &others)
    }
}
