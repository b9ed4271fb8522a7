//! How a host is set up. It reads no environment: its caller says it all.

use std::path::PathBuf;

/// Instances at a time, by default: each reserves 4 GiB of addresses for every memory that it may have, and a process has 128 TiB of
/// them.
pub const INSTANCES_MAX_DEFAULT: u32 = 1000;

/// Bytes of stack that guests may use, by default: interpreters need some of it, and the smallest stacks of our threads have 2 MiB.
pub const STACK_BYTES_DEFAULT: usize = 512 << 10;

/// How a host is set up.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Where compiled components are kept, made when it is first needed; `None`: nowhere. What is in it is run as native code:
    /// it must be this user's alone.
    pub cache_dir: Option<PathBuf>,
    /// Instances of all operators together, at a time, for which a pool reserves addresses; `None`: each is made by itself, in a process
    /// that is not ours alone.
    pub instances_max: Option<u32>,
    /// Bytes of the caller's stack that guests may use: one that recurses deeper traps. A thread that calls them has to have as much, and
    /// some more for the host.
    pub stack_bytes: usize,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self { cache_dir: None, instances_max: Some(INSTANCES_MAX_DEFAULT), stack_bytes: STACK_BYTES_DEFAULT }
    }
}
