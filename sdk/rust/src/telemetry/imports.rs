//! What a component imports: the host's log and metrics. In WebAssembly only.

use super::Level;

/// What the host offers.
#[rustfmt::skip]
#[allow(missing_docs, unreachable_pub, unsafe_code, reason = "generated from the contract")]
#[path = "../bindings/imports.rs"]
mod bindings;

use bindings::weir::operator as host;

/// Writes a line to the host's log.
pub(crate) fn log(level: Level, line: String) {
    let level = match level {
        Level::Trace => host::log::Level::Trace,
        Level::Debug => host::log::Level::Debug,
        Level::Info => host::log::Level::Info,
        Level::Warn => host::log::Level::Warn,
        Level::Error => host::log::Level::Error,
    };
    host::log::log(level, &line);
}

/// Adds to a counter of the host's.
pub(crate) fn count(name: &str, by: u64) {
    host::metrics::count(name, by);
}

/// Sets a gauge of the host's.
pub(crate) fn gauge(name: &str, value: f64) {
    host::metrics::gauge(name, value);
}

/// Puts a value into a histogram of the host's.
pub(crate) fn observe(name: &str, value: f64) {
    host::metrics::observe(name, value);
}
