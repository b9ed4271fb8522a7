//! How long a call may take: a limit for the processor time that its thread uses, so that a busy machine fails no call, and a much
//! longer one on the clock on the wall. It is asked by the engine's epochs only and starts no thread.
//!
//! A call that is over before the first tick reads no clock. The first tick in a call reads the thread's processor time, and the
//! next one comes when the limit can have been used up. What a call used before its first tick is its own, a tick at most.

use std::time::Duration;

use wasmtime::UpdateDeadline;

use crate::engine::ticks;
use crate::limits::CALL_WALL_TIME_FACTOR;

/// Reads the processor time that this thread has used.
type ThreadTime = fn() -> Duration;

/// Ticks until a call is looked at for the first time.
pub(crate) const FIRST_LOOK_TICKS: u64 = 1;

/// The time of one call after the other.
#[derive(Debug)]
pub(crate) struct CallTime {
    limit: Duration,
    thread_time: ThreadTime,
    /// The processor time at the first tick of the call that runs.
    began: Option<Duration>,
    /// Ticks that have passed since then, at least.
    wall_ticks: u64,
    exceeded: Option<Exceeded>,
}

/// Which limit has ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exceeded {
    ProcessorTime,
    WallTime { limit_ms: u64 },
}

impl CallTime {
    /// Every call may use so much processor time.
    pub(crate) fn new(limit_ms: u64) -> Self {
        Self::with_clock(limit_ms, thread_time)
    }

    fn with_clock(limit_ms: u64, thread_time: ThreadTime) -> Self {
        Self { limit: Duration::from_millis(limit_ms), thread_time, began: None, wall_ticks: 0, exceeded: None }
    }

    /// A call begins.
    pub(crate) fn begin(&mut self) {
        self.began = None;
    }

    /// Why the last call was ended, if it was.
    pub(crate) fn exceeded(&self) -> Option<Exceeded> {
        self.exceeded
    }

    /// The time has come to look at the call: it continues for some ticks, or ends.
    pub(crate) fn look(&mut self) -> UpdateDeadline {
        let now = (self.thread_time)();
        let Some(began) = self.began else {
            (self.began, self.wall_ticks, self.exceeded) = (Some(now), 0, None);
            return self.resume(self.limit);
        };
        let left = self.limit.saturating_sub(now.saturating_sub(began));
        if left.is_zero() {
            return self.end(Exceeded::ProcessorTime);
        }
        let limit_ms = millis(self.limit).saturating_mul(CALL_WALL_TIME_FACTOR);
        if self.wall_ticks >= ticks(limit_ms) {
            return self.end(Exceeded::WallTime { limit_ms });
        }
        self.resume(left)
    }

    fn resume(&mut self, left: Duration) -> UpdateDeadline {
        let next = ticks(millis(left));
        self.wall_ticks = self.wall_ticks.saturating_add(next);
        UpdateDeadline::Continue(next)
    }

    fn end(&mut self, exceeded: Exceeded) -> UpdateDeadline {
        self.exceeded = Some(exceeded);
        UpdateDeadline::Interrupt
    }
}

/// Rounded up, so that a call is not looked at over and over for what is left of a millisecond.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "macos", target_os = "freebsd"))]
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Where a thread's time cannot be asked for, it is as if it had always run.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "macos", target_os = "freebsd")))]
#[expect(
    clippy::disallowed_methods,
    reason = "it ends calls that take too long, as the ticker does; no result depends on it"
)]
fn thread_time() -> Duration {
    static BEGIN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    BEGIN.elapsed()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::engine::TICK_MS;

    thread_local!(static USED_US: Cell<u64> = const { Cell::new(0) });

    fn call_time(limit_ms: u64) -> CallTime {
        CallTime::with_clock(limit_ms, || Duration::from_micros(USED_US.get()))
    }

    /// Looks at a call until it ends; per look the thread has used so much of the time that passed. What ended it, and how many
    /// milliseconds had passed.
    fn run(time: &mut CallTime, share_per_cent: u64) -> (Exceeded, u64) {
        time.begin();
        let mut passed_ms = TICK_MS;
        loop {
            match time.look() {
                UpdateDeadline::Continue(ticks) => {
                    passed_ms += ticks * TICK_MS;
                    USED_US.set(USED_US.get() + ticks * TICK_MS * 10 * share_per_cent);
                }
                _ => return (time.exceeded().unwrap(), passed_ms),
            }
        }
    }

    #[test]
    fn a_call_ends_when_its_processor_time_is_used_up_however_long_that_takes() {
        for (share_per_cent, least_ms, most_ms) in [(100, 1000, 1020), (50, 2000, 2050), (5, 20_000, 20_500)] {
            let mut time = call_time(1000);
            // The second one as the first: what the thread used before is not its own.
            for _ in 0..2 {
                let (exceeded, passed_ms) = run(&mut time, share_per_cent);
                assert_eq!(exceeded, Exceeded::ProcessorTime);
                assert!((least_ms..=most_ms).contains(&passed_ms), "{share_per_cent}%: {passed_ms} ms");
            }
        }
    }

    #[test]
    fn a_call_that_uses_no_processor_time_ends_on_the_clock_on_the_wall() {
        let (exceeded, passed_ms) = run(&mut call_time(1000), 0);
        assert_eq!(exceeded, Exceeded::WallTime { limit_ms: 1000 * CALL_WALL_TIME_FACTOR });
        assert!((30_000..=31_100).contains(&passed_ms), "{passed_ms} ms");
    }

    #[test]
    fn a_call_is_looked_at_a_few_times_only() {
        let mut time = call_time(1000);
        time.begin();
        let mut looks = 0;
        while let UpdateDeadline::Continue(ticks) = time.look() {
            USED_US.set(USED_US.get() + ticks * TICK_MS * 900);
            looks += 1;
        }
        assert!(looks <= 5, "{looks}");
    }
}
