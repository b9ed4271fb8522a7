//! [`Ttl`]: when slots were last used, and which of them have expired since. Never looks at a clock, and never removes a state: its time is
//! passed in, and it says which slots are to be cleared.
//!
//! The rules are those of Flink's state TTL with `NeverReturnExpired`: a state expires when its last use is as long ago as it may live, and one
//! that has expired is not there, whether it is still in memory or not.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type};

use crate::key_groups::GroupTables;
use crate::key_index::check_type;
use crate::keyed_state::{batch_of, schema_of};
use crate::{ChunkedVec, FrozenKeys, KeyIndex, StateError, Timer, Timers};

/// The column of a snapshot with the time of the last use.
const TIME_COLUMN: &str = "last_used";

/// What a slot has that is not in use.
const UNUSED: i64 = i64::MIN;

/// What counts as a use of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// To create it and to write it.
    OnWrite,
    /// To read it, too.
    OnReadAndWrite,
}

/// When slots were used last.
#[derive(Debug)]
pub struct Ttl {
    /// How long a state lives after its last use, in the unit of the times that are passed in.
    lives: i64,
    refresh: Refresh,
    used: ChunkedVec<i64>,
    /// One timer per slot at most, at or before the time when it expires: so a use costs no search.
    due: Timers,
}

impl Ttl {
    /// No slot is in use.
    #[must_use]
    pub fn new(lives: i64, refresh: Refresh) -> Self {
        Self { lives, refresh, used: ChunkedVec::new(), due: Timers::default() }
    }

    /// How long a state lives after its last use.
    #[must_use]
    pub fn lives(&self) -> i64 {
        self.lives
    }

    /// Whether a slot was used, and has expired by now.
    #[must_use]
    pub fn has_expired(&self, slot: u32, now: i64) -> bool {
        self.expires_at(slot).is_some_and(|time| time <= now)
    }

    /// When a slot that is in use expires.
    #[must_use]
    pub fn expires_at(&self, slot: u32) -> Option<i64> {
        let slot = slot as usize;
        let used = if slot < self.used.len() { self.used[slot] } else { UNUSED };
        (used != UNUSED).then(|| used.saturating_add(self.lives))
    }

    /// Where rows begin that are so much later than an earlier row of their slot that what that wrote has expired: such a row begins another
    /// part of them, so that each part has rows of one life of each slot. Each row is a use at its time; `slots` are those of all rows,
    /// `slot_of_row` which of them each has.
    #[must_use]
    pub fn ends_of_lives(&self, slots: &[u32], slot_of_row: &[u32], times: &[i64]) -> Vec<usize> {
        let mut ends = Vec::new();
        // By slot: when it expires, if a row of it came, and in which part that was.
        let mut lives: Vec<(Option<i64>, usize)> = vec![(None, 0); slots.len()];
        for (row, (slot, time)) in slot_of_row.iter().zip(times).enumerate() {
            let (expires_at, part) = &mut lives[*slot as usize];
            let expired = expires_at.is_some_and(|expires_at| expires_at <= *time);
            if expired && *part == ends.len() {
                ends.push(row);
            }
            let kept = match expires_at {
                Some(_) => expires_at.filter(|_| !expired),
                None => self.expires_at(slots[*slot as usize]).filter(|at| at > time),
            };
            (*expires_at, *part) = (kept.max(Some(time.saturating_add(self.lives))), ends.len());
        }
        ends
    }

    /// The state of a slot was created or written.
    pub fn wrote(&mut self, slot: u32, now: i64) {
        self.used.grow(slot as usize + 1, &UNUSED);
        // Rows that are out of order, and clocks that go back, make no use younger.
        self.used[slot as usize] = self.used[slot as usize].max(now.max(UNUSED + 1));
        if !self.due.contains(slot) {
            self.due.register(Timer { time: now.saturating_add(self.lives), slot });
        }
    }

    /// The state of a slot was read, and had not expired.
    pub fn read(&mut self, slot: u32, now: i64) {
        if self.refresh == Refresh::OnReadAndWrite {
            self.wrote(slot, now);
        }
    }

    /// A slot has no state any more.
    pub fn forget(&mut self, slot: u32) {
        if (slot as usize) < self.used.len() {
            self.used[slot as usize] = UNUSED;
        }
    }

    /// When the next slot may expire.
    #[must_use]
    pub fn first(&self) -> Option<i64> {
        self.due.first()
    }

    /// Slots that have expired and are to be cleared, and when they have: some of at most `max` that are looked at, which are not in use any more.
    /// Empty: none is left.
    pub fn pop_expired(&mut self, now: i64, max: usize) -> Vec<Timer> {
        let mut expired = Vec::new();
        while expired.is_empty() {
            let due = self.due.pop_due(now, max);
            if due.is_empty() {
                break;
            }
            for Timer { slot, .. } in due {
                match self.expires_at(slot) {
                    None => {}
                    Some(time) if time <= now => {
                        self.forget(slot);
                        expired.push(Timer { time, slot });
                    }
                    Some(time) => self.due.register(Timer { time, slot }),
                }
            }
        }
        expired
    }

