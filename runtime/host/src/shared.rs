//! What all operators of a process share: one engine, one ticker, one linker, the caches.

use std::any::Any;
use std::sync::OnceLock;

use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::cache::Caches;
use crate::config::HostConfig;
use crate::ctx::Ctx;
use crate::engine::{Ticker, new_engine};
use crate::imports;

pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) ticker: Ticker,
    pub(crate) linker: Linker<Ctx>,
    pub(crate) caches: Caches,
    pub(crate) on_compile: OnceLock<OnCompile>,
}

/// Called with a component's name when compiling it begins; what it gives is dropped when compiling ends.
pub type OnCompile = fn(&str) -> Box<dyn Any>;

/// Why there is no host.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// This machine or build cannot run WebAssembly.
    #[error("WebAssembly cannot be run here: {0}")]
    Engine(String),
    /// The system gives no thread.
    #[error("cannot start the thread that aborts calls which take too long: {0}")]
    Ticker(#[from] std::io::Error),
}

impl Shared {
    /// Starts the ticker.
    ///
    /// # Errors
    /// If this machine cannot run WebAssembly.
    pub(crate) fn new(config: HostConfig) -> Result<Self, HostError> {
        let HostConfig { cache_dir, instances_max, stack_bytes } = config;
        let new_engine = |functions| new_engine(instances_max, stack_bytes, functions);
        let (caches, engine) =
            Caches::with_engine(cache_dir, new_engine).map_err(|e| HostError::Engine(format!("{e:#}")))?;
        let mut linker = Linker::new(&engine);
        imports::log::add_to_linker(&mut linker)
            .and_then(|()| imports::maps::add_to_linker(&mut linker))
            .and_then(|()| imports::metrics::add_to_linker(&mut linker))
            .map_err(|e| HostError::Engine(format!("{e:#}")))?;
        let ticker = Ticker::start(&engine)?;
        Ok(Self { engine, ticker, linker, caches, on_compile: OnceLock::new() })
    }
}
