//! `[checkpoint]`, `[restart]` and `[dead-letters]`: where a job keeps what it has done, and what happens to it when it fails or is full. Never opens the
//! folder.

use std::path::Path;

use super::problems;
use super::problems::together;
use super::table::Table;
use crate::diagnostic::Diagnostic;
use crate::disk::{DeadLetterSettings, WhenFull};
use crate::graph::{CheckpointSettings, RestartSettings};
use crate::limits::{
    CHECKPOINT_INTERVAL_MS_DEFAULT, CHECKPOINT_TIMEOUT_MS_DEFAULT, CHECKPOINTS_KEPT_DEFAULT, CHECKPOINTS_KEPT_MAX,
    RESTART_DELAY_MAX_MS_DEFAULT, RESTART_DELAY_MS_DEFAULT, RESTART_PERIOD_MS_DEFAULT, RESTARTS_A_PERIOD_DEFAULT,
    RESTARTS_A_PERIOD_MAX,
};

pub(super) fn checkpoint(top: &Table<'_>, base: &Path) -> problems::Result<Option<CheckpointSettings>> {
    let Some(table) = top.table("checkpoint")? else { return Ok(None) };
    together! {
        _keys = table.check_keys(&["dir", "interval", "min-pause", "timeout", "keep"]);
        location = location(&table, base);
        interval_ms = positive_ms(&table, "interval");
        min_pause_ms = milliseconds(&table, "min-pause");
        timeout_ms = positive_ms(&table, "timeout");
        keep = table.integer("keep", 1..=CHECKPOINTS_KEPT_MAX as u64);
    }
    Ok(Some(CheckpointSettings {
        location,
        interval_ms: interval_ms.unwrap_or(CHECKPOINT_INTERVAL_MS_DEFAULT),
        min_pause_ms: min_pause_ms.unwrap_or(0),
        timeout_ms: timeout_ms.unwrap_or(CHECKPOINT_TIMEOUT_MS_DEFAULT),
        keep: keep.map_or(CHECKPOINTS_KEPT_DEFAULT, |keep| keep as usize),
    }))
}

/// Where checkpoints are kept; empty: it is not said.
fn location(table: &Table<'_>, base: &Path) -> Result<String, Diagnostic> {
    match table.string("dir")? {
        None => Ok(String::new()),
        Some(dir) if dir.value.is_empty() => {
            let message = "checkpoint.dir is empty: name a folder, or s3://BUCKET/PREFIX";
            Err(Diagnostic::error(message, dir.span))
        }
        Some(dir) if dir.value.contains("://") => Ok(dir.value),
        Some(dir) => Ok(base.join(&dir.value).display().to_string()),
    }
}

pub(super) fn restart(top: &Table<'_>) -> problems::Result<RestartSettings> {
    let default = RestartSettings {
        delay_ms: RESTART_DELAY_MS_DEFAULT,
        delay_max_ms: RESTART_DELAY_MAX_MS_DEFAULT,
        failures_max: RESTARTS_A_PERIOD_DEFAULT,
        period_ms: RESTART_PERIOD_MS_DEFAULT,
    };
    let Some(table) = top.table("restart")? else { return Ok(default) };
    together! {
        _keys = table.check_keys(&["delay", "delay-max", "failures-max", "period"]);
        delay_ms = positive_ms(&table, "delay");
        delay_max_ms = positive_ms(&table, "delay-max");
        failures = table.integer("failures-max", 0..=u64::from(RESTARTS_A_PERIOD_MAX));
        period_ms = positive_ms(&table, "period");
    }
    let delay_ms = delay_ms.unwrap_or(default.delay_ms);
    let delay_max_ms = delay_max_ms.unwrap_or(default.delay_max_ms.max(delay_ms));
    if let Some(value) = table.get("delay-max").filter(|_| delay_max_ms < delay_ms) {
        let message = format!("delay-max is less than delay, which is {delay_ms} ms");
        return Err(Diagnostic::error(message, Some(value.span())).into());
    }
    let failures_max = failures.map_or(default.failures_max, |failures| failures as u32);
    Ok(RestartSettings { delay_ms, delay_max_ms, failures_max, period_ms: period_ms.unwrap_or(default.period_ms) })
}

pub(super) fn dead_letters(top: &Table<'_>) -> problems::Result<DeadLetterSettings> {
    let Some(table) = top.table("dead-letters")? else { return Ok(DeadLetterSettings::default()) };
    let choices = [("fail", WhenFull::Fail), ("drop", WhenFull::Drop)];
    together! {
        _keys = table.check_keys(&["max-bytes", "when-full"]);
        bytes_max = table.size_bytes("max-bytes");
        when_full = table.choice("when-full", &choices);
    }
    Ok(DeadLetterSettings { bytes_max, when_full: when_full.unwrap_or_default() })
}

fn milliseconds(table: &Table<'_>, key: &str) -> Result<Option<u64>, Diagnostic> {
    Ok(table.duration_us(key)?.map(|us| us.unsigned_abs().div_ceil(1000)))
}

fn positive_ms(table: &Table<'_>, key: &str) -> Result<Option<u64>, Diagnostic> {
    match (milliseconds(table, key)?, table.get(key)) {
        (Some(0), Some(value)) => Err(Diagnostic::error(format!("{key} must be more than zero"), Some(value.span()))),
        (ms, _) => Ok(ms),
    }
}
