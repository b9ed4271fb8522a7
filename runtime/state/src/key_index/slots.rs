//! Which slots are given out, and what is kept for the key in each. Knows no key: the caller remembers which key has a slot.

use crate::ChunkedVec;

/// A value per slot. Slots that are given back are given out again before new ones.
#[derive(Debug)]
pub(super) struct Slots<T> {
    values: ChunkedVec<T>,
    free: ChunkedVec<u32>,
    /// The slot of the null of a single column, which has no value.
    null: Option<u32>,
}

impl<T: Clone + Default> Slots<T> {
    pub(super) const fn new() -> Self {
        Self { values: ChunkedVec::new(), free: ChunkedVec::new(), null: None }
    }

    /// A copy of what it holds now.
    pub(super) fn freeze(&mut self) -> Self {
        Self { values: self.values.freeze(), free: self.free.freeze(), null: self.null }
    }

    /// How many slots are in use.
    pub(super) fn len(&self) -> usize {
        self.values.len() - self.free.len()
    }

    /// One more than the greatest slot ever given out.
    pub(super) fn bound(&self) -> usize {
        self.values.len()
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.values.memory_bytes() + self.free.memory_bytes()
    }

    #[inline]
    pub(super) fn get(&self, slot: u32) -> &T {
        &self.values[slot as usize]
    }

    pub(super) fn set(&mut self, slot: u32, value: T) {
        self.values[slot as usize] = value;
    }

    /// Gives out a slot.
    pub(super) fn take(&mut self, value: T) -> u32 {
        match self.free.pop() {
            Some(slot) => {
                self.set(slot, value);
                slot
            }
            None => {
                self.values.push(value);
                (self.values.len() - 1) as u32
            }
        }
    }

    /// Takes a slot back.
    pub(super) fn give_back(&mut self, slot: u32) {
        if self.null == Some(slot) {
            self.null = None;
        }
        self.free.push(slot);
    }

    pub(super) fn null(&self) -> Option<u32> {
        self.null
    }

    /// The slot of null, given out if it is not yet.
    pub(super) fn take_null(&mut self) -> u32 {
        match self.null {
            Some(slot) => slot,
            None => {
                let slot = self.take(T::default());
                self.null = Some(slot);
                slot
            }
        }
    }

    /// The slot of null, if it is among these.
    pub(super) fn null_among(&self, slots: &[u32]) -> Option<u32> {
        self.null.filter(|null| slots.contains(null))
    }

    /// The slots in use, ascending.
    pub(super) fn live(&self) -> Vec<u32> {
        let all = 0..self.values.len() as u32;
        if self.free.is_empty() {
            return all.collect();
        }
        let mut in_use = vec![true; self.values.len()];
        self.free.iter().for_each(|slot| in_use[*slot as usize] = false);
        all.filter(|slot| in_use[*slot as usize]).collect()
    }

    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.free.clear();
        self.null = None;
    }
}
