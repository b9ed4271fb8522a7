//! [`KeyedState`]: one row of state per key; [`FrozenState`]: what it was at one moment. Never keeps a key that has neither a state nor a reason given to stay.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};

use crate::key_groups::GroupTables;
use crate::{FrozenKeys, KeyIndex, RelayoutRows, StateColumns, StateError, States, Ttl};

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

    /// Bytes that keys and states take.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.keys.memory_bytes() + self.states.memory_bytes()
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

    /// As [`KeyedState::slots`], with the hashes of the rows' keys if they are known.
    ///
    /// # Errors
    /// As [`KeyIndex::slots_hashed`].
    pub fn slots_hashed(
        &mut self,
        key_columns: &[ArrayRef],
        rows: usize,
        hashes: Option<&[u64]>,
        out: &mut Vec<u32>,
    ) -> Result<usize, StateError> {
        self.keys.slots_hashed(key_columns, rows, hashes, out)
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

    /// Lets go what was replaced; `false`: there is nothing of it.
    ///
    /// # Errors
    /// As [`StateColumns::compact`].
    pub fn compact(&mut self) -> Result<bool, StateError> {
        self.states.compact()
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

    /// All states as they are now.
    #[must_use]
    pub fn freeze(&mut self) -> FrozenState {
        let fields = schema_of(self.keys.fields(), self.states.fields());
        FrozenState {
            keys: self.keys.freeze(),
            key_fields: self.keys.fields().to_vec(),
            states: self.states.freeze(),
            fields,
        }
    }

    /// The slots of the keys of some tables of a snapshot, one table after the other.
    ///
    /// # Errors
    /// If they have other key columns.
    pub fn slots_of_all<'a>(
        &mut self,
        tables: impl IntoIterator<Item = &'a RecordBatch>,
    ) -> Result<Vec<u32>, StateError> {
        let keys = self.keys.fields().len();
        let key_columns = |rows: &'a RecordBatch| (&rows.columns()[..keys.min(rows.num_columns())], rows.num_rows());
        self.keys.slots_of_all(&tables.into_iter().map(key_columns).collect::<Vec<_>>())
    }

    /// Adds the states of one group of a snapshot, whose keys have these slots.
    ///
    /// # Errors
    /// If they have other columns.
    pub fn restore(&mut self, rows: &RecordBatch, slots: &[u32]) -> Result<(), StateError> {
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
        self.states.put(slots, States::all(rows.num_rows(), rows.columns()[keys..].to_vec()))
    }

    /// Whether a slot has a state.
    #[must_use]
    pub fn contains(&self, slot: u32) -> bool {
        self.states.contains(slot)
    }

    /// The slots that have a state, ascending.
    #[must_use]
    pub fn with_state(&self) -> Vec<u32> {
        self.states.slots()
    }

    /// Takes one table of a snapshot that says when the states of keys were used.
    ///
    /// # Errors
    /// As [`Ttl::restore`].
    pub fn restore_uses(&mut self, ttl: &mut Ttl, rows: &RecordBatch) -> Result<(), StateError> {
        ttl.restore(&mut self.keys, [rows])
    }

    /// Gives all states other columns.
    ///
    /// # Errors
    /// As [`StateColumns::relayout`].
    pub fn relayout<E: From<StateError>>(
        &mut self,
        fields: &[FieldRef],
        rows: RelayoutRows,
        convert: impl FnMut(usize, Vec<ArrayRef>) -> Result<Vec<ArrayRef>, E>,
    ) -> Result<(), E> {
        self.states.relayout(fields, rows, convert)
    }

    /// The slots of keys in columns of a snapshot of something else about the same keys.
    pub(crate) fn keys_mut(&mut self) -> &mut KeyIndex {
        &mut self.keys
    }
}

/// The states of a [`KeyedState`] at one moment, whatever became of them since.
#[derive(Debug)]
pub struct FrozenState {
    keys: FrozenKeys,
    key_fields: Vec<FieldRef>,
    states: StateColumns,
    fields: SchemaRef,
}

impl FrozenState {
    /// All states by key group: the key columns, then the state columns, one row per key that has a state. `key_groups` is the
    /// job's `max_parallelism`. A large group comes in several parts.
    ///
    /// # Errors
    /// If Arrow cannot put the rows together.
    pub fn tables(&self, key_groups: u32) -> Result<Vec<(u32, RecordBatch)>, StateError> {
        let slots = self.states.slots();
        let mut tables = GroupTables::new(Arc::clone(&self.fields), key_groups);
        let columns = |rows: &[u32]| {
            let slots: Vec<u32> = rows.iter().map(|row| slots[*row as usize]).collect();
            let mut columns = self.keys.keys(&slots)?;
            columns.extend(self.states.gather(&slots)?.columns);
            batch_of(&self.fields, columns, slots.len())
        };
        tables.add(slots.len(), |rows| self.keys.hashes(&slots[rows]), columns)?;
        Ok(tables.finish()?)
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &FrozenKeys {
        &self.keys
    }

    /// The columns of a key.
    #[must_use]
    pub fn key_fields(&self) -> &[FieldRef] {
        &self.key_fields
    }
}

/// Key columns, then others; the keys may hold nulls and the others are as they say.
pub(crate) fn schema_of(keys: &[FieldRef], others: &[FieldRef]) -> SchemaRef {
    // A key or state column may be null where its field says it is not: by an author's mistake, or where a state is absent.
    let nullable = |f: &FieldRef| Field::clone(f).with_nullable(true);
    Arc::new(Schema::new(keys.iter().chain(others).map(nullable).collect::<Vec<_>>()))
}

/// Columns that may be none, of so many rows.
pub(crate) fn batch_of(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, StateError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}
