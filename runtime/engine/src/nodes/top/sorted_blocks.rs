//! [`SortedBlocks`]: values in an order, in blocks of a bounded length, so that one that comes or goes moves few others. It knows no order
//! itself: its owner says at each search how a value compares.

use std::cmp::Ordering;

/// Values in ascending order.
#[derive(Clone)]
pub(super) struct SortedBlocks<T>(
    /// None is empty.
    Vec<Vec<T>>,
);

/// Where a value is, or would be: its block, and the index there.
pub(super) type Place = (usize, usize);

const BLOCK_MAX: usize = 256;

impl<T> Default for SortedBlocks<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> SortedBlocks<T> {
    /// The place of a value that is equal, or else the place where it would be. `order`: how a value here compares with the one that is looked for.
    pub(super) fn find(&self, mut order: impl FnMut(&T) -> Ordering) -> Result<Place, Place> {
        let block = self.0.partition_point(|block| block.last().is_some_and(|last| order(last).is_lt()));
        match self.0.get(block) {
            Some(values) => values.binary_search_by(order).map(|index| (block, index)).map_err(|index| (block, index)),
            None => Err(self.0.last().map_or((0, 0), |last| (block - 1, last.len()))),
        }
    }

    /// The place of the first value of which this holds, by looking at all before it.
    pub(super) fn position(&self, mut is: impl FnMut(&T) -> bool) -> Option<Place> {
        let in_block = |(block, values): (usize, &Vec<T>)| Some((block, values.iter().position(&mut is)?));
        self.0.iter().enumerate().find_map(in_block)
    }

    /// The value at a place.
    pub(super) fn get(&self, (block, index): Place) -> Option<&T> {
        match self.0.get(block)?.get(index) {
            Some(value) => Some(value),
            None => self.0.get(block + 1)?.first(),
        }
    }

    /// The value before a place.
    pub(super) fn before(&self, (block, index): Place) -> Option<&T> {
        match index.checked_sub(1) {
            Some(index) => self.0.get(block)?.get(index),
            None => self.0.get(block.checked_sub(1)?)?.last(),
        }
    }

    /// Changes the value at a place without changing its order.
    pub(super) fn get_mut(&mut self, (block, index): Place) -> Option<&mut T> {
        self.0.get_mut(block)?.get_mut(index)
    }

    /// Puts a value where [`SortedBlocks::find`] found that it would be.
    pub(super) fn insert(&mut self, (block, index): Place, value: T) {
        if self.0.is_empty() {
            self.0 = vec![Vec::new()];
        }
        let values = &mut self.0[block];
        values.insert(index, value);
        if values.len() > BLOCK_MAX {
            let second_half = values.split_off(BLOCK_MAX / 2);
            self.0.insert(block + 1, second_half);
        }
    }

    /// Takes out the value at a place that was found.
    pub(super) fn remove(&mut self, (block, index): Place) -> T {
        let value = self.0[block].remove(index);
        if self.0[block].is_empty() {
            self.0.remove(block);
        }
        value
    }

    /// The greatest value.
    pub(super) fn last(&self) -> Option<&T> {
        self.0.last()?.last()
    }

    /// The place of the greatest value.
    pub(super) fn last_place(&self) -> Option<Place> {
        Some((self.0.len().checked_sub(1)?, self.0.last()?.len() - 1))
    }

    /// All values.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.0.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn values_are_those_of_a_sorted_list(changes in prop::collection::vec((any::<bool>(), 0..400u32), 0..2_000)) {
            let (mut blocks, mut sorted) = (SortedBlocks::default(), Vec::new());
            for (comes, value) in changes {
                match (blocks.find(|other: &u32| other.cmp(&value)), comes) {
                    (Err(place), true) => {
                        let after = sorted.partition_point(|other| *other < value);
                        prop_assert_eq!(blocks.get(place), sorted.get(after));
                        prop_assert_eq!(blocks.before(place), sorted[..after].last());
                        blocks.insert(place, value);
                        sorted.insert(after, value);
                    }
                    (Ok(place), false) => {
                        prop_assert_eq!(blocks.remove(place), value);
                        sorted.retain(|other| *other != value);
                    }
                    (Ok(place), true) => {
                        prop_assert_eq!(blocks.get(place), Some(&value));
                        prop_assert_eq!(blocks.position(|other| *other == value), Some(place));
                    }
                    (Err(_), false) => prop_assert!(!sorted.contains(&value)),
                }
                prop_assert_eq!(blocks.last(), sorted.last());
                prop_assert_eq!(blocks.last_place().and_then(|place| blocks.get(place)), sorted.last());
            }
            prop_assert!(blocks.iter().eq(&sorted));
        }
    }
}
