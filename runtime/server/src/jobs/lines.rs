//! What a job and its operators say: the last lines, in memory. Nobody who writes a line waits for who reads it, and a guest that
//! writes without end pushes out its job's older lines, nothing else.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use weir_core::time::Clock;
use weir_host::limits::LOG_LINE_BYTES_EXTRA;
use weir_host::{GuestLog, LogLevel, printable};

use crate::model::LogLine;
use crate::pipelines::is_of_step;

/// Lines of a job that are kept: some screens full.
const LINES_MAX: usize = 4096;
/// Their bytes: lines may be long, and jobs many.
const LINES_BYTES_MAX: usize = 1 << 20;

/// The last lines of a job.
pub(crate) struct Lines {
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<Arc<LogLine>>,
    /// Of all of them.
    bytes: usize,
    /// The number of the last line.
    last: u64,
}

impl Lines {
    /// No lines.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, kept: Mutex::default() }
    }

    /// The lines after a number that are still there, of all, of an operator, or of all aggregates of a window.
    pub(crate) fn after(&self, number: u64, operator: Option<&str>) -> Vec<Arc<LogLine>> {
        let kept = self.lock();
        let wanted = |line: &&Arc<LogLine>| {
            let is_of = |step| line.operator.as_ref().is_some_and(|operator| is_of_step(operator, step));
            line.number > number && operator.is_none_or(is_of)
        };
        kept.lines.iter().filter(wanted).cloned().collect()
    }

    /// Forgets all of them.
    pub(crate) fn clear(&self) {
        let mut kept = self.lock();
        kept.lines.clear();
        kept.bytes = 0;
    }

    /// A line about the job.
    pub(crate) fn tell(&self, level: LogLevel, message: &str) {
        self.add(None, level, message);
    }

    fn add(&self, operator: Option<&str>, level: LogLevel, message: &str) {
        let at_us = self.clock.now_us();
        let message = printable(message);
        let (operator, level) = (operator.map(str::to_owned), level.to_string());
        let mut kept = self.lock();
        kept.last += 1;
        let line = LogLine { number: kept.last, at_us, operator, level, message };
        kept.bytes += bytes(&line);
        kept.lines.push_back(Arc::new(line));
        while kept.lines.len() > LINES_MAX || kept.bytes > LINES_BYTES_MAX {
            let Some(oldest) = kept.lines.pop_front() else { break };
            kept.bytes -= bytes(&oldest);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a line counts for.
fn bytes(line: &LogLine) -> usize {
    line.message.len() + line.operator.as_ref().map_or(0, String::len) + LOG_LINE_BYTES_EXTRA
}

impl GuestLog for Lines {
    fn log(&self, operator: &str, level: LogLevel, message: &str) {
        self.add(Some(operator), level, message);
    }
}

#[cfg(test)]
mod tests {
    use weir_core::time::ManualClock;

    use super::*;

    #[test]
    fn the_last_lines_are_kept_in_order() {
        let lines = Lines::new(Arc::new(ManualClock::default()));
        for number in 0..LINES_MAX + 10 {
            lines.log(["a", "b"][number % 2], LogLevel::Info, &format!("line\n{number}"));
        }
        let all = lines.after(0, None);
        assert_eq!(all.len(), LINES_MAX);
        assert_eq!(all[0].number, 11);
        assert_eq!(all[0].message, "line 10");
        let last = lines.after(LINES_MAX as u64 + 8, Some("b"));
        assert_eq!(last.iter().map(|line| line.number).collect::<Vec<_>>(), [LINES_MAX as u64 + 10]);
    }

    #[test]
    fn long_lines_push_out_more_of_them() {
        let lines = Lines::new(Arc::new(ManualClock::default()));
        let long = "x".repeat(LINES_BYTES_MAX / 4 - LOG_LINE_BYTES_EXTRA);
        (0..8).for_each(|_| lines.tell(LogLevel::Info, &long));
        assert_eq!(lines.after(0, None).iter().map(|line| line.number).collect::<Vec<_>>(), [5, 6, 7, 8]);
        lines.clear();
        (0..LINES_MAX).for_each(|_| lines.tell(LogLevel::Info, ""));
        assert_eq!(lines.after(0, None).len(), LINES_MAX, "what is gone takes no room");
    }

    #[test]
    fn a_window_has_the_lines_of_its_aggregates() {
        let lines = Lines::new(Arc::new(ManualClock::default()));
        for operator in ["w.median", "w.total", "wide", "w"] {
            lines.log(operator, LogLevel::Info, "");
        }
        lines.tell(LogLevel::Info, "the job");
        let of = |operator| lines.after(0, Some(operator)).iter().map(|line| line.number).collect::<Vec<_>>();
        assert_eq!((of("w"), of("w.median"), of("wide")), (vec![1, 2, 4], vec![1], vec![3]));
    }
}
