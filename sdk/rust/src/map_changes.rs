//! One map during a call: entries that were read, entries that were changed, and how to take a row's changes back.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Bound;

use crate::column::Bits;
use crate::map_host as host;
use crate::row::ReadRow;
use crate::state;
use crate::wire::{self, Found, MapChanges, Node, States};

/// What an entry is found by.
pub trait MapKey: for<'r> ReadRow<'r> + Ord + Clone + 'static {}

impl<K: for<'r> ReadRow<'r> + Ord + Clone + 'static> MapKey for K {}

/// What an entry holds.
pub trait MapValue: for<'r> ReadRow<'r> + 'static {}

impl<V: for<'r> ReadRow<'r> + 'static> MapValue for V {}

/// One map during a call.
pub(crate) struct Changes<K, V> {
    map_index: u32,
    /// By key of the call.
    keys: Vec<OfKey<K, V>>,
    /// Entries to read at once, each with its key.
    wanted: Vec<(u32, K)>,
}

/// What is known of the entries of one key.
struct OfKey<K, V> {
    entries: BTreeMap<K, Entry<V>>,
    /// What rows did, in order.
    undo: Vec<Undo<K, V>>,
}

struct Entry<V> {
    /// `None`: it is not there.
    value: Option<V>,
    /// Whether the host does not have it so.
    is_changed: bool,
}

/// What an entry was before a row changed it.
struct Undo<K, V> {
    row: u32,
    key: K,
    /// `None`: nothing was known of it.
    before: Option<Entry<V>>,
}

/// A map during a call, whatever its types.
pub(crate) trait AnyChanges: Debug {
    fn as_any(&mut self) -> &mut dyn Any;

    /// Reads the entries that were named, as far as the host gives them at once.
    fn prefetch(&mut self);

    /// Takes back what a row of a key and those after it did.
    fn take_back(&mut self, key: u32, from_row: u32);

    /// What changed; `None`: nothing.
    fn finish(self: Box<Self>) -> Option<MapChanges>;
}

impl<K: MapKey, V: MapValue> Changes<K, V> {
    pub(crate) fn new(map_index: u32) -> Self {
        Self { map_index, keys: Vec::new(), wanted: Vec::new() }
    }

    pub(crate) fn want(&mut self, key: u32, entry_key: K) {
        self.wanted.push((key, entry_key));
    }

    pub(crate) fn get(&mut self, key: u32, entry_key: &K) -> Result<Option<&V>, String> {
        if !self.of_key(key).entries.contains_key(entry_key) {
            let value = read::<K, V>(self.map_index, std::iter::once((key, entry_key)))?.pop().flatten();
            self.of_key(key).entries.insert(entry_key.clone(), Entry { value, is_changed: false });
        }
        Ok(self.of_key(key).entries.get(entry_key).and_then(|entry| entry.value.as_ref()))
    }

    pub(crate) fn set(&mut self, key: u32, row: u32, entry_key: K, value: Option<V>) {
        let of = self.of_key(key);
        let before = of.entries.insert(entry_key.clone(), Entry { value, is_changed: true });
        of.undo.push(Undo { row, key: entry_key, before });
    }

    /// Merges what the host has with what was changed.
    pub(crate) fn scan(
        &mut self,
        key: u32,
        (lower, upper): (Bound<&K>, Bound<&K>),
        limit: usize,
    ) -> Result<Vec<(K, V)>, String>
    where
        V: Clone,
    {
        if is_empty(lower, upper) {
            return Ok(Vec::new());
        }
        let map_index = self.map_index;
        let changed = self.of_key(key).entries.range((lower, upper)).filter(|(_, entry)| entry.is_changed);
        let mut changed = changed.peekable();
        let mut of_host = HostScan { map_index, key, after: bound(lower), upper: bound(upper), is_over: false };
        let mut page = Vec::new().into_iter().peekable();
        let mut found = Vec::new();
        while found.len() < limit {
            if page.peek().is_none() && !of_host.is_over {
                page = of_host.next::<K, V>(limit - found.len())?.into_iter().peekable();
                continue;
            }
            let takes_host = match (page.peek(), changed.peek()) {
                (None, None) => break,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (Some((host, _)), Some((own, _))) if host == *own => {
                    // What the host has of it no longer counts.
                    page.next();
                    false
                }
                (Some((host, _)), Some((own, _))) => host < *own,
            };
            if takes_host {
                found.extend(page.next());
            } else if let Some((entry_key, Entry { value: Some(value), .. })) = changed.next() {
                found.push((entry_key.clone(), value.clone()));
            }
        }
        Ok(found)
    }

