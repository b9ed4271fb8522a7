//! Compiled functions, by what they were made from. A component that was changed a little is mostly functions that are here.
//!
//! What one compilation adds is one file, a pack, written when it ends. A compilation sees the packs that are there when it begins,
//! and its own functions: compilers hold many twice. Nothing is in memory between compilations.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use wasmtime::CacheStore;

use super::EngineKey;
use super::folder::Folder;
use super::pack::{self, Key, Place};
use crate::limits::PACK_BYTES_MAX;

pub(super) const EXTENSION: &str = "weirfns";

/// The functions that one engine has compiled.
#[derive(Debug)]
pub(crate) struct FunctionCache {
    folder: Folder,
    /// Not known before the engine, which is made with this.
    engine: OnceLock<EngineKey>,
    open: RwLock<Open>,
}

/// What running compilations use. All of an engine share it: the engine does not say which one asks.
#[derive(Debug, Default)]
struct Open {
    compilations: usize,
    functions: Option<Arc<Functions>>,
}

struct Functions {
    packs: Vec<Pack>,
    index: HashMap<Key, (usize, Place)>,
    added: Mutex<BTreeMap<Key, Vec<u8>>>,
    reused: AtomicUsize,
}

struct Pack {
    name: String,
    /// All of it, read when the first of its functions is needed.
    bytes: OnceLock<Option<Vec<u8>>>,
    damaged: AtomicBool,
}

/// How many functions a compilation has needed; of those that run at once, all of them together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FunctionCounts {
    /// Those that were compiled before, or twice in it.
    pub reused: usize,
    /// Those that were not.
    pub compiled: usize,
}

/// While there is one, functions are looked up and kept.
pub(crate) struct Compilation<'a>(&'a FunctionCache);

impl FunctionCache {
    pub(super) fn new(folder: Folder) -> Self {
        Self { folder, engine: OnceLock::new(), open: RwLock::default() }
    }

    /// Says whose functions these are; nothing is found or kept before.
    pub(super) fn use_for(&self, engine: EngineKey) {
        let _ = self.engine.set(engine);
    }

    /// A compilation begins.
    pub(crate) fn begin(&self) -> Compilation<'_> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.compilations += 1;
        if open.functions.is_none() {
            open.functions = self.engine.get().map(|engine| Arc::new(Functions::read(&self.folder, engine)));
        }
        Compilation(self)
    }

    fn functions(&self) -> Option<Arc<Functions>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).functions.clone()
    }
}

impl CacheStore for FunctionCache {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        self.functions()?.get(&self.folder, key.try_into().ok()?).map(Cow::Owned)
    }

    fn insert(&self, key: &[u8], code: Vec<u8>) -> bool {
        match (self.functions(), key.try_into()) {
            (Some(functions), Ok(key)) => functions.added().insert(key, code).is_none(),
            _ => false,
        }
    }
}

impl Compilation<'_> {
    /// What was needed up to now.
    pub(crate) fn counts(&self) -> FunctionCounts {
        self.0.functions().map_or(FunctionCounts::default(), |functions| functions.counts())
    }
}

impl Drop for Compilation<'_> {
    /// Writes what compilations have added, when the last one ends.
    fn drop(&mut self) {
        let Self(cache) = self;
        let mut open = cache.open.write().unwrap_or_else(PoisonError::into_inner);
        open.compilations -= 1;
        if open.compilations > 0 {
            return;
        }
        let functions = open.functions.take();
        drop(open);
        if let (Some(functions), Some(engine)) = (functions, cache.engine.get()) {
            functions.write(&cache.folder, engine);
        }
    }
}

impl Functions {
    fn read(folder: &Folder, engine: &EngineKey) -> Self {
        let suffix = format!("-{}.{EXTENSION}", engine.as_str());
        let (mut packs, mut index) = (Vec::new(), HashMap::new());
        for name in folder.names().into_iter().filter(|name| name.ends_with(&suffix)) {
            let Ok(mut file) = folder.open(&name) else { continue };
            match pack::read_index(&mut file) {
                Ok(Some(entries)) => {
                    index.extend(entries.into_iter().map(|(key, place)| (key, (packs.len(), place))));
                    packs.push(Pack { name, bytes: OnceLock::new(), damaged: AtomicBool::new(false) });
                }
                Ok(None) => folder.remove(&name),
                Err(_) => {}
            }
        }
        Self { packs, index, added: Mutex::default(), reused: AtomicUsize::new(0) }
    }

    fn get(&self, folder: &Folder, key: Key) -> Option<Vec<u8>> {
        let code = self.in_packs(folder, &key).or_else(|| self.added().get(&key).cloned())?;
        self.reused.fetch_add(1, Ordering::Relaxed);
        Some(code)
    }

    fn in_packs(&self, folder: &Folder, key: &Key) -> Option<Vec<u8>> {
        let (pack, place) = self.index.get(key)?;
        let pack = self.packs.get(*pack)?;
        // It may have been removed meanwhile: then there is nothing to find, and no damage.
        let bytes = pack.bytes.get_or_init(|| folder.read(&pack.name).ok()).as_deref()?;
        let code = pack::code(bytes, *place);
        if code.is_none() {
            pack.damaged.store(true, Ordering::Relaxed);
        }
        code.map(<[u8]>::to_vec)
    }

    fn counts(&self) -> FunctionCounts {
        FunctionCounts { reused: self.reused.load(Ordering::Relaxed), compiled: self.added().len() }
    }

    /// Removes packs that are damaged, with what is sound in them: it is compiled again when it is needed.
    fn write(&self, folder: &Folder, engine: &EngineKey) {
        self.packs
            .iter()
            .filter(|pack| pack.damaged.load(Ordering::Relaxed))
            .for_each(|pack| folder.remove(&pack.name));
        let added = self.added();
        if !added.is_empty() {
            let bytes = pack::encode(&added, PACK_BYTES_MAX);
            let name = format!("{}-{}.{EXTENSION}", blake3::hash(&bytes).to_hex(), engine.as_str());
            // Not being able to is no failure: they will be compiled again.
            let _ = folder.write(&name, &[&bytes]);
        }
    }

    fn added(&self) -> MutexGuard<'_, BTreeMap<Key, Vec<u8>>> {
        self.added.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Functions").field("packs", &self.packs.len()).field("counts", &self.counts()).finish()
    }
}
