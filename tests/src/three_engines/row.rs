//! A row of a result, as all three engines write it.

use anyhow::Context;

use super::departures::FIRST_HOUR;

/// Departures of a class, from an airport, in a window.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) window_start: String,
    pub(super) origin: String,
    pub(super) delay_class: String,
    pub(super) flights: u64,
}

impl Row {
    pub(super) fn parse(value: &str) -> anyhow::Result<Self> {
        serde_json::from_str(value).with_context(|| format!("an unexpected result: {value}"))
    }

    /// Which minute it is of, from that of the first departure on.
    pub(super) fn minute(&self) -> anyhow::Result<i64> {
        let number = |from: usize| self.window_start.get(from..from + 2).and_then(|digits| digits.parse::<i64>().ok());
        let (hour, minute) = number(11).zip(number(14)).with_context(|| format!("no time: {}", self.window_start))?;
        Ok((hour - FIRST_HOUR as i64) * 60 + minute)
    }
}
