//! The way from a file to a [`Component`]: one engine, one ticker, one cache for all operators of a process.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use weir_core::limits::COMPONENT_BYTES_MAX;

use crate::component::Component;
use crate::config::HostConfig;
use crate::load::{LoadError, inspect};
use crate::shared::{HostError, OnCompile, Shared};

/// Runs operators. Cheap to clone; the clones are one host.
#[derive(Clone)]
pub struct Host(Arc<Shared>);

impl Host {
    /// Starts a host.
    ///
    /// # Errors
    /// If this machine cannot run WebAssembly.
    pub fn new(config: HostConfig) -> Result<Self, HostError> {
        Ok(Self(Arc::new(Shared::new(config)?)))
    }

    /// Has somebody told when a component is compiled, which may take seconds. Only the first one is.
    #[must_use]
    pub fn on_compile(self, tell: OnCompile) -> Self {
        let _ = self.0.on_compile.set(tell);
        self
    }

    /// Reads, checks and compiles a component, or takes it from the cache.
    ///
    /// # Errors
    /// What the file is instead, and what to do.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Component, LoadError> {
        let path = path.as_ref();
        let read = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::NotFound => LoadError::NotFound { path: path.to_owned() },
            _ => LoadError::Read { path: path.to_owned(), source },
        };
        let name = path.display().to_string();
        let bytes = std::fs::metadata(path).map_err(read)?.len();
        if bytes > COMPONENT_BYTES_MAX {
            return Err(LoadError::TooLarge { name, bytes, limit: COMPONENT_BYTES_MAX });
        }
        self.load_bytes(&std::fs::read(path).map_err(read)?, &name)
    }

    /// As [`Host::load`], of bytes; `name` is what errors call them.
    ///
    /// # Errors
    /// What the bytes are instead, and what to do.
    pub fn load_bytes(&self, bytes: &[u8], name: &str) -> Result<Component, LoadError> {
        let inspection = inspect(bytes, name)?;
        Component::compile(Arc::clone(&self.0), bytes, name, inspection)
    }

    /// Removes what was compiled of a component, by its digest, from a cache that is not shared: whose folder is no link. Where the
    /// component is loaded it stays so.
    pub fn forget_compiled(&self, digest: &str) {
        if self.0.caches.components.is_own() {
            self.0.caches.components.remove(digest);
        }
    }

    /// Removes from a cache that is not shared all that was not compiled of components with these digests, or not for this host.
    /// Nobody may be compiling into it meanwhile: what is half there is removed too.
    pub fn retain_compiled(&self, digests: &BTreeSet<String>) {
        self.0.caches.components.retain(digests);
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("caches", &self.0.caches).finish_non_exhaustive()
    }
}
