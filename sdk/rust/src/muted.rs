//! What runs a second time logs and counts nothing.

use std::cell::Cell;

thread_local! {
    static MUTED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` without a line logged or a figure set.
pub(crate) fn run<T>(work: impl FnOnce() -> T) -> T {
    MUTED.set(true);
    let result = work();
    MUTED.set(false);
    result
}

/// Whether nothing may be logged or counted.
pub(crate) fn is_muted() -> bool {
    MUTED.get()
}
