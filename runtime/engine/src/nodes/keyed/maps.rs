//! The maps of a keyed operator: what its component reads of them in a call, what the answer changes, and their snapshots. Nothing
//! is converted here: a map whose columns change is another map.

use std::cell::RefCell;
use std::ops::Bound;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{FieldRef, SchemaRef};
use weir_host::{EntryBound, EntryPage, EntryRange, FoundEntries, MapChanges, MapLayout, MapReadError, MapReader};
use weir_state::{FrozenMap, FrozenState, KeyedState, MapState, StateError, StateTable};

use crate::dataflow::error::OperatorError;

/// What the tables of a map are called in a snapshot, before its name.
const MAP: &str = "map:";

/// The maps of an operator.
pub(super) struct Maps {
    layouts: Arc<[MapLayout]>,
    /// One per layout.
    states: Vec<MapState>,
}

impl Maps {
    /// Maps without entries.
    ///
    /// # Errors
    /// If a column has a type that cannot be ordered.
    pub(super) fn new(layouts: Arc<[MapLayout]>) -> Result<Self, StateError> {
        let states = layouts.iter().map(state_of).collect::<Result<_, _>>()?;
        Ok(Self { layouts, states })
    }

    /// Whether a slot has an entry in any of them.
    pub(super) fn contains(&self, slot: u32) -> bool {
        self.states.iter().any(|map| map.contains(slot))
    }

    /// What a call may read whose keys are at these slots.
    pub(super) fn of_call(&self, slots: &[u32]) -> MapsOfCall {
        let reader = || -> Arc<dyn MapReader> {
            Arc::new(Reader { maps: self.states.iter().map(MapState::freeze).collect(), slots: slots.to_vec() })
        };
        MapsOfCall(RefCell::new((!self.states.is_empty()).then(reader)))
    }

    /// Takes the changes of a call that succeeded; its keys are at these slots.
    ///
    /// # Errors
    /// If the columns are not those of a map.
    pub(super) fn commit(&mut self, slots: &[u32], changes: Vec<MapChanges>) -> Result<(), StateError> {
        for MapChanges { map, keys, entry_keys, present, values } in changes {
            let slots: Vec<u32> = keys.iter().map(|key| slots[*key as usize]).collect();
            self.states[map].put(&slots, &entry_keys, present.as_ref(), &values)?;
        }
        Ok(())
    }

    pub(super) fn freeze(&self) -> FrozenMaps {
        let maps = self.layouts.iter().zip(&self.states);
        FrozenMaps(maps.map(|(layout, map)| (format!("{MAP}{}", layout.name), map.freeze())).collect())
    }

    /// Adds a table of a snapshot; `false`: it is not one of a map.
    ///
    /// # Errors
    /// If there is no such map now, or it has other columns.
    pub(super) fn restore(&mut self, state: &mut KeyedState, table: &StateTable) -> Result<bool, OperatorError> {
        let Some(name) = table.name.strip_prefix(MAP) else { return Ok(false) };
        let index = self.layouts.iter().position(|layout| layout.name == name);
        let Some(map) = index.and_then(|index| self.states.get_mut(index)) else {
            let reason = format!("it has no map {name:?} any more, whose entries would be lost");
            return Err(OperatorError::Migrate(reason));
        };
        let mut slots = Vec::new();
        let keys = state.keys().fields().len().min(table.rows.num_columns());
        state.slots(&table.rows.columns()[..keys], table.rows.num_rows(), &mut slots)?;
        let restored = map.restore(state, &table.rows, &slots);
        restored.map_err(|error| OperatorError::Migrate(format!("its map {name:?} has other columns: {error}")))?;
        Ok(true)
    }
}

/// What a component that is called may read.
pub(super) struct MapsOfCall(RefCell<Option<Arc<dyn MapReader>>>);

impl MapsOfCall {
    pub(super) fn reader(&self) -> Option<Arc<dyn MapReader>> {
        self.0.borrow().clone()
    }

    /// Before the answer is applied: what is still lent would be copied where it is written to.
    pub(super) fn close(&self) {
        self.0.take();
    }
}

/// The entries of all maps at one moment, by the name of their tables.
pub(super) struct FrozenMaps(Vec<(String, FrozenMap)>);

