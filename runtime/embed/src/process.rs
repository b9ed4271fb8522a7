//! What all pipelines of a process share: one host and one clock. Nothing in it ends before the process.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use weir_core::time::Clock;
use weir_host::{Host, HostConfig, HostError};

/// Bytes of stack that guests may use in somebody else's threads: half of what we take in our own, as the smallest that a JVM gives have
/// 1 MiB.
pub const STACK_BYTES: usize = 256 << 10;

/// The one host of this process: without a pool, which would take addresses that are not ours.
///
/// # Errors
/// If this machine cannot run WebAssembly.
pub fn host() -> Result<Host, HostError> {
    static HOST: OnceLock<Host> = OnceLock::new();
    if let Some(host) = HOST.get() {
        return Ok(host.clone());
    }
    let host = Host::new(HostConfig { cache_dir: cache_dir(), instances_max: None, stack_bytes: STACK_BYTES })?;
    Ok(HOST.get_or_init(|| host).clone())
}

/// `$WEIR_CACHE_DIR`, `$XDG_CACHE_HOME/weir` or `~/.cache/weir`, as the command has it; without a home nothing is kept.
fn cache_dir() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("WEIR_CACHE_DIR")
        .or_else(|| variable("XDG_CACHE_HOME").map(|dir| dir.join("weir")))
        .or_else(|| variable("HOME").map(|dir| dir.join(".cache").join("weir")))
}

/// The clock of this process.
#[must_use]
pub fn clock() -> Arc<dyn Clock> {
    static CLOCK: OnceLock<Arc<SystemClock>> = OnceLock::new();
    CLOCK.get_or_init(|| Arc::new(SystemClock::new())).clone()
}

/// The time of day when it was made, and a steady clock since.
struct SystemClock {
    started_us: i64,
    started: Instant,
}

impl SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the edge: the one clock that is passed to everything else")]
    fn new() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let started_us = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
        Self { started_us, started: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now_us(&self) -> i64 {
        let passed = i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.started_us.saturating_add(passed)
    }
}
