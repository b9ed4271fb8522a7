//! `limits = { memory = "32MiB", ... }` of an operator or an aggregate; what is not said keeps its default.

use super::problems::{Result, together};
use super::table::Table;
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
pub(super) fn read(owner: &Table<'_>) -> Result<OperatorLimits> {
    let default = OperatorLimits::default();
    let Some(table) = owner.table("limits")? else { return Ok(default) };
    // The clock behind it ticks in milliseconds; a shorter time is one tick.
    let milliseconds = |us: Option<i64>| us.map(|us| us.unsigned_abs().div_ceil(1000).max(1));
    together! {
        _keys = table.check_keys(&KEYS);
        memory = table.size_within("memory", GUEST_MEMORY_BYTES_MIN..=GUEST_MEMORY_BYTES_MAX, "64KiB to 4GiB");
        elements = table.integer("table-elements", 1..=u64::from(u32::MAX));
        call_us = table.duration_us_within("call-time", 1..=GUEST_TIME_US_MAX, TIMES);
        batch_us = table.duration_us_within("batch-time", 1..=GUEST_TIME_US_MAX, TIMES);
        state = table.size_bytes("state");
        timers = table.integer("timers", 0..=u64::from(u32::MAX));
        rows = table.integer("output-rows-per-row", 1..=u64::from(u32::MAX));
        log = table.size_bytes("log-bytes-per-s");
        output = table.size_bytes("output");
    }
    Ok(OperatorLimits {
        memory_bytes: memory.unwrap_or(default.memory_bytes),
        table_elements: elements.unwrap_or(default.table_elements),
        call_time_ms: milliseconds(call_us).unwrap_or(default.call_time_ms),
        batch_time_ms: milliseconds(batch_us).unwrap_or(default.batch_time_ms),
        state_bytes: state.unwrap_or(default.state_bytes),
        timers: timers.unwrap_or(default.timers),
        output_rows_per_row: rows.map_or(default.output_rows_per_row, |rows| u32::try_from(rows).unwrap_or(u32::MAX)),
        log_bytes_per_s: log.unwrap_or(default.log_bytes_per_s),
        output_bytes: output.unwrap_or(default.output_bytes),
    })
}
