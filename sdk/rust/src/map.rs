//! Maps: state per key that is read entry by entry. What the host has is read once and kept for the call; what the operator changes
//! is seen by the rows that follow, and goes to the host with the answer.

use std::marker::PhantomData;
use std::ops::RangeBounds;
use std::sync::Arc;

use crate::error::RowError;
use crate::map_changes::{AnyChanges, Changes};
pub use crate::map_changes::{MapKey, MapValue};
use crate::state;
use crate::wire::{MapChanges, MapLayout};

/// A map by its name: entries per key of the stream, each found by a `K`. Both are rows; `V` may be `()`: a set.
///
/// ```
/// use weir_sdk::keyed::{Map, MapLayout, Row};
///
/// #[derive(Row, Clone, PartialEq, Eq, PartialOrd, Ord)]
/// struct Page {
///     path: String,
/// }
///
/// #[derive(Row)]
/// struct Visits {
///     count: i64,
/// }
///
/// const VISITS: Map<Page, Visits> = Map::new("visits");
/// ```
///
/// The order of `K` must be the derived one: that of the host, field by field, `None` first.
#[derive(Debug)]
pub struct Map<K, V> {
    name: &'static str,
    entry: PhantomData<fn() -> (K, V)>,
}

impl<K: MapKey, V: MapValue> Map<K, V> {
    /// A map of this name: ASCII letters, digits, `-` and `_`. If its columns change it needs another name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, entry: PhantomData }
    }

    /// What [`Keyed::maps`](crate::keyed::Keyed::maps) lists.
    #[must_use]
    pub fn layout(&self) -> MapLayout {
        MapLayout { name: self.name.to_owned(), key: state::schema::<K>(), value: state::schema::<V>() }
    }
}

/// The maps as one row (or timer) sees them: the entries of its key, with what the rows before it did.
///
/// Every call fails if the map is not among those of [`Keyed::maps`](crate::keyed::Keyed::maps), or the host cannot read it.
#[derive(Debug)]
pub struct Maps<'c> {
    key: u32,
    row: u32,
    of_call: &'c mut MapsOfCall,
}

impl<'c> Maps<'c> {
    pub(crate) fn new(key: u32, row: usize, of_call: &'c mut MapsOfCall) -> Self {
        Self { key, row: row as u32, of_call }
    }

    /// The value of an entry.
    ///
    /// # Errors
    /// See [`Maps`].
    pub fn get<K: MapKey, V: MapValue>(&mut self, map: &Map<K, V>, key: &K) -> Result<Option<&V>, RowError> {
        self.of_call.changes(map)?.get(self.key, key).map_err(RowError::new)
    }

    /// Sets an entry.
    ///
    /// # Errors
    /// See [`Maps`].
    pub fn insert<K: MapKey, V: MapValue>(&mut self, map: &Map<K, V>, key: K, value: V) -> Result<(), RowError> {
        self.of_call.changes(map)?.set(self.key, self.row, key, Some(value));
        Ok(())
    }

    /// Removes an entry, if it is there.
    ///
    /// # Errors
    /// See [`Maps`].
    pub fn remove<K: MapKey, V: MapValue>(&mut self, map: &Map<K, V>, key: &K) -> Result<(), RowError> {
        self.of_call.changes(map)?.set(self.key, self.row, key.clone(), None);
        Ok(())
    }

    /// The first entries of a range, at most `limit`, in their order.
    ///
    /// # Errors
    /// See [`Maps`].
    pub fn scan<K: MapKey, V: MapValue + Clone>(
        &mut self,
        map: &Map<K, V>,
        range: impl RangeBounds<K>,
        limit: usize,
    ) -> Result<Vec<(K, V)>, RowError> {
        let bounds = (range.start_bound(), range.end_bound());
        self.of_call.changes(map)?.scan(self.key, bounds, limit).map_err(RowError::new)
    }
}

/// Entries that rows of a batch will look at, so that the host is asked for all of them at once.
#[derive(Debug)]
pub struct Prefetch<'c> {
    key: u32,
    of_call: &'c mut MapsOfCall,
}

impl<'c> Prefetch<'c> {
    pub(crate) fn new(key: u32, of_call: &'c mut MapsOfCall) -> Self {
        Self { key, of_call }
    }

    /// Names an entry. It is read before the first row is processed.
    pub fn entry<K: MapKey, V: MapValue>(&mut self, map: &Map<K, V>, key: K) {
        // A map that was not declared is an error where it is read.
        if let Ok(changes) = self.of_call.changes(map) {
            changes.want(self.key, key);
        }
    }
}

/// The maps during a call.
#[derive(Debug)]
pub(crate) struct MapsOfCall {
    layouts: Arc<[MapLayout]>,
    /// One per layout; `None`: not used in this call.
    changes: Vec<Option<Box<dyn AnyChanges>>>,
}

impl MapsOfCall {
    pub(crate) fn new(layouts: &Arc<[MapLayout]>) -> Self {
        Self { layouts: Arc::clone(layouts), changes: layouts.iter().map(|_| None).collect() }
    }

    /// Reads the entries that were named.
    pub(crate) fn prefetch(&mut self) {
        self.changes.iter_mut().flatten().for_each(|changes| changes.prefetch());
    }

    /// Takes back what a row of a key and those after it did.
    pub(crate) fn take_back(&mut self, key: u32, from_row: usize) {
        self.changes.iter_mut().flatten().for_each(|changes| changes.take_back(key, from_row as u32));
    }

    /// What changed.
    pub(crate) fn finish(self) -> Vec<MapChanges> {
        self.changes.into_iter().flatten().filter_map(|changes| changes.finish()).collect()
    }

    fn changes<K: MapKey, V: MapValue>(&mut self, map: &Map<K, V>) -> Result<&mut Changes<K, V>, RowError> {
        let name = map.name;
        let other = || RowError::new(format!("the map {name:?} is declared in `maps` with other columns"));
        let index = self.layouts.iter().position(|layout| layout.name == name);
        let (Some(index), Some(changes)) = (index, index.and_then(|index| self.changes.get_mut(index))) else {
            return Err(RowError::new(format!("the map {name:?} is not declared in `maps` of the operator")));
        };
        if changes.is_none() && self.layouts.get(index) != Some(&map.layout()) {
            return Err(other());
        }
        let changes = changes.get_or_insert_with(|| Box::new(Changes::<K, V>::new(index as u32)));
        changes.as_any().downcast_mut().ok_or_else(other)
    }
}
