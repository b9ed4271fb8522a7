//! An hour of departures as messages in JSON: the same for every run, out of order by less than the watermark's bound.

/// When the last regular departure is at the latest, after the first.
const HOUR_MS: u64 = 3_600_000;
/// Of the day.
pub(super) const FIRST_HOUR: u64 = 8;
/// How far a message may be behind those before it: half of the bound, so that Spark, which has one watermark for all partitions, may read them
/// a little apart.
const BEHIND_MS_MAX: u64 = 5_000;
const ORIGINS: [&str; 3] = ["EWR", "JFK", "LGA"];
/// Minutes: from ten too early to two hours late.
const DELAYS: std::ops::Range<i64> = -10..120;

/// Where the departures are from that only move event time: one ends each partition. Spark gives out a window when its watermark has passed, and
/// never the last ones. Their window is in the results of Weir and Flink, and is not compared.
pub(super) const END_ORIGIN: &str = "END";

/// Messages with departures.
pub(super) fn messages(count: usize) -> Vec<String> {
    let mut random = Random(1);
    let message = |number: u64| {
        let at = BEHIND_MS_MAX + number * HOUR_MS / count as u64 - random.below(BEHIND_MS_MAX);
        let origin = ORIGINS[random.below(ORIGINS.len() as u64) as usize];
        let delay = DELAYS.start + random.below((DELAYS.end - DELAYS.start) as u64) as i64;
        departure(number, origin, delay, at)
    };
    (0..count as u64).map(message).collect()
}

/// A departure of an endless stream in order.
pub(super) fn live(number: u64, step_ms: u64) -> String {
    departure(number, ORIGINS[number as usize % ORIGINS.len()], number as i64 % DELAYS.end, number * step_ms)
}

/// The last message of each partition.
pub(super) fn end() -> String {
    departure(0, END_ORIGIN, 0, 12 * HOUR_MS)
}

fn departure(flight: u64, origin: &str, delay: i64, at_ms: u64) -> String {
    let (hours, minutes, seconds) = (FIRST_HOUR + at_ms / HOUR_MS, at_ms / 60_000 % 60, at_ms / 1_000 % 60);
    format!(
        r#"{{"flight":"WR{flight}","origin":"{origin}","dep_delay":{delay},"departed":"2026-03-02T{hours:02}:{minutes:02}:{seconds:02}.{:03}Z"}}"#,
        at_ms % 1_000
    )
}

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % limit
    }
}
