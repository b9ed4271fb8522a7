//! How WebAssembly is run: the engine's settings, and the one thread that makes time pass for guests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use wasmtime::{CacheStore, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::limits::{CORE_INSTANCES_MAX, MEMORIES_MAX, TABLES_MAX};

/// How often guests' time passes: time-outs are exact to two of this, and a tick costs nothing measurable.
pub(crate) const TICK_MS: u64 = 5;

/// The exact version of wasmtime; part of the key of compiled code. `Cargo.toml` pins it.
pub(crate) const WASMTIME_VERSION: &str = "48.0.8";

/// Elements of a table that the pool reserves; `limits.table-elements` cannot go beyond it.
const POOL_TABLE_ELEMENTS: usize = 200_000;
/// Bytes of runtime data of one instance that the pool admits: interpreters have some ten thousand functions.
const POOL_INSTANCE_BYTES: usize = 8 << 20;

/// An engine with room for `instances` instances at a time, or without a pool of them, whose guests may use so many bytes of stack. It
/// keeps the functions that it compiles.
///
/// # Errors
/// If this machine cannot run WebAssembly.
pub(crate) fn new_engine(
    instances: Option<u32>,
    stack_bytes: usize,
    functions: Option<Arc<dyn CacheStore>>,
) -> wasmtime::Result<Engine> {
    let engine = |pool, functions| Engine::new(&config(pool, stack_bytes, functions)?);
    // The pool reserves 4 GiB of addresses a memory. Where addresses are rationed (ulimit -v) instances are made one by one.
    engine(instances, functions.clone()).or_else(|error| match instances {
        Some(_) => engine(None, functions),
        None => Err(error),
    })
}

fn config(pool: Option<u32>, stack_bytes: usize, functions: Option<Arc<dyn CacheStore>>) -> wasmtime::Result<Config> {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .max_wasm_stack(stack_bytes)
        // No guest calls are concurrent; leaving this on triples the cost of a call.
        .concurrency_support(false)
        .epoch_interruption(true)
        // The same result on every machine, also where the standard leaves a choice.
        .relaxed_simd_deterministic(true);
    if let Some(instances) = pool {
        let mut pool = PoolingAllocationConfig::default();
        let [core_instances, memories, tables] =
            [CORE_INSTANCES_MAX, MEMORIES_MAX, TABLES_MAX].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        pool.total_component_instances(instances)
            // As if each had all that one may have, so that who counts instances has counted everything. It is addresses.
            .total_core_instances(instances.saturating_mul(core_instances))
            .total_memories(instances.saturating_mul(memories))
            .total_tables(instances.saturating_mul(tables))
            .max_core_instances_per_component(core_instances)
            .max_memories_per_component(memories)
            .max_tables_per_component(tables)
            .max_memories_per_module(memories)
            .max_tables_per_module(tables)
            .table_elements(POOL_TABLE_ELEMENTS)
            .max_core_instance_size(POOL_INSTANCE_BYTES)
            .max_component_instance_size(POOL_INSTANCE_BYTES);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    if let Some(functions) = functions {
        config.enable_incremental_compilation(functions)?;
    }
    Ok(config)
}

/// How many ticks a call may take that may take this long. One more than fit: the first may come at once.
pub(crate) fn ticks(limit_ms: u64) -> u64 {
    // Far from what would overflow the engine's counter.
    limit_ms.div_ceil(TICK_MS).min(u64::from(u32::MAX)) + 1
}

/// Makes time pass for the guests of an engine, until it is dropped.
#[derive(Debug)]
pub(crate) struct Ticker {
    ticks: Arc<AtomicU64>,
    /// Its end tells the thread to stop.
    _stop: SyncSender<()>,
}

impl Ticker {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let (stop, stopped) = sync_channel(0);
        let ticks = Arc::new(AtomicU64::new(0));
        let (engine, counter) = (engine.weak(), Arc::clone(&ticks));
        std::thread::Builder::new().name("weir-ticker".into()).spawn(move || {
            while stopped.recv_timeout(Duration::from_millis(TICK_MS)) == Err(RecvTimeoutError::Timeout) {
                let Some(engine) = engine.upgrade() else { return };
                engine.increment_epoch();
                counter.fetch_add(1, Ordering::Relaxed);
            }
        })?;
        Ok(Self { ticks, _stop: stop })
    }

    /// A coarse clock: about how many seconds have passed.
    pub(crate) fn seconds(&self) -> impl Fn() -> u64 + Send + 'static {
        let ticks = Arc::clone(&self.ticks);
        move || ticks.load(Ordering::Relaxed) * TICK_MS / 1000
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_in_cache_keys_is_the_pinned_one() {
        let manifest = include_str!("../../../Cargo.toml");
        assert!(manifest.contains(&format!("wasmtime = {{ version = \"={}\"", super::WASMTIME_VERSION)));
    }
}
