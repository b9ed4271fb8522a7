//! The maps of an operator under test, and what its reads find in them during a call.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::rc::Rc;

use super::order::ordered_bytes;
use super::table::Table;
use crate::column::{Bits, ColumnRef, bit, columns};
use crate::map_host::{MapHost, during};
use crate::wire::{self, Found, MapChanges, MapLayout, Node, Page};

/// The entries of all maps.
#[derive(Debug, Default)]
pub(super) struct HarnessMaps {
    maps: Vec<HarnessMap>,
}

#[derive(Debug)]
struct HarnessMap {
    layout: MapLayout,
    /// By key and the order of their own key: what they are, each a table of one row.
    entries: BTreeMap<(usize, Vec<u8>), (Table, Table)>,
}

/// The maps during a call, and the keys of that.
struct MapsOfCall {
    maps: Rc<HarnessMaps>,
    keys: Vec<usize>,
}

impl HarnessMaps {
    pub(super) fn new(layouts: &[MapLayout]) -> Self {
        let map = |layout: &MapLayout| HarnessMap { layout: layout.clone(), entries: BTreeMap::new() };
        Self { maps: layouts.iter().map(map).collect() }
    }

    /// Makes a call with these keys, during which the maps can be read.
    pub(super) fn during<T>(&mut self, keys: &[usize], call: impl FnOnce() -> T) -> T {
        let maps = Rc::new(std::mem::take(self));
        let result = during(MapsOfCall { maps: Rc::clone(&maps), keys: keys.to_vec() }, call);
        *self = Rc::into_inner(maps).unwrap_or_default();
        result
    }

    /// How many entries there are.
    pub(super) fn entries(&self) -> usize {
        self.maps.iter().map(|map| map.entries.len()).sum()
    }

    /// Takes the changes of a call with these keys.
    pub(super) fn commit(&mut self, changes: &[MapChanges], keys: &[usize]) -> Result<(), String> {
        for MapChanges { map_index, keys: of_keys, entry_keys, present, values } in changes {
            let map = self.maps.get_mut(*map_index as usize).ok_or("changes to a map that is not declared")?;
            let indices = of_keys.as_chunks().0.iter().map(|index| u32::from_le_bytes(*index) as usize);
            let rows = of_keys.len() / size_of::<u32>();
            let entry_keys = table(&map.layout.key, entry_keys, rows);
            let values = table(&map.layout.value, values, rows);
            for (row, key) in indices.enumerate() {
                let key = *keys.get(key).ok_or("a change to an entry of a key that is not in the call")?;
                let at = (key, ordered_bytes(&entry_keys.fields, &entry_keys.arrays, row)?);
                if present.is_empty() || bit(present, row) {
                    map.entries.insert(at, (entry_keys.select(&[Some(row)]), values.select(&[Some(row)])));
                } else {
                    map.entries.remove(&at);
                }
            }
        }
        Ok(())
    }
}

/// Entries of a scan at most: few, so that an operator under test has to ask again.
const PAGE_ENTRIES_MAX: usize = 3;

impl MapHost for MapsOfCall {
    fn get(&self, map: u32, keys: &[u8], entry_keys: &[Node]) -> Result<Found, String> {
        let map = self.map(map)?;
        let (mut present, mut values) = (Bits::default(), nulls(&map.layout.value, 0));
        let nothing = nulls(&map.layout.value, 1);
        for (row, key) in keys.as_chunks().0.iter().enumerate() {
            let key = self.key(u32::from_le_bytes(*key))?;
            let found = map.entries.get(&(key, ordered_bytes(&map.layout.key, entry_keys, row)?));
            present.push(found.is_some());
            values.append(found.map_or(&nothing, |(_, value)| value))?;
        }
        Ok(Found { present: present.into_bytes(), values: values.arrays })
    }

    fn scan(
        &self,
        map: u32,
        key: u32,
        (lower, upper): (&wire::Bound, &wire::Bound),
        limit: u32,
    ) -> Result<Page, String> {
        let (map, key) = (self.map(map)?, self.key(key)?);
        let bytes = |nodes: &[Node]| Ok::<_, String>((key, ordered_bytes(&map.layout.key, nodes, 0)?));
        let lower = match lower {
            wire::Bound::Unbounded => Bound::Included((key, Vec::new())),
            wire::Bound::Included(nodes) => Bound::Included(bytes(nodes)?),
            wire::Bound::Excluded(nodes) => Bound::Excluded(bytes(nodes)?),
        };
        let upper = match upper {
            wire::Bound::Unbounded => Bound::Excluded((key + 1, Vec::new())),
            wire::Bound::Included(nodes) => Bound::Included(bytes(nodes)?),
            wire::Bound::Excluded(nodes) => Bound::Excluded(bytes(nodes)?),
        };
        let mut entries = map.entries.range((lower, upper)).map(|(_, entry)| entry).peekable();
        let (mut keys, mut values) = (nulls(&map.layout.key, 0), nulls(&map.layout.value, 0));
        for (entry_key, value) in entries.by_ref().take(PAGE_ENTRIES_MAX.min(limit as usize)) {
            keys.append(entry_key)?;
            values.append(value)?;
        }
        let more = entries.peek().is_some();
        Ok(Page { entries: keys.rows as u32, entry_keys: keys.arrays, values: values.arrays, more })
    }
}

impl MapsOfCall {
    fn map(&self, map: u32) -> Result<&HarnessMap, String> {
        self.maps.maps.get(map as usize).ok_or_else(|| format!("there is no map {map}"))
    }

    fn key(&self, key: u32) -> Result<usize, String> {
        self.keys.get(key as usize).copied().ok_or_else(|| format!("the call has no key {key}"))
    }
}

fn table(fields: &[wire::Field], arrays: &[Node], rows: usize) -> Table {
    Table { fields: fields.to_vec(), arrays: arrays.to_vec(), rows, event_times: vec![0; 8 * rows] }
}

/// Rows of nulls.
fn nulls(fields: &[wire::Field], rows: usize) -> Table {
    let mut arrays = Vec::new();
    columns(fields, &[]).into_iter().for_each(|column| push_nulls(column, rows, &mut arrays));
    table(fields, &arrays, rows)
}

fn push_nulls(column: ColumnRef<'_>, rows: usize, arrays: &mut Vec<Node>) {
    let format = column.fields.first().map_or("", |field| field.format.as_str());
    let width = match format {
        "c" | "C" => 1,
        "s" | "S" => 2,
        "i" | "I" | "f" | "tdD" => 4,
        decimal if decimal.starts_with("d:") => 16,
        _ => 8,
    };
    let offsets = || vec![0; 4 * (rows + 1)];
    let (others, rows_of_children) = match format {
        "b" => (vec![vec![0; rows.div_ceil(8)]], 0),
        "u" | "z" => (vec![offsets(), Vec::new()], 0),
        "+l" => (vec![offsets()], 0),
        "+s" => (Vec::new(), rows),
        _ => (vec![vec![0; width * rows]], 0),
    };
    let buffers = [vec![vec![0; rows.div_ceil(8)]], others].concat();
    arrays.push(Node { length: rows as u32, null_count: rows as u32, buffers });
    column.children().into_iter().for_each(|child| push_nulls(child, rows_of_children, arrays));
}
