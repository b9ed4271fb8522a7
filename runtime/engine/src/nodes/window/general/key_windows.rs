//! [`KeyWindows`]: the numbers of windows by key and bounds. Most keys have one window at a time, which is kept beside the key; only those of
//! keys with several are in a tree. It knows nothing else of a window.

use std::collections::BTreeMap;

use weir_core::window::Window;

/// The windows of all keys.
#[derive(Default)]
pub(super) struct KeyWindows {
    /// By slot of a key.
    keys: Vec<OfKey>,
    /// Those of keys that have several.
    several: BTreeMap<(u32, Window), u32>,
}

/// The windows of one key.
#[derive(Clone, Copy)]
struct OfKey {
    count: u32,
    /// The only one, or of several the one that was added last, if it is still there: mostly the next row is in it.
    newest: u32,
    bounds: Window,
}

const NO_WINDOW: u32 = u32::MAX;
const NO_WINDOWS: OfKey = OfKey { count: 0, newest: NO_WINDOW, bounds: Window { start: 0, end: 0 } };

impl KeyWindows {
    pub(super) fn memory_bytes(&self) -> u64 {
        let in_tree = 2 * self.several.len() * size_of::<(u32, Window, u32)>();
        (size_of_val(self.keys.as_slice()) + in_tree) as u64
    }

    /// Whether a key has no window.
    pub(super) fn is_unused(&self, key: u32) -> bool {
        self.of(key).count == 0
    }

    #[inline]
    pub(super) fn find(&self, key: u32, window: Window) -> Option<u32> {
        let of_key = self.of(key);
        if of_key.newest != NO_WINDOW && of_key.bounds == window {
            return Some(of_key.newest);
        }
        if of_key.count > 1 { self.several.get(&(key, window)).copied() } else { None }
    }

    /// The windows of a key that begin before or at a time, the latest first.
    pub(super) fn before(&self, key: u32, start: i64) -> impl Iterator<Item = (Window, u32)> {
        let OfKey { count, newest, bounds } = self.of(key);
        let only = (count == 1 && bounds.start <= start).then_some((bounds, newest));
        let several = (count > 1).then(|| {
            let least = (key, Window { start: i64::MIN, end: i64::MIN });
            let most = (key, Window { start, end: i64::MAX });
            self.several.range(least..=most).rev().map(|((_, window), number)| (*window, *number))
        });
        only.into_iter().chain(several.into_iter().flatten())
    }

    /// The numbers of all windows, by key; those of a key by bounds.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        (0_u32..).zip(&self.keys).flat_map(|(key, of_key)| {
            let only = (of_key.count == 1).then_some(of_key.newest);
            let several = (of_key.count > 1).then(|| self.several.range(range_of(key)).map(|(_, number)| *number));
            only.into_iter().chain(several.into_iter().flatten())
        })
    }

    /// Adds a window that is not there.
    pub(super) fn insert(&mut self, key: u32, window: Window, number: u32) {
        if key as usize >= self.keys.len() {
            self.keys.resize(key as usize + 1, NO_WINDOWS);
        }
        let of_key = &mut self.keys[key as usize];
        if of_key.count == 1 {
            self.several.insert((key, of_key.bounds), of_key.newest);
        }
        if of_key.count > 0 {
            self.several.insert((key, window), number);
        }
        *of_key = OfKey { count: of_key.count + 1, newest: number, bounds: window };
    }

    /// Removes a window that is there.
    pub(super) fn remove(&mut self, key: u32, window: Window) {
        let of_key = &mut self.keys[key as usize];
        of_key.count -= 1;
        if of_key.bounds == window {
            of_key.newest = NO_WINDOW;
        }
        if of_key.count > 0 {
            self.several.remove(&(key, window));
        }
        if of_key.count == 1
            && let Some((bounds, number)) = self.several.range(range_of(key)).next().map(|((_, w), n)| (*w, *n))
        {
            self.several.remove(&(key, bounds));
            (of_key.newest, of_key.bounds) = (number, bounds);
        }
    }

    #[inline]
    fn of(&self, key: u32) -> OfKey {
        self.keys.get(key as usize).copied().unwrap_or(NO_WINDOWS)
    }
}

fn range_of(key: u32) -> std::ops::RangeInclusive<(u32, Window)> {
    (key, Window { start: i64::MIN, end: i64::MIN })..=(key, Window { start: i64::MAX, end: i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_map_in_order(changes in prop::collection::vec((0..4_u32, 0..6_i64, 1..3_i64, any::<bool>()), 1..60)) {
            let (mut windows, mut model) = (KeyWindows::default(), BTreeMap::new());
            for (number, (key, start, length, adds)) in (0..).zip(changes) {
                let window = Window { start, end: start + length };
                prop_assert_eq!(windows.find(key, window), model.get(&(key, window)).copied());
                match (adds, model.contains_key(&(key, window))) {
                    (true, false) => {
                        windows.insert(key, window, number);
                        model.insert((key, window), number);
                    }
                    (false, true) => {
                        windows.remove(key, window);
                        model.remove(&(key, window));
                    }
                    _ => {}
                }
                prop_assert!(windows.numbers().eq(model.values().copied()));
                prop_assert_eq!(windows.is_unused(key), model.range(range_of(key)).next().is_none());
                let before = model.range(range_of(key)).rev().filter(|((_, window), _)| window.start <= 3);
                prop_assert!(windows.before(key, 3).eq(before.map(|((_, window), number)| (*window, *number))));
            }
        }
    }
}
