//! The maps of a keyed operator: what its component reads of them in a call, what the answer changes, and their snapshots. Nothing
//! is converted here: a map whose columns change is another map.

use std::cell::RefCell;
use std::ops::Bound;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{FieldRef, SchemaRef};
use weir_core::column_type::type_name;
use weir_host::{EntryBound, EntryPage, EntryRange, FoundEntries, MapChanges, MapLayout, MapReadError, MapReader};
use weir_state::{FrozenMap, FrozenState, KeyedState, MapState, StateError, StateTable};

use crate::error::OperatorError;
use crate::plan::map_tables::{map_of_table, map_state, map_table};

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
        let states = layouts.iter().map(map_state).collect::<Result<_, _>>()?;
        Ok(Self { layouts, states })
    }

    /// Whether a slot has an entry in any of them.
    pub(super) fn contains(&self, slot: u32) -> bool {
        self.states.iter().any(|map| map.contains(slot))
    }

    /// Removes all entries of a slot.
    pub(super) fn clear(&mut self, slot: u32) {
        self.states.iter_mut().for_each(|map| map.clear(slot));
    }

    /// What a call may read whose keys are at these slots.
    pub(super) fn of_call(&self, slots: &[u32]) -> MapsOfCall {
        let reader = || -> Arc<dyn MapReader> {
            Arc::new(Reader { maps: self.states.iter().map(MapState::freeze).collect(), slots: slots.to_vec() })
        };
        MapsOfCall(RefCell::new((!self.states.is_empty()).then(reader)))
    }

    /// Bytes that all entries take.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.states.iter().map(MapState::memory_bytes).sum()
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
        FrozenMaps(maps.map(|(layout, map)| (map_table(&layout.name), map.freeze())).collect())
    }

    /// Adds a table of a snapshot; `false`: it is not one of a map.
    ///
    /// # Errors
    /// If there is no such map now, or it has other columns.
    pub(super) fn restore(&mut self, state: &mut KeyedState, table: &StateTable) -> Result<bool, OperatorError> {
        let Some(name) = map_of_table(table) else { return Ok(false) };
        let index = self.layouts.iter().position(|layout| layout.name == name);
        let Some(map) = index.and_then(|index| self.states.get_mut(index)) else {
            let reason = format!("it has no map {name:?} any more, whose entries would be lost");
            return Err(OperatorError::unreadable(reason));
        };
        let mut slots = Vec::new();
        let keys = state.keys().fields().len().min(table.rows.num_columns());
        state.slots(&table.rows.columns()[..keys], table.rows.num_rows(), &mut slots)?;
        let restored = map.restore(state, &table.rows, &slots);
        restored.map_err(|error| OperatorError::unreadable(format!("its map {name:?} has other columns: {error}")))?;
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

/// Refuses to replace a version by one with other maps.
pub(super) fn check_same(old: &[MapLayout], new: &[MapLayout]) -> Result<(), String> {
    if old == new {
        return Ok(());
    }
    let listing = |maps: &[MapLayout]| {
        let column = |field: &FieldRef| {
            let null = if field.is_nullable() { " or null" } else { "" };
            format!("{} {}{null}", field.name(), type_name(field.data_type()))
        };
        let columns = |schema: &SchemaRef| schema.fields().iter().map(column).collect::<Vec<_>>().join(", ");
        let map = |map: &MapLayout| format!("{} ({} -> {})", map.name, columns(&map.key), columns(&map.value));
        if maps.is_empty() { "none".to_owned() } else { maps.iter().map(map).collect::<Vec<_>>().join("; ") }
    };
    Err(format!(
        "its maps are different, and entries are not converted while a job runs: the running version has {}, this one {}; restart \
         the job from a savepoint, with new maps under new names",
        listing(old),
        listing(new)
    ))
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

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringArray};
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;
    use crate::plan::map_tables::is_given_up;

    fn layout(name: &str, value: DataType) -> MapLayout {
        let schema = |name: &str, of| Arc::new(Schema::new(vec![Field::new(name, of, true)]));
        MapLayout { name: name.to_owned(), key: schema("page", DataType::Utf8), value: schema("seen", value) }
    }

    fn state() -> KeyedState {
        KeyedState::new(&[Arc::new(Field::new("user", DataType::Int64, true))], &[]).unwrap()
    }

    /// Tables of a map "visits" of two users.
    fn tables() -> Vec<StateTable> {
        let (mut state, mut maps) = (state(), Maps::new([layout("visits", DataType::Int64)].into()).unwrap());
        let mut slots = Vec::new();
        state.slots(&[Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef], 2, &mut slots).unwrap();
        let changes = MapChanges {
            map: 0,
            keys: vec![1, 0].into(),
            entry_keys: vec![Arc::new(StringArray::from(vec!["a", "b"]))],
            present: None,
            values: vec![Arc::new(Int64Array::from(vec![10, 20]))],
        };
        maps.commit(&slots, vec![changes]).unwrap();
        assert!(maps.contains(slots[0]) && maps.contains(slots[1]));
        maps.freeze().tables(&state.freeze(), 4).unwrap()
    }

    fn restore(layouts: &[MapLayout]) -> Result<Vec<usize>, String> {
        let (mut state, mut maps) = (state(), Maps::new(layouts.into()).unwrap());
        for table in tables() {
            assert!(maps.restore(&mut state, &table).map_err(|error| error.to_string())?);
        }
        Ok(maps.freeze().0.iter().map(|(_, map)| map.len()).collect())
    }

    #[test]
    fn maps_are_restored_by_name_and_new_ones_begin_empty() {
        let visits = layout("visits", DataType::Int64);
        assert_eq!(restore(&[layout("new", DataType::Utf8), visits.clone()]).unwrap(), [0, 2]);
        assert!(tables().iter().all(|table| !is_given_up(std::slice::from_ref(&visits), 1, table)));
        let other = StateTable { name: "states".to_owned(), ..tables().remove(0) };
        assert!(!is_given_up(&[], 1, &other));
    }

    #[test]
    fn maps_that_are_gone_or_changed_are_refused_unless_they_are_given_up() {
        for (layouts, says) in [
            (vec![layout("new", DataType::Int64)], "no map \"visits\" any more"),
            (vec![layout("visits", DataType::Int32)], "its map \"visits\" has other columns"),
        ] {
            let error = restore(&layouts).unwrap_err();
            assert!(error.contains(says), "{error}");
            assert!(tables().iter().all(|table| is_given_up(&layouts, 1, table)));
        }
    }
}
