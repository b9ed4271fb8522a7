//! Log lines and metrics on their way out of an operator: to the host in WebAssembly, natively to a list that tests read.

#[cfg(target_family = "wasm")]
mod imports;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod kept;

#[cfg(target_family = "wasm")]
pub(crate) use imports::{count, gauge, log, observe};
#[cfg(not(target_family = "wasm"))]
pub(crate) use kept::{count, gauge, log, observe};

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For following single rows.
    Trace,
    /// For the author.
    Debug,
    /// For the operator of the pipeline.
    Info,
    /// Something is suspicious.
    Warn,
    /// Something is wrong.
    Error,
}
