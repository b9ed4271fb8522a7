//! What a panic is: a finding, wherever it happens and whatever would catch it. There is one exception: readers of checkpoints and of files in
//! formats of others are made to catch the panics of libraries.

use std::panic::{set_hook, take_hook};
use std::sync::atomic::{AtomicBool, Ordering};

static TOLERATES_LIBRARIES: AtomicBool = AtomicBool::new(false);

/// Ends the process at any panic, also on other threads. libFuzzer then writes down the input.
pub(crate) fn abort_on_panic() {
    // libFuzzer's hook prints the panic and aborts.
    let abort = take_hook();
    set_hook(Box::new(move |panic| {
        let is_of_library = panic
            .location()
            .is_some_and(|place| !place.file().starts_with("runtime/") && !place.file().starts_with("fuzz/"));
        if !(is_of_library && TOLERATES_LIBRARIES.load(Ordering::Relaxed)) {
            abort(panic);
        }
    }));
}

/// From now on panics of libraries are no findings if they are caught.
pub(crate) fn tolerate_libraries() {
    TOLERATES_LIBRARIES.store(true, Ordering::Relaxed);
}
