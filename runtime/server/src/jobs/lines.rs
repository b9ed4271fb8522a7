//! What a job and its operators say: the last lines, in memory. Nobody who writes a line waits for who reads it, and a guest that
//! writes without end pushes out its job's older lines, nothing else.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use weir_core::time::Clock;
use weir_host::{GuestLog, LogLevel, printable};

use crate::model::LogLine;

/// Lines of a job that are kept: some screens full.
const LINES_MAX: usize = 4096;

/// The last lines of a job.
pub(crate) struct Lines {
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<LogLine>,
    /// The number of the last line.
    last: u64,
}

impl Lines {
    /// No lines.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, kept: Mutex::default() }
    }

    /// The lines after a number that are still there.
    pub(crate) fn after(&self, number: u64, operator: Option<&str>) -> Vec<LogLine> {
        let kept = self.lock();
        let wanted = |line: &&LogLine| {
            line.number > number && operator.is_none_or(|operator| line.operator.as_deref() == Some(operator))
        };
        kept.lines.iter().filter(wanted).cloned().collect()
    }

    /// Forgets all of them.
    pub(crate) fn clear(&self) {
        self.lock().lines.clear();
    }

    /// A line about the job.
    pub(crate) fn tell(&self, level: LogLevel, message: &str) {
        self.add(None, level, message);
    }

    fn add(&self, operator: Option<&str>, level: LogLevel, message: &str) {
        let at_us = self.clock.now_us();
        let message = printable(message);
        let mut kept = self.lock();
        kept.last += 1;
        let number = kept.last;
        let operator = operator.map(str::to_owned);
        kept.lines.push_back(LogLine { number, at_us, operator, level: level.to_string(), message });
        if kept.lines.len() > LINES_MAX {
            kept.lines.pop_front();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
}
