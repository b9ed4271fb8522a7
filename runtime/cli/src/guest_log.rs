//! The lines that operators log, on their way to standard error. An operator never waits for a terminal: a line that finds the
//! queue full is dropped and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use weir_host::{GuestLog, LogLevel, printable};

/// Lines that wait to be shown, at most: more than anyone reads between two looks.
const LINES_MAX: usize = 1024;

/// Takes the lines, in the operators' threads.
pub(crate) struct GuestLines {
    lines: SyncSender<String>,
    dropped: Arc<AtomicU64>,
    /// Lines that matter less are not shown.
    least: LogLevel,
}

/// Gives them back, in the thread that prints.
pub(crate) struct LineReceiver {
    lines: Receiver<String>,
    dropped: Arc<AtomicU64>,
}

impl GuestLines {
    /// Both ends, for lines that matter at least so much.
    pub(crate) fn new(least: LogLevel) -> (Arc<Self>, LineReceiver) {
        let (sender, lines) = sync_channel(LINES_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        (Arc::new(Self { lines: sender, dropped: Arc::clone(&dropped), least }), LineReceiver { lines, dropped })
    }
}

impl GuestLog for GuestLines {
    fn log(&self, operator: &str, level: LogLevel, message: &str) {
        if level >= self.least && self.lines.try_send(format!("[{operator}] {level}: {}", printable(message))).is_err()
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl LineReceiver {
    /// Hands over every line that is there.
    pub(crate) fn drain(&self, mut print: impl FnMut(&str)) {
        self.lines.try_iter().for_each(|line| print(&line));
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            print(&format!("{dropped} lines of operators were dropped: they came too fast to be shown"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_matter_less_are_not_shown() {
        let (log, lines) = GuestLines::new(LogLevel::Warn);
        for level in [LogLevel::Trace, LogLevel::Info, LogLevel::Warn, LogLevel::Error] {
            log.log("op", level, "said");
        }
        let mut shown = Vec::new();
        lines.drain(|line| shown.push(line.to_owned()));
        assert_eq!(shown, ["[op] warn: said", "[op] error: said"]);
    }
}
