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
}

/// Gives them back, in the thread that prints.
pub(crate) struct LineReceiver {
    lines: Receiver<String>,
    dropped: Arc<AtomicU64>,
}

impl GuestLines {
    /// Both ends.
    pub(crate) fn new() -> (Arc<Self>, LineReceiver) {
        let (sender, lines) = sync_channel(LINES_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        (Arc::new(Self { lines: sender, dropped: Arc::clone(&dropped) }), LineReceiver { lines, dropped })
    }
}

impl GuestLog for GuestLines {
    fn log(&self, operator: &str, level: LogLevel, message: &str) {
        if self.lines.try_send(format!("[{operator}] {level}: {}", printable(message))).is_err() {
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
            print(&format!("{dropped} lines of operators were dropped: they came faster than they can be shown"));
        }
    }
}
