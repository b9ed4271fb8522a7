//! The distinct slots (or groups) of a call's rows. It is kept from call to call, so that a call costs what its rows cost.

/// Finds distinct slots.
#[derive(Default)]
pub(crate) struct DistinctSlots {
    /// By slot: its index in the call that is being made, or [`NO_INDEX`].
    index_of_slot: Vec<u32>,
}

const NO_INDEX: u32 = u32::MAX;

impl DistinctSlots {
    /// The distinct slots, in order of appearance, and for every row the index of its slot among them. All are below `bound`.
    pub(crate) fn of(&mut self, slots: &[u32], bound: usize) -> (Vec<u32>, Vec<u32>) {
        if self.index_of_slot.len() < bound {
            self.index_of_slot.resize(bound, NO_INDEX);
        }
        let mut distinct = Vec::new();
        let mut index_of_row = Vec::with_capacity(slots.len());
        for slot in slots {
            let index = &mut self.index_of_slot[*slot as usize];
            if *index == NO_INDEX {
                *index = distinct.len() as u32;
                distinct.push(*slot);
            }
            index_of_row.push(*index);
        }
        for slot in &distinct {
            self.index_of_slot[*slot as usize] = NO_INDEX;
        }
        (distinct, index_of_row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_slots_come_in_order_of_appearance_in_every_call() {
        let mut slots = DistinctSlots::default();
        assert_eq!(slots.of(&[3, 1, 3, 3, 0], 4), (vec![3, 1, 0], vec![0, 1, 0, 0, 2]));
        assert_eq!(slots.of(&[1, 5], 6), (vec![1, 5], vec![0, 1]));
        assert_eq!(slots.of(&[], 6), (vec![], vec![]));
    }
}