    fn of_key(&mut self, key: u32) -> &mut OfKey<K, V> {
        let key = key as usize;
        if self.keys.len() <= key {
            self.keys.resize_with(key + 1, || OfKey { entries: BTreeMap::new(), undo: Vec::new() });
        }
        &mut self.keys[key]
    }
}

impl<K: MapKey, V: MapValue> AnyChanges for Changes<K, V> {
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }

    fn prefetch(&mut self) {
        let mut wanted = std::mem::take(&mut self.wanted);
        wanted.sort_unstable();
        wanted.dedup();
        // If they are too large to be read at once each row reads its own.
        let Ok(values) = read::<K, V>(self.map_index, wanted.iter().map(|(key, entry_key)| (*key, entry_key))) else {
            return;
        };
        for ((key, entry_key), value) in wanted.into_iter().zip(values) {
            self.of_key(key).entries.entry(entry_key).or_insert(Entry { value, is_changed: false });
        }
    }

    fn take_back(&mut self, key: u32, from_row: u32) {
        let Some(of) = self.keys.get_mut(key as usize) else { return };
        while let Some(Undo { key, before, .. }) = of.undo.pop_if(|undo| undo.row >= from_row) {
            match before {
                Some(before) => of.entries.insert(key, before),
                None => of.entries.remove(&key),
            };
        }
    }

    fn finish(self: Box<Self>) -> Option<MapChanges> {
        let of_keys = || (0_u32..).zip(&self.keys);
        let changes =
            || of_keys().flat_map(|(key, of)| of.entries.iter().filter(|(_, e)| e.is_changed).map(move |e| (key, e)));
        let count = changes().count();
        if count == 0 {
            return None;
        }
        let mut present = Bits::default();
        changes().for_each(|(_, (_, entry))| present.push(entry.value.is_some()));
        Some(MapChanges {
            map_index: self.map_index,
            keys: changes().flat_map(|(key, _)| key.to_le_bytes()).collect(),
            entry_keys: state::write(count, changes().map(|(_, (entry_key, _))| Some(entry_key))),
            present: present.into_bytes(),
            values: state::write(count, changes().map(|(_, (_, entry))| entry.value.as_ref())),
        })
    }
}

impl<K, V> Debug for Changes<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Changes").field("map_index", &self.map_index).finish_non_exhaustive()
    }
}

/// A scan of what the host has, page by page.
struct HostScan {
    map_index: u32,
    key: u32,
    after: wire::Bound,
    upper: wire::Bound,
    is_over: bool,
}

impl HostScan {
    fn next<K: MapKey, V: MapValue>(&mut self, limit: usize) -> Result<Vec<(K, V)>, String> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let page = host::scan_entries(self.map_index, self.key, (&self.after, &self.upper), limit)?;
        let read = |columns| States { keys: page.entries, present: Vec::new(), columns };
        let keys = state::read::<K>(&read(page.entry_keys))?.into_iter().flatten();
        let entries: Vec<(K, V)> = keys.zip(state::read::<V>(&read(page.values))?.into_iter().flatten()).collect();
        match entries.last() {
            Some((last, _)) if page.more => self.after = wire::Bound::Excluded(one(last)),
            _ => self.is_over = true,
        }
        Ok(entries)
    }
}

/// Reads entries that the host has.
fn read<'k, K: MapKey, V: MapValue>(
    map_index: u32,
    entries: impl Iterator<Item = (u32, &'k K)> + Clone,
) -> Result<Vec<Option<V>>, String> {
    let keys: Vec<u8> = entries.clone().flat_map(|(key, _)| key.to_le_bytes()).collect();
    let count = keys.len() / size_of::<u32>();
    if count == 0 {
        return Ok(Vec::new());
    }
    let entry_keys = state::write(count, entries.map(|(_, entry_key)| Some(entry_key)));
    let Found { present, values } = host::get_entries(map_index, &keys, &entry_keys)?;
    state::read::<V>(&States { keys: count as u32, present, columns: values })
}

fn bound<K: MapKey>(bound: Bound<&K>) -> wire::Bound {
    match bound {
        Bound::Unbounded => wire::Bound::Unbounded,
        Bound::Included(key) => wire::Bound::Included(one(key)),
        Bound::Excluded(key) => wire::Bound::Excluded(one(key)),
    }
}

fn one<K: MapKey>(key: &K) -> Vec<Node> {
    state::write(1, std::iter::once(Some(key)))
}

/// Whether nothing can be between two bounds.
fn is_empty<K: Ord>(lower: Bound<&K>, upper: Bound<&K>) -> bool {
    match (lower, upper) {
        (Bound::Included(lower), Bound::Included(upper)) => lower > upper,
        (Bound::Included(lower) | Bound::Excluded(lower), Bound::Included(upper) | Bound::Excluded(upper)) => {
            lower >= upper
        }
        _ => false,
    }
}
