//! The tables of a snapshot that hold the entries of maps: which they are, and whether an operator can take them up.

use arrow::datatypes::{FieldRef, SchemaRef};
use weir_host::MapLayout;
use weir_state::{KeyedState, MapState, StateError, StateTable};

/// What such a table is called, before the name of its map.
const MAP: &str = "map:";

/// What the tables of a map are called.
pub(crate) fn map_table(map: &str) -> String {
    format!("{MAP}{map}")
}

/// The name of the map that a table is of; `None`: of none.
pub(crate) fn map_of_table(table: &StateTable) -> Option<&str> {
    table.name.strip_prefix(MAP)
}

/// A map of this layout, without entries.
///
/// # Errors
/// If a column has a type that cannot be ordered.
pub(crate) fn map_state(layout: &MapLayout) -> Result<MapState, StateError> {
    let fields = |schema: &SchemaRef| schema.fields().iter().cloned().collect::<Vec<_>>();
    MapState::new(&fields(&layout.key), &fields(&layout.value))
}

/// Whether a table is one of a map that an operator with these maps, and so many key columns, cannot take up.
pub(crate) fn is_given_up(maps: &[MapLayout], keys: usize, table: &StateTable) -> bool {
    let Some(name) = map_of_table(table) else { return false };
    let Some(layout) = maps.iter().find(|layout| layout.name == name) else { return true };
    let key_fields: Vec<FieldRef> = table.rows.schema_ref().fields().iter().take(keys).cloned().collect();
    let restore = || map_state(layout)?.restore(&KeyedState::new(&key_fields, &[])?, &table.rows.slice(0, 0), &[]);
    restore().is_err()
}
