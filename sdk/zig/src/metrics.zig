//! Figures of the operator's own. In native tests they go nowhere.

const bindings = @import("operator_bindings");
const in_component = @import("builtin").target.cpu.arch.isWasm();

/// Adds to a counter.
pub fn count(name: []const u8, by: u64) void {
    if (in_component) bindings.metrics.count(.of(name), by);
}

/// Sets a gauge.
pub fn gauge(name: []const u8, value: f64) void {
    if (in_component) bindings.metrics.gauge(.of(name), value);
}

/// Puts a value into a histogram.
pub fn observe(name: []const u8, value: f64) void {
    if (in_component) bindings.metrics.observe(.of(name), value);
}
