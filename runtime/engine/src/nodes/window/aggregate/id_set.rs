//! [`IdSet`]: a set of small numbers. A few are kept in place; more in a hash table, or with a bit each where that is not larger, which is shared
//! with copies until one of them changes. It never knows what the numbers stand for.

use std::sync::Arc;

/// So many numbers take no more room in place than a table's pointer with its length.
const FEW_MAX: usize = 5;
/// Of a table's places one is free at least.
const TABLE_MIN: usize = 2 * (FEW_MAX + 1);
const FREE: u32 = u32::MAX;

/// A set of numbers below `u32::MAX`.
#[derive(Clone, Debug)]
pub(super) enum IdSet {
    Few {
        len: u8,
        ids: [u32; FEW_MAX],
    },
    /// Places by hash, a power of two, of which at most three quarters are taken.
    Table {
        len: u32,
        places: Arc<[u32]>,
    },
    Bits {
        len: u32,
        words: Arc<[u32]>,
    },
}

impl IdSet {
    pub(super) const EMPTY: Self = Self::Few { len: 0, ids: [FREE; FEW_MAX] };

    pub(super) fn len(&self) -> u32 {
        match self {
            Self::Few { len, .. } => u32::from(*len),
            Self::Table { len, .. } | Self::Bits { len, .. } => *len,
        }
    }

    /// Bytes beside the set itself.
    pub(super) fn memory_bytes(&self) -> u64 {
        match self {
            Self::Few { .. } => 0,
            Self::Table { places: words, .. } | Self::Bits { words, .. } => {
                (size_of_val::<[u32]>(words) + 2 * size_of::<usize>()) as u64
            }
        }
    }

    #[inline]
    pub(super) fn contains(&self, id: u32) -> bool {
        match self {
            Self::Few { ids, .. } => ids.contains(&id),
            Self::Table { places, .. } => places[place(places, id)] == id,
            Self::Bits { words, .. } => words.get(word(id)).is_some_and(|word| word & bit(id) != 0),
        }
    }

    /// Whether a number is where it is looked for first: if not, it may be elsewhere. Without a branch on what memory says, so that a
    /// processor looks for many numbers at once.
    #[inline]
    pub(super) fn contains_first(&self, id: u32) -> bool {
        match self {
            Self::Table { places, .. } => places[home(places, id)] == id,
            _ => self.contains(id),
        }
    }

    /// Adds a number that it does not have.
    pub(super) fn insert(&mut self, id: u32) {
        match self {
            Self::Few { len, ids } if usize::from(*len) < FEW_MAX => {
                ids[usize::from(*len)] = id;
                *len += 1;
            }
            Self::Table { len, places } if (*len as usize + 1) * 4 <= places.len() * 3 => {
                *len += 1;
                let places = Arc::make_mut(places);
                let at = place(places, id);
                places[at] = id;
            }
            Self::Bits { len, words } if word(id) < words.len() => {
                *len += 1;
                Arc::make_mut(words)[word(id)] |= bit(id);
            }
            _ => *self = self.larger(id),
        }
    }

    /// All numbers, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let (listed, words): (&[u32], &[u32]) = match self {
            Self::Few { ids, .. } => (ids, &[]),
            Self::Table { places, .. } => (places, &[]),
            Self::Bits { words, .. } => (&[], words),
        };
        let in_word = |(at, word): (usize, &u32)| {
            let word = *word;
            (0..u32::BITS).filter(move |n| word & (1 << n) != 0).map(move |n| at as u32 * u32::BITS + n)
        };
        listed.iter().copied().filter(|id| *id != FREE).chain(words.iter().enumerate().flat_map(in_word))
    }

    /// A set with room for more, that has one number more.
    #[cold]
    fn larger(&self, id: u32) -> Self {
        let len = self.len() + 1;
        let places = (2 * len as usize).max(TABLE_MIN).next_power_of_two();
        let words = (word(self.iter().max().unwrap_or(0).max(id)) + 1).next_power_of_two();
        let ids = self.iter().chain([id]);
        if words <= places {
            let mut bits = vec![0; words];
            ids.for_each(|id| bits[word(id)] |= bit(id));
            return Self::Bits { len, words: bits.into() };
        }
        let mut table = vec![FREE; places];
        for id in ids {
            let at = place(&table, id);
            table[at] = id;
        }
        Self::Table { len, places: table.into() }
    }
}

fn word(id: u32) -> usize {
    (id / u32::BITS) as usize
}

fn bit(id: u32) -> u32 {
    1 << (id % u32::BITS)
}

/// Where a number is looked for first.
#[inline]
fn home(places: &[u32], id: u32) -> usize {
    // Knuth's multiplicative hashing: multiples of the golden ratio are spread evenly, and so are their upper bits.
    let hash = u64::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (hash >> (u64::BITS - places.len().ilog2())) as usize
}

/// Where a number is in a table, or the free place where it belongs.
#[inline]
fn place(places: &[u32], id: u32) -> usize {
    let mut at = home(places, id);
    while places[at] != id && places[at] != FREE {
        at = (at + 1) & (places.len() - 1);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn ids() -> impl Strategy<Value = Vec<u32>> {
        let id = prop_oneof![0..8_u32, 0..100_000_u32, Just(u32::MAX - 1)];
        let ascending = (0..9_000_u32, 1..90_u32).prop_map(|(len, step)| (0..len).map(|n| n * step).collect());
        prop_oneof![4 => prop::collection::vec(id, 0..40), 1 => ascending]
    }

    proptest! {
        #[test]
        fn it_is_a_set(ids in ids(), later in ids()) {
            let (mut set, mut model) = (IdSet::EMPTY, BTreeSet::new());
            for id in ids {
                prop_assert_eq!(set.contains(id), !model.insert(id));
                if !set.contains(id) {
                    set.insert(id);
                }
                prop_assert!(set.contains(id));
            }
            let mut other = set.clone();
            later.into_iter().collect::<BTreeSet<_>>().difference(&model).for_each(|id| other.insert(*id));
            prop_assert_eq!(set.iter().collect::<BTreeSet<_>>(), model.clone());
            prop_assert_eq!(set.len() as usize, model.len());
            // Four bytes each, with room for four times as many in the worst case.
            prop_assert!(set.memory_bytes() <= 16 * model.len() as u64 + 64);
        }
    }

    #[test]
    fn a_set_of_few_takes_three_words_and_one_without_gaps_a_bit_for_each() {
        assert_eq!(size_of::<IdSet>(), 24);
        let mut set = IdSet::EMPTY;
        (0..1 << 20).for_each(|id| set.insert(id));
        assert!(set.memory_bytes() < (1 << 17) + 64, "{}", set.memory_bytes());
    }
}
