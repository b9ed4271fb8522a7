//! Slots by integer key: in pages where keys are close together, and in a hash table where they are not.

use hashbrown::HashTable;
use weir_core::key_group::mix;

use super::key_pages::KeyPages;

/// Fewer keys are in a hash table, wherever they are.
const PAGED_KEYS_MIN: usize = 256;

/// A slot for each key.
#[derive(Debug)]
pub(super) enum SlotTable {
    Pages(KeyPages),
    Hashed {
        table: HashTable<(i64, u32)>,
        /// With so many keys it is looked at whether they are close together.
        looks_at: usize,
    },
}

impl SlotTable {
    pub(super) const fn new() -> Self {
        Self::Hashed { table: HashTable::new(), looks_at: PAGED_KEYS_MIN }
    }

    #[inline]
    pub(super) fn get(&self, key: i64) -> Option<u32> {
        match self {
            Self::Pages(pages) => pages.get(key),
            Self::Hashed { table, .. } => table.find(mix(key as u64), |(k, _)| *k == key).map(|(_, slot)| *slot),
        }
    }

    /// Adds a key that it does not have.
    pub(super) fn insert(&mut self, key: i64, slot: u32) {
        if let Self::Pages(pages) = self {
            if pages.insert(key, slot) {
                return;
            }
            let mut table = HashTable::with_capacity(pages.len() + 1);
            pages.iter().for_each(|entry| insert_unique(&mut table, entry));
            *self = Self::Hashed { looks_at: PAGED_KEYS_MIN.max(2 * pages.len()), table };
        }
        if let Self::Hashed { table, looks_at } = self {
            insert_unique(table, (key, slot));
            if table.len() >= *looks_at {
                *looks_at = 2 * table.len();
                if let Some(pages) = KeyPages::of(table.iter().copied()) {
                    *self = Self::Pages(pages);
                }
            }
        }
    }

    /// Removes a key, if that is its slot.
    pub(super) fn remove(&mut self, key: i64, slot: u32) -> bool {
        match self {
            Self::Pages(pages) => pages.remove(key, slot),
            Self::Hashed { table, .. } => {
                table.find_entry(mix(key as u64), |entry| *entry == (key, slot)).map(|entry| entry.remove()).is_ok()
            }
        }
    }

    /// Forgets all keys; the memory is kept.
    pub(super) fn clear(&mut self) {
        match self {
            Self::Pages(pages) => pages.clear(),
            Self::Hashed { table, .. } => table.clear(),
        }
    }

    /// How many keys a hash table takes without growing.
    pub(super) fn capacity(&self) -> usize {
        match self {
            Self::Pages(_) => 0,
            Self::Hashed { table, .. } => table.capacity(),
        }
    }

    /// Makes room for this many keys more.
    pub(super) fn reserve(&mut self, keys: usize) {
        if let Self::Hashed { table, .. } = self {
            table.reserve(keys, |(k, _)| mix(*k as u64));
        }
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        match self {
            Self::Pages(pages) => pages.memory_bytes(),
            Self::Hashed { table, .. } => table.allocation_size() as u64,
        }
    }
}

fn insert_unique(table: &mut HashTable<(i64, u32)>, (key, slot): (i64, u32)) {
    table.insert_unique(mix(key as u64), (key, slot), |(k, _)| mix(*k as u64));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Keys that follow one another, a step apart.
    fn keys() -> impl Strategy<Value = Vec<i64>> {
        let starts = prop_oneof![Just(i64::MIN), Just(i64::MAX - 30_000), -40_000..40_000i64, any::<i64>()];
        let steps = prop_oneof![4 => 1..4i64, 1 => 1..5_000i64, 1 => Just(1 << 50)];
        (starts, 1..700i64, steps)
            .prop_map(|(start, count, step)| (0..count).map(|n| start.saturating_add(n.saturating_mul(step))).collect())
    }

    proptest! {
        #[test]
        fn a_table_is_a_map(changes in prop::collection::vec((keys(), 0..8u8), 1..12)) {
            let (mut table, mut model) = (SlotTable::new(), BTreeMap::new());
            let mut next = 0;
            for (keys, change) in changes {
                for key in keys {
                    prop_assert_eq!(table.get(key), model.get(&key).copied());
                    match (change, model.get(&key).copied()) {
                        (0..=2, Some(slot)) => {
                            prop_assert!(!table.remove(key, slot + 1));
                            prop_assert!(table.remove(key, slot));
                            model.remove(&key);
                        }
                        (0..=2, None) => prop_assert!(!table.remove(key, 0)),
                        (_, Some(_)) => {}
                        (_, None) => {
                            table.insert(key, next);
                            model.insert(key, next);
                            next += 1;
                        }
                    }
                }
                if change == 7 {
                    table.clear();
                    model.clear();
                }
                for (key, slot) in &model {
                    prop_assert_eq!(table.get(*key), Some(*slot));
                }
                if let SlotTable::Pages(pages) = &table {
                    prop_assert!(pages.iter().eq(model.iter().map(|(key, slot)| (*key, *slot))));
                    prop_assert!(pages.memory_bytes() < 1 << 20);
                }
            }
        }
    }

    #[test]
    fn keys_that_are_counted_up_are_in_pages_and_others_are_not() {
        for (step, in_pages) in [(1, true), (5, true), (1_000, false)] {
            let mut table = SlotTable::new();
            (0..10_000_u32).for_each(|n| table.insert(i64::from(n) * step - 20_000, n));
            assert_eq!(matches!(table, SlotTable::Pages(_)), in_pages, "step {step}");
        }
    }

    /// As sessions of users that are numbered: those of long ago end, and new ones begin.
    #[test]
    fn pages_of_keys_that_move_on_are_used_again() {
        let mut table = SlotTable::new();
        (0..1_000_u32).for_each(|n| table.insert(i64::from(n), n));
        for n in 1_000..200_000_u32 {
            table.insert(i64::from(n), n);
            assert!(table.remove(i64::from(n - 1_000), n - 1_000));
        }
        assert!(matches!(table, SlotTable::Pages(_)));
        assert!(table.memory_bytes() < 40_000, "{}", table.memory_bytes());
    }
}