    /// Bytes that it takes.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.used.memory_bytes() + self.due.memory_bytes()
    }

    /// The times as they are now.
    #[must_use]
    pub fn freeze(&mut self) -> FrozenTtl {
        FrozenTtl(self.used.freeze())
    }

    /// Takes the times of a snapshot; the keys of its tables get slots in `keys`.
    ///
    /// # Errors
    /// If the columns are not those of [`FrozenTtl::tables`].
    pub fn restore<'a>(
        &mut self,
        keys: &mut KeyIndex,
        tables: impl IntoIterator<Item = &'a RecordBatch>,
    ) -> Result<(), StateError> {
        let mut slots = Vec::new();
        for rows in tables {
            let Some((times, columns)) = rows.columns().split_last() else {
                return Err(StateError::Count { what: "columns of a snapshot of uses", found: 0, expected: 1 });
            };
            check_type("column of last uses", columns.len(), times.data_type(), &DataType::Int64)?;
            keys.slots(columns, times.len(), &mut slots)?;
            let times = times.as_primitive::<Int64Type>().values().iter();
            slots.iter().zip(times).for_each(|(slot, time)| self.wrote(*slot, *time));
        }
        Ok(())
    }
}

/// When slots were used last, at one moment.
#[derive(Debug)]
pub struct FrozenTtl(ChunkedVec<i64>);

impl FrozenTtl {
    /// The times by key group: the key columns, then the time, one row per slot in use. `keys` are of the same moment.
    ///
    /// # Errors
    /// If Arrow cannot put the rows together.
    pub fn tables(
        &self,
        keys: &FrozenKeys,
        key_fields: &[FieldRef],
        key_groups: u32,
    ) -> Result<Vec<(u32, RecordBatch)>, StateError> {
        let used = (0u32..).zip(self.0.iter().copied()).filter(|(_, time)| *time != UNUSED);
        let (slots, times): (Vec<u32>, Vec<i64>) = used.unzip();
        let time = Arc::new(Field::new(TIME_COLUMN, DataType::Int64, false));
        let schema = schema_of(key_fields, &[time]);
        let mut tables = GroupTables::new(Arc::clone(&schema), key_groups);
        let columns = |rows: &[u32]| {
            let of = rows.iter().map(|row| slots[*row as usize]).collect::<Vec<u32>>();
            let mut columns = keys.keys(&of)?;
            let times = rows.iter().map(|row| times[*row as usize]);
            columns.push(Arc::new(Int64Array::from_iter_values(times)) as ArrayRef);
            batch_of(&schema, columns, rows.len())
        };
        tables.add(slots.len(), |rows| keys.hashes(&slots[rows]), columns)?;
        Ok(tables.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_expires_after_its_last_use() {
        let mut ttl = Ttl::new(100, Refresh::OnWrite);
        ttl.wrote(3, 0);
        ttl.read(3, 50);
        assert!(!ttl.has_expired(3, 99) && ttl.has_expired(3, 100));
        ttl.wrote(3, 60);
        assert_eq!(ttl.first(), Some(100));
        assert!(ttl.pop_expired(120, 10).is_empty(), "it was used meanwhile");
        assert_eq!((ttl.first(), ttl.pop_expired(160, 10)), (Some(160), vec![Timer { time: 160, slot: 3 }]));
        assert!(!ttl.has_expired(3, 1_000), "it is not in use");
        assert_eq!(ttl.first(), None);
    }

    #[test]
    fn reading_counts_if_it_is_said_to() {
        let mut ttl = Ttl::new(100, Refresh::OnReadAndWrite);
        ttl.wrote(0, 0);
        ttl.read(0, 50);
        assert!(!ttl.has_expired(0, 149) && ttl.has_expired(0, 150));
    }

    #[test]
    fn a_slot_that_is_given_to_another_key_does_not_expire_with_the_first() {
        let mut ttl = Ttl::new(100, Refresh::OnWrite);
        ttl.wrote(7, 0);
        ttl.forget(7);
        ttl.wrote(7, 90);
        assert!(ttl.pop_expired(100, 10).is_empty());
        assert_eq!(ttl.pop_expired(190, 10), vec![Timer { time: 190, slot: 7 }]);
    }

    #[test]
    fn the_end_of_time_is_not_passed() {
        let mut ttl = Ttl::new(i64::MAX, Refresh::OnWrite);
        ttl.wrote(0, 10);
        assert!(!ttl.has_expired(0, i64::MAX - 1));
    }
}
