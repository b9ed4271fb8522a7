//! [`Timers`]: event-time timers of slots. Never looks at a clock: the watermark is passed in.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type};

use crate::key_groups::rows_by_group;
use crate::key_index::check_type;
use crate::keyed_state::{schema_of, take_batch};
use crate::{KeyedState, StateError};

/// The column of a snapshot that holds a timer's time.
const TIME_COLUMN: &str = "timer_time";

/// One timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    /// Microseconds since the epoch. It is due when the watermark reaches it.
    pub time: i64,
    /// The key's slot.
    pub slot: u32,
}

/// A timer is one (key, time): registering it twice is registering it once.
#[derive(Debug, Default)]
pub struct Timers {
    by_time: BTreeSet<Timer>,
    /// How many timers each slot has: what keeps a key without a state alive.
    of_slot: Vec<u32>,
}

impl Timers {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_time.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_time.is_empty()
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
        if self.by_time.remove(&timer)
            && let Some(n) = self.of_slot.get_mut(timer.slot as usize)
        {
            *n -= 1;
        }
    }

    /// Takes out timers that are due at a watermark, by time, at most `max` of them, up to the first whose slot has one among them
    /// already: what a timer does to the others of its key must be known before they are taken.
    pub fn pop_due(&mut self, watermark: i64, max: usize) -> Vec<Timer> {
        let (mut due, mut slots) = (Vec::new(), HashSet::new());
        while due.len() < max
            && let Some(timer) = self.by_time.first().copied().filter(|t| t.time <= watermark)
            && slots.insert(timer.slot)
        {
            self.delete(timer);
            due.push(timer);
        }
        due
    }

    /// All timers by key group: the key columns, then the time, a row a timer.
    ///
    /// # Errors
    /// If Arrow cannot put the rows together.
    pub fn snapshot(&self, state: &KeyedState, key_groups: u32) -> Result<Vec<(u32, RecordBatch)>, StateError> {
        let slots: Vec<u32> = self.by_time.iter().map(|t| t.slot).collect();
        let mut columns = state.keys().keys(&slots)?;
        let by_group = rows_by_group(&columns, slots.len(), key_groups)?;
        let times: ArrayRef = Arc::new(self.by_time.iter().map(|t| t.time).collect::<Int64Array>());
        columns.push(times);
        let time = Arc::new(Field::new(TIME_COLUMN, DataType::Int64, false));
        let schema = schema_of(state.keys().fields(), &[time]);
        by_group.into_iter().map(|(group, rows)| Ok((group, take_batch(&schema, &columns, rows)?))).collect()
    }

    /// Adds the timers of one group of a snapshot; `state` is where their keys get slots.
    ///
    /// # Errors
    /// If the columns are not those of [`Timers::snapshot`].
    pub fn restore(&mut self, state: &mut KeyedState, rows: &RecordBatch) -> Result<(), StateError> {
        let Some((times, keys)) = rows.columns().split_last() else {
            return Err(StateError::Count { what: "columns of a snapshot of timers", found: 0, expected: 1 });
        };
        check_type("timer column", keys.len(), times.data_type(), &DataType::Int64)?;
        let mut slots = Vec::new();
        state.keys_mut().slots(keys, times.len(), &mut slots)?;
        for (time, slot) in times.as_primitive::<Int64Type>().values().iter().zip(slots) {
            self.register(Timer { time: *time, slot });
        }
        Ok(())
    }
}
