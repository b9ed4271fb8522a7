//! `[checkpoint]`, `[restart]` and `[dead-letters]`: where a job keeps what it has done, and what happens to it when it fails or is full. Never opens the
//! folder.

use std::path::Path;

use super::table::Table;
use crate::diagnostic::Diagnostic;
use crate::disk::{DeadLetterSettings, WhenFull};
use crate::graph::{CheckpointSettings, RestartSettings};
use crate::limits::{
    CHECKPOINT_INTERVAL_MS_DEFAULT, CHECKPOINT_TIMEOUT_MS_DEFAULT, CHECKPOINTS_KEPT_DEFAULT, CHECKPOINTS_KEPT_MAX,
    RESTART_DELAY_MAX_MS_DEFAULT, RESTART_DELAY_MS_DEFAULT, RESTART_PERIOD_MS_DEFAULT, RESTARTS_A_PERIOD_DEFAULT,
    RESTARTS_A_PERIOD_MAX,
};

pub(super) fn checkpoint(top: &Table<'_>, base: &Path) -> Result<Option<CheckpointSettings>, Diagnostic> {
    let Some(table) = top.table("checkpoint")? else { return Ok(None) };
    table.check_keys(&["dir", "interval", "min-pause", "timeout", "keep"])?;
    let location = match table.string("dir")? {
        None => String::new(),
        Some(dir) if dir.value.is_empty() => {
            let message = "checkpoint.dir is empty: name a folder, or s3://BUCKET/PREFIX";
            return Err(Diagnostic::error(message, dir.span));
        }
        Some(dir) if dir.value.contains("://") => dir.value,
        Some(dir) => base.join(&dir.value).display().to_string(),
    };
    Ok(Some(CheckpointSettings {
        location,
        interval_ms: positive_ms(&table, "interval")?.unwrap_or(CHECKPOINT_INTERVAL_MS_DEFAULT),
        min_pause_ms: milliseconds(&table, "min-pause")?.unwrap_or(0),
        timeout_ms: positive_ms(&table, "timeout")?.unwrap_or(CHECKPOINT_TIMEOUT_MS_DEFAULT),
        keep: table
            .integer("keep", 1..=CHECKPOINTS_KEPT_MAX as u64)?
            .map_or(CHECKPOINTS_KEPT_DEFAULT, |keep| keep as usize),
    }))
}

pub(super) fn restart(top: &Table<'_>) -> Result<RestartSettings, Diagnostic> {
    let mut settings = RestartSettings {
        delay_ms: RESTART_DELAY_MS_DEFAULT,
        delay_max_ms: RESTART_DELAY_MAX_MS_DEFAULT,
        failures_max: RESTARTS_A_PERIOD_DEFAULT,
        period_ms: RESTART_PERIOD_MS_DEFAULT,
    };
    let Some(table) = top.table("restart")? else { return Ok(settings) };
    table.check_keys(&["delay", "delay-max", "failures-max", "period"])?;
    settings.delay_ms = positive_ms(&table, "delay")?.unwrap_or(settings.delay_ms);
    settings.delay_max_ms = positive_ms(&table, "delay-max")?.unwrap_or(settings.delay_max_ms.max(settings.delay_ms));
    if let Some(value) = table.get("delay-max").filter(|_| settings.delay_max_ms < settings.delay_ms) {
        let message = format!("delay-max is less than delay, which is {} ms", settings.delay_ms);
        return Err(Diagnostic::error(message, Some(value.span())));
    }
    let failures = table.integer("failures-max", 0..=u64::from(RESTARTS_A_PERIOD_MAX))?;
    settings.failures_max = failures.map_or(settings.failures_max, |failures| failures as u32);
    settings.period_ms = positive_ms(&table, "period")?.unwrap_or(settings.period_ms);
    Ok(settings)
}

pub(super) fn dead_letters(top: &Table<'_>) -> Result<DeadLetterSettings, Diagnostic> {
    let Some(table) = top.table("dead-letters")? else { return Ok(DeadLetterSettings::default()) };
    table.check_keys(&["max-bytes", "when-full"])?;
    let choices = [("fail", WhenFull::Fail), ("drop", WhenFull::Drop)];
    Ok(DeadLetterSettings {
        bytes_max: table.size_bytes("max-bytes")?,
        when_full: table.choice("when-full", &choices)?.unwrap_or_default(),
    })
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
