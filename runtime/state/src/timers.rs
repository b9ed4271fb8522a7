//! [`Timers`]: timers of slots, of one clock; [`FrozenTimers`]: what they were at one moment. Never looks at a clock: its time is passed in.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type};

use crate::key_groups::GroupTables;
use crate::key_index::check_type;
use crate::keyed_state::{FrozenState, batch_of, schema_of};
pub use crate::timer_runs::Timer;
use crate::timer_runs::TimerRuns;
use crate::{KeyedState, StateError};

/// The column of a snapshot that holds a timer's time.
const TIME_COLUMN: &str = "timer_time";

/// A timer is one (key, time): registering it twice is registering it once.
#[derive(Debug, Default)]
pub struct Timers {
    by_time: TimerRuns,
    /// How many timers each slot has: what keeps a key without a state alive.
    of_slot: Vec<u32>,
}

impl Timers {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_time.len()
    }

    /// Bytes that they take.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        (self.len() * size_of::<Timer>() + self.of_slot.len() * size_of::<u32>()) as u64
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a slot has any.
    #[must_use]
    pub fn contains(&self, slot: u32) -> bool {
        self.of_slot.get(slot as usize).is_some_and(|n| *n > 0)
    }

    /// Adds a timer, if it is not there.
    pub fn register(&mut self, timer: Timer) {
        if self.by_time.insert(timer) {
            let slot = timer.slot as usize;
            if slot >= self.of_slot.len() {
                self.of_slot.resize(slot + 1, 0);
            }
            self.of_slot[slot] += 1;
        }
    }

    /// Forgets a timer, if it is there.
    pub fn delete(&mut self, timer: Timer) {
        if self.by_time.remove(timer) {
            self.of_slot[timer.slot as usize] -= 1;
        }
    }

    /// Whether any timer is due at a time of their clock.
    #[must_use]
    pub fn is_due(&self, now: i64) -> bool {
        self.by_time.first().is_some_and(|timer| timer.time <= now)
    }

    /// When the earliest is due.
    #[must_use]
    pub fn first(&self) -> Option<i64> {
        self.by_time.first().map(|timer| timer.time)
    }

    /// Takes all timers of others.
    pub fn append(&mut self, others: &mut Self) {
        std::mem::take(others).by_time.take_while(|_| true).into_iter().for_each(|timer| self.register(timer));
    }

    /// Takes out timers that are due at a time of their clock, by time, at most `max` of them, up to the first whose slot has one among them
    /// already: what a timer does to the others of its key must be known before they are taken.
    pub fn pop_due(&mut self, now: i64, max: usize) -> Vec<Timer> {
        let mut slots = HashSet::new();
        let due = |timer: &Timer| timer.time <= now && slots.len() < max && slots.insert(timer.slot);
        let due = self.by_time.take_while(due);
        for timer in &due {
            self.of_slot[timer.slot as usize] -= 1;
        }
        due
    }

    /// All timers as they are now.
    #[must_use]
    pub fn freeze(&mut self) -> FrozenTimers {
        FrozenTimers(self.by_time.freeze())
    }

    /// Adds the timers of a snapshot; `state` is where their keys get slots.
    ///
    /// # Errors
    /// If the columns are not those of [`FrozenTimers::tables`].
    pub fn restore<'a>(
        &mut self,
        state: &mut KeyedState,
        tables: impl IntoIterator<Item = &'a RecordBatch>,
    ) -> Result<(), StateError> {
        let (mut timers, mut slots) = (Vec::new(), Vec::new());
        for rows in tables {
            let Some((times, keys)) = rows.columns().split_last() else {
                return Err(StateError::Count { what: "columns of a snapshot of timers", found: 0, expected: 1 });
            };
            check_type("timer column", keys.len(), times.data_type(), &DataType::Int64)?;
            state.keys_mut().slots(keys, times.len(), &mut slots)?;
            let times = times.as_primitive::<Int64Type>().values().iter();
            timers.extend(times.zip(&slots).map(|(time, slot)| Timer { time: *time, slot: *slot }));
        }
        // In order, each goes to the end of the last run.
        timers.sort_unstable();
        timers.into_iter().for_each(|timer| self.register(timer));
        Ok(())
    }
}

/// All timers at one moment, whatever became of them since.
#[derive(Debug)]
pub struct FrozenTimers(Vec<Arc<Vec<Timer>>>);

impl FrozenTimers {
    /// All timers by key group: the key columns, then the time, one row per timer. `state` is of the same moment. A large group comes
    /// in several parts.
    ///
    /// # Errors
    /// If Arrow cannot put the rows together.
    pub fn tables(&self, state: &FrozenState, key_groups: u32) -> Result<Vec<(u32, RecordBatch)>, StateError> {
        let timers: Vec<Timer> = self.0.iter().flat_map(|run| run.iter().copied()).collect();
        let slots: Vec<u32> = timers.iter().map(|timer| timer.slot).collect();
        let time = Arc::new(Field::new(TIME_COLUMN, DataType::Int64, false));
        let schema = schema_of(state.key_fields(), &[time]);
        let mut tables = GroupTables::new(Arc::clone(&schema), key_groups);
        let columns = |rows: &[u32]| {
            let slots: Vec<u32> = rows.iter().map(|row| slots[*row as usize]).collect();
            let times = rows.iter().map(|row| timers[*row as usize].time);
            let mut columns = state.keys().keys(&slots)?;
            columns.push(Arc::new(Int64Array::from_iter_values(times)) as ArrayRef);
            batch_of(&schema, columns, rows.len())
        };
        tables.add(slots.len(), |rows| state.keys().hashes(&slots[rows]), columns)?;
        Ok(tables.finish()?)
    }
}
