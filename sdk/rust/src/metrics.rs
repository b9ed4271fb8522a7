//! Figures of the operator's own, limited in number by the host. In a native test they are kept for
//! [`crate::testing::metrics`].

#[cfg(target_family = "wasm")]
use crate::guest as sink;
use crate::muted::is_muted;
#[cfg(not(target_family = "wasm"))]
use crate::testing as sink;

/// Adds to a counter.
pub fn count(name: &str, by: u64) {
    if !is_muted() {
        sink::count(name, by);
    }
}

/// Sets a gauge.
pub fn gauge(name: &str, value: f64) {
    if !is_muted() {
        sink::gauge(name, value);
    }
}

/// Puts a value into a histogram.
pub fn observe(name: &str, value: f64) {
    if !is_muted() {
        sink::observe(name, value);
    }
}
