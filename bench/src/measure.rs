//! Time, processor time and memory of this process. The only file that reads a clock, and it never decides anything.

use std::time::Instant;

use anyhow::Context;
use weir_core::time::Clock;

/// What `/proc` counts processor time in, a second: fixed for all programs on Linux (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// Measures elapsed time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[expect(clippy::disallowed_methods, reason = "measuring is what this program is for")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Seconds since the start.
    pub(crate) fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// The engine's clock: the time since the program began.
#[derive(Debug)]
pub(crate) struct UptimeClock(Stopwatch);

impl UptimeClock {
    /// Begins at 0.
    pub(crate) fn start() -> Self {
        Self(Stopwatch::start())
    }
}

impl Clock for UptimeClock {
    fn now_us(&self) -> i64 {
        self.0.0.elapsed().as_micros() as i64
    }
}

/// Processor time that all threads of this process have used, seconds, in steps of 10 ms.
///
/// # Errors
/// Where there is no `/proc`.
pub(crate) fn cpu_seconds() -> anyhow::Result<f64> {
    let stat = read("/proc/self/stat")?;
    // The second field is the program's name in parentheses and may hold anything; user and system time are fields 14 and 15.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks = fields.skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>();
    Ok(ticks.context("/proc/self/stat has no processor time")? / TICKS_PER_SECOND)
}

/// The most memory that this process has ever held at once, bytes.
///
/// # Errors
/// As [`cpu_seconds`].
pub(crate) fn peak_rss_bytes() -> anyhow::Result<u64> {
    let status = read("/proc/self/status")?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB"));
    let kib: u64 = kib.context("/proc/self/status has no VmHWM")?.trim().parse()?;
    Ok(kib * 1024)
}

fn read(file: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {file}: the bench needs Linux"))
}
