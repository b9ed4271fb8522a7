//! Bringing a state back to what it was before a row that was refused.
//!
//! Nothing is copied while no row is refused. When one is that has changed its state, the rows of its key before it run again, from
//! the last state that is known: that of the call's arguments, or the one after the refusal before. So every row runs at most
//! twice. What runs again emits, logs and counts nothing, and does to maps what it did before.

use std::collections::HashMap;

use crate::column::value;
use crate::error::RowError;
use crate::muted;
use crate::refused::Refused;
use crate::row::ReadRow;
use crate::state::{self, Slot};
use crate::wire::{Node, States};

/// The states of a call that can be gone back to.
pub(crate) struct Rewind<'a> {
    states: &'a States,
    key_of_row: &'a [[u8; 4]],
    /// For each row the row of its key before it, as one more than its index; 0: none. Empty while nothing was rewound.
    previous: Vec<u32>,
    /// By key: the state that was known last.
    known: HashMap<u32, Known>,
}

struct Known {
    /// The row that was refused then: everything before it is in the state.
    before: usize,
    /// The state; `None`: there was none.
    columns: Option<Vec<Node>>,
    /// The last row that changed it.
    changed_by: Option<u32>,
}

impl<'a> Rewind<'a> {
    /// Of a call with these states; `key_of_row` has a uint32 per row.
    pub(crate) fn new(states: &'a States, key_of_row: &'a [u8]) -> Self {
        Self { states, key_of_row: key_of_row.as_chunks().0, previous: Vec::new(), known: HashMap::new() }
    }

    /// The state of a row's key as it was before the row, which was refused. `run` runs an earlier row again; before the first one it is
    /// to take back what that one and those after it did elsewhere (`true`).
    ///
    /// # Errors
    /// If the host passed too little, or a row that was processed is refused when it runs again.
    #[cold]
    pub(crate) fn before<S: for<'r> ReadRow<'r>>(
        &mut self,
        row: usize,
        refused: &Refused,
        mut run: impl FnMut(usize, &mut Slot<S>, bool) -> Result<(), RowError>,
    ) -> Result<Slot<S>, String> {
        let (mut slot, rows) = self.start(row, refused)?;
        let first = rows.first().copied();
        muted::run(|| rows.iter().try_for_each(|row| run(*row, &mut slot, Some(*row) == first)))
            .map_err(|error| format!("a row that was processed is refused when it runs again: {error}"))?;
        if !rows.is_empty() {
            self.know(row, &slot);
        }
        Ok(slot)
    }

    /// The state of a row's key that was known last, and the rows that came since and before this one, in order.
    ///
    /// # Errors
    /// If the host passed too little.
    fn start<S: for<'r> ReadRow<'r>>(
        &mut self,
        row: usize,
        refused: &Refused,
    ) -> Result<(Slot<S>, Vec<usize>), String> {
        if self.previous.is_empty() {
            self.link_rows();
        }
        let key = u32::from_le_bytes(value(self.key_of_row, row));
        let (from, slot) = match self.known.get(&key) {
            Some(Known { before, columns, changed_by }) => {
                (*before, Slot::new(columns.as_deref().map(state::read_one).transpose()?, *changed_by))
            }
            None => (0, Slot::new(state::read_at(self.states, key as usize)?, None)),
        };
        let earlier = |row: usize| self.previous.get(row).and_then(|previous| previous.checked_sub(1));
        let mut rows = Vec::new();
        let mut at = earlier(row);
        while let Some(row) = at.map(|row| row as usize).filter(|row| *row >= from) {
            if !refused.contains(row) {
                rows.push(row);
            }
            at = earlier(row);
        }
        rows.reverse();
        Ok((slot, rows))
    }

    /// Remembers the state that a row's key had before it.
    fn know<S: for<'r> ReadRow<'r>>(&mut self, row: usize, slot: &Slot<S>) {
        let key = u32::from_le_bytes(value(self.key_of_row, row));
        let columns = slot.state().map(|state| state::write(1, std::iter::once(Some(state))));
        self.known.insert(key, Known { before: row, columns, changed_by: slot.changed_by() });
    }

    fn link_rows(&mut self) {
        let mut last = HashMap::new();
        let rows = (1..).zip(self.key_of_row);
        self.previous = rows.map(|(row, key)| last.insert(*key, row).unwrap_or(0)).collect();
    }
}
