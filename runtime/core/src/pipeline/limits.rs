//! `limits = { memory = "32MiB", ... }` of an operator or an aggregate; what is not said keeps its default.

use super::table::Table;
use crate::diagnostic::Diagnostic;
use crate::limits::{GUEST_MEMORY_BYTES_MAX, GUEST_MEMORY_BYTES_MIN, GUEST_TIME_US_MAX, OperatorLimits};

/// From one tick of the clock that ends calls to [`GUEST_TIME_US_MAX`].
const TIMES: &str = "1ms to 1day";

const KEYS: [&str; 9] = [
    "memory",
    "table-elements",
    "call-time",
    "output-rows-per-row",
    "log-bytes-per-s",
    "output",
    "batch-time",
    "state",
    "timers",
];

/// The bounds in `limits` of a table.
pub(super) fn read(owner: &Table<'_>) -> Result<OperatorLimits, Diagnostic> {
    let mut limits = OperatorLimits::default();
    let Some(table) = owner.table("limits")? else { return Ok(limits) };
    table.check_keys(&KEYS)?;
    if let Some(bytes) =
        table.size_within("memory", GUEST_MEMORY_BYTES_MIN..=GUEST_MEMORY_BYTES_MAX, "64KiB to 4GiB")?
    {
        limits.memory_bytes = bytes;
    }
    if let Some(elements) = table.integer("table-elements", 1..=u64::from(u32::MAX))? {
        limits.table_elements = elements;
    }
    if let Some(us) = table.duration_us_within("call-time", 1..=GUEST_TIME_US_MAX, TIMES)? {
        // The clock behind it ticks in milliseconds; a shorter time is one tick.
        limits.call_time_ms = (us.unsigned_abs()).div_ceil(1000).max(1);
    }
    if let Some(us) = table.duration_us_within("batch-time", 1..=GUEST_TIME_US_MAX, TIMES)? {
        limits.batch_time_ms = us.unsigned_abs().div_ceil(1000).max(1);
    }
    if let Some(bytes) = table.size_bytes("state")? {
        limits.state_bytes = bytes;
    }
    if let Some(timers) = table.integer("timers", 0..=u64::from(u32::MAX))? {
        limits.timers = timers;
    }
    if let Some(rows) = table.integer("output-rows-per-row", 1..=u64::from(u32::MAX))? {
        limits.output_rows_per_row = u32::try_from(rows).unwrap_or(u32::MAX);
    }
    if let Some(bytes) = table.size_bytes("log-bytes-per-s")? {
        limits.log_bytes_per_s = bytes;
    }
    if let Some(bytes) = table.size_bytes("output")? {
        limits.output_bytes = bytes;
    }
    Ok(limits)
}
