//! `weir:operator/maps`: entries of a keyed operator's maps, read during a call through a reader that is lent for it. Nothing is
//! changed here: changes are in the answer of the call. Arguments are hostile; what is read at once is bounded.

use std::sync::Arc;

use arrow::array::ArrayRef;
use wasmtime::component::Linker;
use wasmtime::{Result, StoreContextMut};

use crate::abi::{PointerPair, from_guest, to_guest};
use crate::lift;
use crate::limits::{MAP_GET_ENTRIES_MAX, MAP_READ_BYTES_MAX, MAP_SCAN_ENTRIES_MAX};
use crate::lower::{LoweredColumns, count};
use crate::maps::{EntryBound, EntryPage, EntryRange, FoundEntries, MapReader};
use crate::plan::MapLayout;

/// What an instance may read now.
#[derive(Default)]
pub(crate) struct MapsCtx {
    lent: Option<LentMaps>,
}

/// The maps of the call that is being made.
pub(crate) struct LentMaps {
    pub(crate) reader: Arc<dyn MapReader>,
    /// The operator's maps.
    pub(crate) layouts: Arc<[MapLayout]>,
    /// How many keys the call has.
    pub(crate) keys: usize,
}

impl MapsCtx {
    /// For the call that follows.
    pub(crate) fn lend(&mut self, maps: Option<LentMaps>) {
        self.lent = maps;
    }

    /// The call is over, however it ended.
    pub(crate) fn take_back(&mut self) {
        self.lent = None;
    }

    fn lent(&self, map: u32) -> Result<(&LentMaps, &MapLayout), String> {
        let lent = self
            .lent
            .as_ref()
            .ok_or("maps can be read only in `process` and `on-timer`, by an operator that has some")?;
        let layout = lent.layouts.get(map as usize);
        Ok((lent, layout.ok_or_else(|| format!("there is no map {map}; the plan has {}", lent.layouts.len()))?))
    }
}

impl LentMaps {
    fn get(
        &self,
        map: u32,
        layout: &MapLayout,
        keys: Vec<u8>,
        entry_keys: Vec<from_guest::Array>,
    ) -> Result<to_guest::Found, String> {
        let asked = keys.len() / size_of::<u32>();
        if asked > MAP_GET_ENTRIES_MAX {
            return Err(format!("{asked} entries; at most {MAP_GET_ENTRIES_MAX} may be asked for at once"));
        }
        let keys = lift::indices(keys, self.keys, "keys")?;
        let entry_keys = lift::columns(layout.key.fields(), asked, entry_keys)?;
        let found = self.reader.get(map as usize, &keys, &entry_keys, MAP_READ_BYTES_MAX);
        let FoundEntries { present, values } = found.map_err(|e| e.to_string())?;
        Ok(to_guest::Found { present: present.sliced().to_vec(), values: lower(&values)? })
    }

    fn scan(
        &self,
        map: u32,
        layout: &MapLayout,
        key: u32,
        (lower_bound, upper_bound): (from_guest::MapBound, from_guest::MapBound),
        limit: u32,
    ) -> Result<to_guest::Page, String> {
        if key as usize >= self.keys {
            return Err(format!("key {key}, and the call has {} keys", self.keys));
        }
        if limit == 0 {
            return Err("a limit of 0 entries: ask for at least one".to_owned());
        }
        let range = EntryRange { lower: bound(layout, lower_bound)?, upper: bound(layout, upper_bound)? };
        let limit = (limit as usize).min(MAP_SCAN_ENTRIES_MAX);
        let page = self.reader.scan(map as usize, key, &range, limit, MAP_READ_BYTES_MAX);
        let EntryPage { entries, entry_keys, values, more } = page.map_err(|e| e.to_string())?;
        Ok(to_guest::Page { entries: count(entries), entry_keys: lower(&entry_keys)?, values: lower(&values)?, more })
    }
}

fn bound(layout: &MapLayout, given: from_guest::MapBound) -> Result<EntryBound, String> {
    let one = |PointerPair(nodes)| lift::columns(layout.key.fields(), 1, nodes).map_err(|e| format!("bound: {e}"));
    Ok(match given {
        from_guest::MapBound::Unbounded => EntryBound::Unbounded,
        from_guest::MapBound::Included(nodes) => EntryBound::Included(one(nodes)?),
        from_guest::MapBound::Excluded(nodes) => EntryBound::Excluded(one(nodes)?),
    })
}

fn lower(columns: &[ArrayRef]) -> Result<Vec<to_guest::SharedArray>, String> {
    let mut lowered = LoweredColumns::default();
    columns.iter().try_for_each(|column| lowered.push(column.as_ref())).map_err(|error| error.to_string())?;
    Ok(lowered.into_shared())
}

/// Finds the [`MapsCtx`] in a store's data.
pub(crate) trait MapsView: 'static {
    fn maps(&self) -> &MapsCtx;
}

/// Gives components `weir:operator/maps`.
///
/// # Errors
/// If it is in the linker already.
pub(crate) fn add_to_linker<T: MapsView>(linker: &mut Linker<T>) -> Result<()> {
    type Nodes = PointerPair<Vec<from_guest::Array>>;
    type Bound = from_guest::MapBound;
    let mut maps = linker.instance("weir:operator/maps@0.1.0")?;
    maps.func_wrap(
        "get",
        |store: StoreContextMut<'_, T>,
         (map, PointerPair(keys), PointerPair(entry_keys)): (u32, from_guest::Buffer, Nodes)| {
            let found = store.data().maps().lent(map);
            Ok((found.and_then(|(lent, layout)| lent.get(map, layout, keys, entry_keys)),))
        },
    )?;
    maps.func_wrap(
        "scan",
        |store: StoreContextMut<'_, T>, (map, key, lower, upper, limit): (u32, u32, Bound, Bound, u32)| {
            let found = store.data().maps().lent(map);
            Ok((found.and_then(|(lent, layout)| lent.scan(map, layout, key, (lower, upper), limit)),))
        },
    )
}
