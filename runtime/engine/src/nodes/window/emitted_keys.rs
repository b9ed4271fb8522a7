//! How far the results of single keys have been emitted. Between two parts of a firing some keys are further than others, and
//! when several subtasks become one, those of one subtask are further than those of another.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{FieldRef, Int64Type};
use weir_core::window::Window;
use weir_state::{FrozenKeys, KeyIndex};

use super::window_state::EmittedRows;
use crate::dataflow::operator::OperatorError;

/// Keys, and up to when their results have been emitted.
pub(super) struct EmittedKeys {
    keys: KeyIndex,
    /// By slot: the results of all windows of the key whose last instant is not after this have been emitted.
    until: Vec<i64>,
    slots: Vec<u32>,
}

impl EmittedKeys {
    pub(super) fn new(key_fields: &[FieldRef]) -> Result<Self, OperatorError> {
        Ok(Self { keys: KeyIndex::new(key_fields)?, until: Vec::new(), slots: Vec::new() })
    }

    /// Adds keys; of one that comes more than once the furthest counts.
    pub(super) fn add(&mut self, keys: &[ArrayRef], until: &ArrayRef) -> Result<(), OperatorError> {
        let bound = self.keys.slots(keys, until.len(), &mut self.slots)?;
        self.until.resize(bound, i64::MIN);
        for (slot, until) in self.slots.iter().zip(until.as_primitive::<Int64Type>().values()) {
            let known = &mut self.until[*slot as usize];
            *known = (*known).max(*until);
        }
        Ok(())
    }

    /// Adds those of some slots of an index whose result for a window has not been emitted to `out`; returns how many.
    #[inline]
    pub(super) fn push_others(&self, keys: &KeyIndex, slots: &[u32], window: Window, out: &mut Vec<u32>) -> usize {
        if self.until.is_empty() {
            out.extend_from_slice(slots);
            return slots.len();
        }
        let before = out.len();
        let is_emitted = |slot: &u32| {
            let own = self.keys.find_from(keys, *slot);
            own.is_some_and(|own| self.until[own as usize] >= window.max_time())
        };
        out.extend(slots.iter().filter(|slot| !is_emitted(slot)));
        out.len() - before
    }

    pub(super) fn clear(&mut self) {
        // To clear a table takes time even if it is empty, and there are many watermarks.
        if !self.until.is_empty() {
            self.keys.clear();
            self.until.clear();
        }
    }

    /// All keys as they are now.
    pub(super) fn freeze(&mut self) -> EmittedRows {
        let (slots, until) = (self.keys.live_slots(), self.until.clone());
        let keys = self.keys.freeze();
        EmittedRows { keys, slots, until: Box::new(move |slot| until.get(slot as usize).copied().unwrap_or(i64::MIN)) }
    }
}

/// Keys of an index that have all been emitted up to one instant.
pub(super) fn emitted_rows(keys: FrozenKeys, slots: &[u32], until: i64) -> EmittedRows {
    EmittedRows { keys, slots: slots.to_vec(), until: Box::new(move |_| until) }
}
