//! What was compiled, on disk: whole components, and functions, from which a changed component is put together.
//!
//! Entries are native code that will be run. They are only ever those that this program wrote into its own folder, under the
//! version and the settings of the engine, and each is checked against its checksum and length when it is read. A folder that
//! cannot be read or written costs time, nothing more.

use std::hash::{Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wasmtime::{CacheStore, Engine};

use crate::engine::WASMTIME_VERSION;
use crate::limits::{
    COMPONENT_CACHE_BYTES_MAX, COMPONENT_CACHE_FILES_MAX, FUNCTION_CACHE_BYTES_MAX, FUNCTION_CACHE_FILES_MAX,
};
use folder::Folder;

mod components;
mod folder;
mod functions;
mod pack;

pub(crate) use components::ComponentCache;
pub use folder::{Bound, Usage};
pub(crate) use functions::FunctionCache;
pub use functions::FunctionCounts;

/// The folder of functions, in that of components.
const FUNCTIONS: &str = "functions";

/// What a cache folder holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheUsage {
    /// Compiled components, one file per component.
    pub components: Usage,
    /// Compiled functions, one file per compiled component, without those that were there before.
    pub functions: Usage,
}

/// Looks at a cache folder; one that does not exist is empty.
///
/// # Errors
/// If it cannot be read.
pub fn cache_usage(dir: &Path) -> io::Result<CacheUsage> {
    Ok(CacheUsage { components: component_folder(dir).usage()?, functions: function_folder(dir).usage()? })
}

/// Removes everything from a cache folder, and gives what was removed. A process that uses the cache meanwhile compiles again.
///
/// # Errors
/// If it cannot be read, or a file cannot be removed.
pub fn clear_cache(dir: &Path) -> io::Result<CacheUsage> {
    Ok(CacheUsage { components: component_folder(dir).clear()?, functions: function_folder(dir).clear()? })
}

fn component_folder(dir: &Path) -> Folder {
    let bound = Bound { bytes: COMPONENT_CACHE_BYTES_MAX, files: COMPONENT_CACHE_FILES_MAX };
    Folder::new(dir.to_owned(), components::EXTENSION, bound)
}

fn function_folder(dir: &Path) -> Folder {
    let bound = Bound { bytes: FUNCTION_CACHE_BYTES_MAX, files: FUNCTION_CACHE_FILES_MAX };
    Folder::new(dir.join(FUNCTIONS), functions::EXTENSION, bound)
}

/// The caches of one engine.
#[derive(Debug)]
pub(crate) struct Caches {
    pub(crate) components: ComponentCache,
    /// Without a folder there is none: what is not kept need not be found again.
    pub(crate) functions: Option<Arc<FunctionCache>>,
}

impl Caches {
    /// The caches in a folder, and the engine that `new_engine` makes with that of functions.
    ///
    /// # Errors
    /// As `new_engine`.
    pub(crate) fn with_engine(
        dir: Option<PathBuf>,
        new_engine: impl FnOnce(Option<Arc<dyn CacheStore>>) -> wasmtime::Result<Engine>,
    ) -> wasmtime::Result<(Self, Engine)> {
        let functions = dir.as_deref().map(|dir| Arc::new(FunctionCache::new(function_folder(dir))));
        let engine = new_engine(functions.clone().map(|functions| functions as Arc<dyn CacheStore>))?;
        let key = EngineKey::of(&engine);
        if let Some(functions) = &functions {
            functions.use_for(key.clone());
        }
        let components = ComponentCache::new(dir.as_deref().map(component_folder), key);
        Ok((Self { components, functions }, engine))
    }
}

/// Digest of all that compiled code depends on, apart from what it is compiled from. In hexadecimal: it is part of file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EngineKey(String);

impl EngineKey {
    pub(crate) fn of(engine: &Engine) -> Self {
        let mut hasher = Blake3Hasher(blake3::Hasher::new());
        WASMTIME_VERSION.hash(&mut hasher);
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Self(hasher.0.finalize().to_hex().to_string())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The engine's settings hash themselves with whatever hasher they are given; this one does not change with Rust's version.
struct Blake3Hasher(blake3::Hasher);

impl Hasher for Blake3Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        self.0.finalize().as_bytes().iter().take(8).fold(0, |sum, &byte| sum << 8 | u64::from(byte))
    }
}
