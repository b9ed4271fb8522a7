//! What a panic is: a finding, wherever it happens and whatever would catch it. There is one exception: readers of checkpoints are made
//! to catch the panics of Arrow.

use std::panic::{set_hook, take_hook};
use std::sync::atomic::{AtomicBool, Ordering};

static TOLERATES_ARROW: AtomicBool = AtomicBool::new(false);

/// Ends the process at any panic, also on other threads. libFuzzer then writes down the input.
pub(crate) fn abort_on_panic() {
    // libFuzzer's hook prints the panic and aborts.
    let abort = take_hook();
    set_hook(Box::new(move |panic| {
        let is_of_arrow = panic.location().is_some_and(|place| place.file().contains("/arrow-"));
        if !(is_of_arrow && TOLERATES_ARROW.load(Ordering::Relaxed)) {
            abort(panic);
        }
    }));
}

/// From now on panics of Arrow are no findings if they are caught.
pub(crate) fn tolerate_arrow() {
    TOLERATES_ARROW.store(true, Ordering::Relaxed);
}
