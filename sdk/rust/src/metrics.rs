//! Figures of the operator's own, limited in number by the host. In a native test they are kept for
//! [`crate::testing::metrics`].

use crate::muted::is_muted;
use crate::telemetry;

/// Adds to a counter.
pub fn count(name: &str, by: u64) {
    if !is_muted() {
        telemetry::count(name, by);
    }
}

/// Sets a gauge.
pub fn gauge(name: &str, value: f64) {
    if !is_muted() {
        telemetry::gauge(name, value);
    }
}

/// Puts a value into a histogram.
pub fn observe(name: &str, value: f64) {
    if !is_muted() {
        telemetry::observe(name, value);
    }
}
