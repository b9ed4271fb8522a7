//! Fixed-width values that are being written one by one, as the hot loop of an operator on rows does it.
//!
//! A value is stored into room that is there already. When there is no more, the room is handed on by value and comes back larger:
//! so nothing ever points at a builder, and its fields stay in registers while the loop runs.

use crate::wire::Node;

/// Room that is made for the first value of a column that was meant to have none.
const ROOM_MIN: usize = 64;

/// A column of values of `N` bytes that is being made.
#[derive(Clone, Debug, Default)]
pub struct FixedBuilder<const N: usize> {
    /// The first `len` are values, the others room.
    values: Vec<[u8; N]>,
    len: usize,
}

impl<const N: usize> FixedBuilder<N> {
    /// With room for this many values.
    #[inline]
    #[must_use]
    pub fn new(room: usize) -> Self {
        Self { values: vec![[0; N]; room], len: 0 }
    }

    /// Appends a value.
    #[inline]
    pub fn push(&mut self, value: [u8; N]) {
        if self.len >= self.values.len() {
            self.values = more_room(std::mem::take(&mut self.values));
        }
        if let Some(room) = self.values.get_mut(self.len) {
            *room = value;
        }
        self.len += 1;
    }

    /// Appends several; if it is known how many, none of them asks for room.
    #[inline]
    pub fn extend(&mut self, values: impl Iterator<Item = [u8; N]>) {
        self.values.truncate(self.len);
        self.values.extend(values);
        self.len = self.values.len();
    }

    /// How many values there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The values as they are in the column.
    #[must_use]
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.values.truncate(self.len);
        self.values.into_flattened()
    }

    /// The column, without nulls.
    #[must_use]
    pub fn finish(self) -> Node {
        Node { length: self.len as u32, null_count: 0, buffers: vec![Vec::new(), self.into_bytes()] }
    }
}

#[cold]
#[inline(never)]
fn more_room<const N: usize>(mut values: Vec<[u8; N]>) -> Vec<[u8; N]> {
    values.resize((2 * values.len()).max(ROOM_MIN), [0; N]);
    values
}