impl FrozenMaps {
    /// As [`FrozenMap::tables`], of all maps.
    ///
    /// # Errors
    /// As [`FrozenMap::tables`].
    pub(super) fn tables(&self, state: &FrozenState, key_groups: u32) -> Result<Vec<StateTable>, StateError> {
        let mut tables = Vec::new();
        for (name, map) in &self.0 {
            for (group, rows) in map.tables(state, key_groups)? {
                tables.push(StateTable { name: name.clone(), key_group: Some(group), rows });
            }
        }
        Ok(tables)
    }
}

/// Whether a table of a snapshot is one of a map that the operator cannot take up.
pub(crate) fn is_given_up(layouts: &[MapLayout], keys: usize, table: &StateTable) -> bool {
    let Some(name) = table.name.strip_prefix(MAP) else { return false };
    let Some(layout) = layouts.iter().find(|layout| layout.name == name) else { return true };
    let key_fields: Vec<FieldRef> = table.rows.schema_ref().fields().iter().take(keys).cloned().collect();
    let restore = || {
        let none = table.rows.slice(0, 0);
        state_of(layout)?.restore(&KeyedState::new(&key_fields, &[])?, &none, &[])
    };
    restore().is_err()
}

/// Refuses to replace a version by one with other maps.
pub(super) fn check_same(old: &[MapLayout], new: &[MapLayout]) -> Result<(), String> {
    if old == new {
        return Ok(());
    }
    let listing = |maps: &[MapLayout]| {
        let columns = |schema: &SchemaRef| schema.fields().iter().map(|f| f.to_string()).collect::<Vec<_>>().join(", ");
        let map = |map: &MapLayout| format!("{} ({}: {})", map.name, columns(&map.key), columns(&map.value));
        if maps.is_empty() { "none".to_owned() } else { maps.iter().map(map).collect::<Vec<_>>().join("; ") }
    };
    Err(format!(
        "its maps are other ones, and entries are not converted while a job runs: the running version has {}, this one {}; restart \
         the job from a savepoint, with new maps under new names",
        listing(old),
        listing(new)
    ))
}

fn state_of(layout: &MapLayout) -> Result<MapState, StateError> {
    let fields = |schema: &SchemaRef| schema.fields().iter().cloned().collect::<Vec<_>>();
    MapState::new(&fields(&layout.key), &fields(&layout.value))
}

/// Reads maps as they were before a call.
struct Reader {
    maps: Vec<FrozenMap>,
    /// By key of the call.
    slots: Vec<u32>,
}

impl MapReader for Reader {
    fn get(
        &self,
        map: usize,
        keys: &[u32],
        entry_keys: &[ArrayRef],
        bytes_max: usize,
    ) -> Result<FoundEntries, MapReadError> {
        let slots: Vec<u32> = keys.iter().map(|key| self.slots[*key as usize]).collect();
        let found = self.maps[map].get(&slots, entry_keys, bytes_max).map_err(unreadable)?;
        Ok(FoundEntries { present: found.present, values: found.values })
    }

    fn scan(
        &self,
        map: usize,
        key: u32,
        range: &EntryRange,
        limit: usize,
        bytes_max: usize,
    ) -> Result<EntryPage, MapReadError> {
        let (lower, upper) = (bound(&range.lower), bound(&range.upper));
        let run = self.maps[map].scan(self.slots[key as usize], lower, upper, limit, bytes_max).map_err(unreadable)?;
        Ok(EntryPage { entries: run.len, entry_keys: run.entry_keys, values: run.values, more: run.more })
    }
}

fn bound(bound: &EntryBound) -> Bound<&[ArrayRef]> {
    match bound {
        EntryBound::Unbounded => Bound::Unbounded,
        EntryBound::Included(columns) => Bound::Included(columns),
        EntryBound::Excluded(columns) => Bound::Excluded(columns),
    }
}

fn unreadable(error: StateError) -> MapReadError {
    match error {
        StateError::TooLarge { bytes_max } => MapReadError::TooLarge { limit_bytes: bytes_max },
        error => MapReadError::Failed(error.to_string()),
    }
}

/// Entries as rows, for messages.
pub(super) fn rows_of(schema: &SchemaRef, columns: &[ArrayRef]) -> Option<RecordBatch> {
    let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    let schema = arrow::datatypes::Schema::new(fields.collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), columns.to_vec()).ok()
}
