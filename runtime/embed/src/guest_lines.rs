//! Where operators' log lines go: to the standard error of the process, or to the other engine, once it has asked for them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use weir_host::{GuestLog, LogLevel, printable};

/// Lines that wait. An engine takes them once per second, and the host limits what each operator logs.
const LINES_MAX: usize = 10_000;

static KEPT: Mutex<Option<Kept>> = Mutex::new(None);

#[derive(Default)]
struct Kept {
    lines: VecDeque<Line>,
    dropped: u64,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The step.
    pub operator: String,
    /// `trace`, `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// Without control characters.
    pub message: String,
}

/// From now on lines of this process are not printed, but wait for [`take`]; of too many the oldest are dropped.
pub fn keep() {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default();
}

/// The lines since it was called last. Says how many were dropped.
#[must_use]
pub fn take() -> Vec<Line> {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(Kept { lines, dropped }) = kept.as_mut().map(std::mem::take) else { return Vec::new() };
    let told = (dropped > 0).then(|| Line {
        operator: "weir".to_owned(),
        level: LogLevel::Warn.to_string(),
        message: format!("{dropped} lines of operators were dropped"),
    });
    told.into_iter().chain(lines).collect()
}

/// As an operator's instances have it.
pub(crate) struct GuestLines;

impl GuestLog for GuestLines {
    fn log(&self, operator: &str, level: LogLevel, message: &str) {
        let (message, mut kept) = (printable(message), KEPT.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(kept) = kept.as_mut() else {
            if level >= LogLevel::Info {
                eprintln!("[{operator}] {level}: {message}");
            }
            return;
        };
        if kept.lines.len() == LINES_MAX {
            kept.lines.pop_front();
            kept.dropped += 1;
        }
        kept.lines.push_back(Line { operator: operator.to_owned(), level: level.to_string(), message });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_wait_to_be_taken_and_the_oldest_of_too_many_are_dropped() {
        assert!(take().is_empty());
        keep();
        for number in 0..LINES_MAX + 2 {
            GuestLines.log("step", LogLevel::Warn, &format!("a\n{number}"));
        }
        let lines = take();
        assert_eq!(lines[0].message, "2 lines of operators were dropped");
        let oldest = Line { operator: "step".to_owned(), level: "warn".to_owned(), message: "a 2".to_owned() };
        assert_eq!((lines.len(), &lines[1]), (LINES_MAX + 1, &oldest));
        assert!(take().is_empty());
    }
}
