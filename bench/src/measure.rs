//! Time, and processor time and memory of processes. The only file that reads a clock, and it never decides anything.

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

/// A process, this one or another.
#[derive(Clone, Debug)]
pub(crate) struct Process(String);

impl Process {
    /// This one.
    pub(crate) fn this() -> Self {
        Self("self".to_owned())
    }

    /// The one with this id.
    pub(crate) fn of(id: u32) -> Self {
        Self(id.to_string())
    }

    /// Processor time that all its threads have used, seconds, in steps of 10 ms.
    ///
    /// # Errors
    /// Where there is no `/proc`, or no such process.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = self.read("stat")?;
        // The second field is the program's name in parentheses and may hold anything; user and system time are fields 14 and 15.
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
        let ticks = fields.skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>();
        Ok(ticks.context("there is no processor time in it")? / TICKS_PER_SECOND)
    }

    /// The most memory that it has ever held at once, bytes.
    ///
    /// # Errors
    /// As [`Process::cpu_seconds`].
    pub(crate) fn peak_rss_bytes(&self) -> anyhow::Result<u64> {
        self.memory("VmHWM:")
    }

    /// The memory that it holds, bytes.
    ///
    /// # Errors
    /// As [`Process::cpu_seconds`].
    pub(crate) fn rss_bytes(&self) -> anyhow::Result<u64> {
        self.memory("VmRSS:")
    }

    fn memory(&self, field: &str) -> anyhow::Result<u64> {
        let status = self.read("status")?;
        let kib = status.lines().find_map(|line| line.strip_prefix(field)?.trim().strip_suffix("kB"));
        let kib: u64 = kib.with_context(|| format!("there is no {field}"))?.trim().parse()?;
        Ok(kib * 1024)
    }

    fn read(&self, file: &str) -> anyhow::Result<String> {
        let file = format!("/proc/{}/{file}", self.0);
        std::fs::read_to_string(&file).with_context(|| format!("cannot read {file}: the bench needs Linux"))
    }
}
