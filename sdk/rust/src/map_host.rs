//! Where the entries of maps are read: in WebAssembly from the host; natively from what lends them for a call.

#[cfg(target_family = "wasm")]
pub(crate) use imports::{get_entries, scan_entries};
#[cfg(not(target_family = "wasm"))]
pub(crate) use lent::{MapHost, during, get_entries, scan_entries};

/// What the host offers.
#[cfg(target_family = "wasm")]
#[rustfmt::skip]
#[allow(missing_docs, unreachable_pub, unsafe_code, reason = "generated from the contract")]
#[path = "bindings/maps.rs"]
mod bindings;

/// The interface `maps`, in a module of its own: a component has the import only if something in it reads maps.
#[cfg(target_family = "wasm")]
mod imports {
    use super::bindings::weir::operator::maps;

    use crate::wire::{Bound, Found, Node, Page};

    /// `maps.get`
    ///
    /// # Errors
    /// As the contract says.
    pub(crate) fn get_entries(map: u32, keys: &[u8], entry_keys: &[Node]) -> Result<Found, String> {
        let maps::Found { present, values } = maps::get(map, keys, entry_keys)?;
        Ok(Found { present, values })
    }

    /// `maps.scan`
    ///
    /// # Errors
    /// As the contract says.
    pub(crate) fn scan_entries(
        map: u32,
        key: u32,
        (lower, upper): (&Bound, &Bound),
        limit: u32,
    ) -> Result<Page, String> {
        let maps::Page { entries, entry_keys, values, more } =
            maps::scan(map, key, &to_host(lower), &to_host(upper), limit)?;
        Ok(Page { entries, entry_keys, values, more })
    }

    fn to_host(bound: &Bound) -> maps::Bound {
        match bound {
            Bound::Unbounded => maps::Bound::Unbounded,
            Bound::Included(nodes) => maps::Bound::Included(nodes.clone()),
            Bound::Excluded(nodes) => maps::Bound::Excluded(nodes.clone()),
        }
    }
}

#[cfg(not(target_family = "wasm"))]
mod lent {
    use std::cell::RefCell;

    use crate::wire::{Bound, Found, Node, Page};

    /// The host's side of the interface `maps`.
    pub(crate) trait MapHost {
        /// `maps.get`
        fn get(&self, map: u32, keys: &[u8], entry_keys: &[Node]) -> Result<Found, String>;

        /// `maps.scan`
        fn scan(&self, map: u32, key: u32, bounds: (&Bound, &Bound), limit: u32) -> Result<Page, String>;
    }

    thread_local! {
        static LENT: RefCell<Option<Box<dyn MapHost>>> = const { RefCell::new(None) };
    }

    /// Makes a call during which maps are read from `host`.
    pub(crate) fn during<T>(host: impl MapHost + 'static, call: impl FnOnce() -> T) -> T {
        LENT.set(Some(Box::new(host)));
        let result = call();
        LENT.set(None);
        result
    }

    /// `maps.get`, of the call that is being made.
    ///
    /// # Errors
    /// As the contract says.
    pub(crate) fn get_entries(map: u32, keys: &[u8], entry_keys: &[Node]) -> Result<Found, String> {
        lent(|host| host.get(map, keys, entry_keys))
    }

    /// `maps.scan`, of the call that is being made.
    ///
    /// # Errors
    /// As the contract says.
    pub(crate) fn scan_entries(map: u32, key: u32, bounds: (&Bound, &Bound), limit: u32) -> Result<Page, String> {
        lent(|host| host.scan(map, key, bounds, limit))
    }

    fn lent<T>(read: impl FnOnce(&dyn MapHost) -> Result<T, String>) -> Result<T, String> {
        LENT.with_borrow(|host| host.as_deref().map_or_else(|| Err("no maps can be read here".to_owned()), read))
    }
}
