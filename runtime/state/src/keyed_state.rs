//! [`KeyedState`]: a row of state a key. Never keeps a key that has neither a state nor a reason given to stay.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};

use crate::key_groups::rows_by_group;
use crate::{KeyIndex, StateColumns, StateError, States};

/// What keyed operators keep. A batch's keys become slots ([`KeyedState::slots`]); the states of its distinct slots are read
/// and written as columns; keys that ended up without a state are let go ([`KeyedState::release`]).
#[derive(Debug)]
pub struct KeyedState {
    keys: KeyIndex,
    states: StateColumns,
}

impl KeyedState {
    /// No key has a state.
    ///
    /// # Errors
    /// If a field cannot be a key.
    pub fn new(key_fields: &[FieldRef], state_fields: &[FieldRef]) -> Result<Self, StateError> {
        Ok(Self { keys: KeyIndex::new(key_fields)?, states: StateColumns::new(state_fields) })
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &KeyIndex {
        &self.keys
    }

    /// The columns of a state.
    #[must_use]
    pub fn state_fields(&self) -> &[FieldRef] {
        self.states.fields()
    }

    /// The slot of every row's key, into `out`; new keys get one. Returns what arrays by slot must hold.
    ///
    /// # Errors
    /// As [`KeyIndex::slots`].
    pub fn slots(&mut self, key_columns: &[ArrayRef], rows: usize, out: &mut Vec<u32>) -> Result<usize, StateError> {
        self.keys.slots(key_columns, rows, out)
    }

    /// The states of some slots.
    ///
    /// # Errors
    /// As [`StateColumns::gather`].
    pub fn gather(&self, slots: &[u32]) -> Result<States, StateError> {
        self.states.gather(slots)
    }

    /// Writes the states of distinct slots; one that is not present is removed.
    ///
    /// # Errors
    /// As [`StateColumns::put`].
    pub fn put(&mut self, slots: &[u32], states: States) -> Result<(), StateError> {
        self.states.put(slots, states)
    }

    /// Removes the state of a slot; its key stays until it is released.
    pub fn remove(&mut self, slot: u32) {
        self.states.remove(slot);
    }

    /// Lets go the keys of those of these distinct slots, all in use, that have no state and are not to be kept (for a timer,
    /// say).
    pub fn release(&mut self, slots: &[u32], keep: impl Fn(u32) -> bool) {
        for slot in slots {
            if !self.states.contains(*slot) && !keep(*slot) {
                self.keys.remove(*slot);
            }
        }
    }

    /// All states by key group: the key columns, then the state columns, a row a key that has a state. `key_groups` is the
    /// job's `max_parallelism`.
    ///
    /// # Errors
    /// If Arrow cannot put the rows together.
    pub fn snapshot(&self, key_groups: u32) -> Result<Vec<(u32, RecordBatch)>, StateError> {
        let slots: Vec<u32> = self.keys.live_slots().into_iter().filter(|s| self.states.contains(*s)).collect();
        let mut columns = self.keys.keys(&slots)?;
        let by_group = rows_by_group(&columns, slots.len(), key_groups)?;
        columns.extend(self.states.gather(&slots)?.columns);
        let schema = schema_of(self.keys.fields(), self.states.fields());
        by_group.into_iter().map(|(group, rows)| Ok((group, take_batch(&schema, &columns, rows)?))).collect()
    }

    /// Adds the states of one group of a snapshot.
    ///
    /// # Errors
    /// If they have other columns.
    pub fn restore(&mut self, rows: &RecordBatch) -> Result<(), StateError> {
        let (found, keys) = (rows.num_columns(), self.keys.fields().len());
        let expected = keys + self.states.fields().len();
        if found != expected {
            return Err(StateError::Count { what: "columns of a snapshot", found, expected });
        }
        let fields = self.keys.fields().iter().chain(self.states.fields());
        for (field, found) in fields.zip(rows.schema().fields()) {
            if field.name() != found.name() {
                return Err(StateError::Name { expected: field.name().clone(), found: found.name().clone() });
            }
        }
        let (key_columns, state_columns) = rows.columns().split_at(keys);
        let mut slots = Vec::new();
        self.keys.slots(key_columns, rows.num_rows(), &mut slots)?;
        self.states.put(&slots, States::all(rows.num_rows(), state_columns.to_vec()))
    }

    /// The slots of keys in columns of a snapshot of something else about the same keys.
    pub(crate) fn keys_mut(&mut self) -> &mut KeyIndex {
        &mut self.keys
    }
}

/// Key columns, then others; the keys may hold nulls and the others are as they say.
pub(crate) fn schema_of(keys: &[FieldRef], others: &[FieldRef]) -> SchemaRef {
    // A key or state column may be null where its field says it is not: by an author's mistake, or where a state is absent.
    let nullable = |f: &FieldRef| Field::clone(f).with_nullable(true);
    Arc::new(Schema::new(keys.iter().chain(others).map(nullable).collect::<Vec<_>>()))
}

/// The given rows of columns.
pub(crate) fn take_batch(schema: &SchemaRef, columns: &[ArrayRef], rows: Vec<u32>) -> Result<RecordBatch, StateError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    let rows = UInt32Array::from(rows);
    let columns = columns.iter().map(|c| take(c, &rows, None)).collect::<Result<_, _>>()?;
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}
