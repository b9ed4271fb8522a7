//! What operators log and count in native tests, per thread.

use std::cell::RefCell;

use super::Level;

thread_local! {
    static LOG: RefCell<Vec<(Level, String)>> = const { RefCell::new(Vec::new()) };
    static METRICS: RefCell<Vec<Metric>> = const { RefCell::new(Vec::new()) };
}

/// A figure that an operator set.
#[derive(Clone, Debug, PartialEq)]
pub enum Metric {
    /// A counter, and what was added.
    Count(String, u64),
    /// A gauge, and its value.
    Gauge(String, f64),
    /// A histogram, and the value put into it.
    Observe(String, f64),
}

/// Takes the lines that operators have logged on this thread.
#[must_use]
pub fn log_lines() -> Vec<(Level, String)> {
    LOG.take()
}

/// Takes the figures that operators have set on this thread.
#[must_use]
pub fn metrics() -> Vec<Metric> {
    METRICS.take()
}

pub(crate) fn log(level: Level, line: String) {
    LOG.with_borrow_mut(|lines| lines.push((level, line)));
}

pub(crate) fn count(name: &str, by: u64) {
    METRICS.with_borrow_mut(|metrics| metrics.push(Metric::Count(name.to_owned(), by)));
}

pub(crate) fn gauge(name: &str, value: f64) {
    METRICS.with_borrow_mut(|metrics| metrics.push(Metric::Gauge(name.to_owned(), value)));
}

pub(crate) fn observe(name: &str, value: f64) {
    METRICS.with_borrow_mut(|metrics| metrics.push(Metric::Observe(name.to_owned(), value)));
}
