//! The line that says what is waited for, and for how long; on a terminal only.

use std::any::Any;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::terminal;

/// From one change of the line to the next: it shows that the command is alive.
const TICK: Duration = Duration::from_millis(100);

/// Shows that a component is compiled, until what it gives is dropped.
pub(crate) fn compiling(name: &str) -> Box<dyn Any> {
    working(&format!("compiling {name}"))
}

/// Shows what is done, until what it gives is dropped.
pub(crate) fn working(what: &str) -> Box<dyn Any> {
    let bar = ProgressBar::new_spinner();
    show_time(&bar, what.to_owned());
    Box::new(Cleared(bar))
}

/// Says once, as a note, what is waited for, if what this gives is not dropped before.
pub(crate) fn told_once(what: &'static str) -> Box<dyn Any> {
    let (alive, ended) = sync_channel::<()>(0);
    let wait = move || {
        if ended.recv_timeout(TOLD_AFTER) == Err(RecvTimeoutError::Timeout) {
            terminal::print_notes(&[what.to_owned()]);
        }
    };
    // Without the thread nothing is said, and that is all.
    let _ = std::thread::Builder::new().name("weir-waiting".to_owned()).spawn(wait);
    Box::new(alive)
}

/// Shows what is waited for, and for how long.
pub(crate) fn show_time(bar: &ProgressBar, what: String) {
    if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {msg}  {elapsed}") {
        bar.set_style(style);
    }
    bar.reset_elapsed();
    bar.set_message(what);
    bar.enable_steady_tick(TICK);
}

/// How long a person wonders.
const TOLD_AFTER: Duration = Duration::from_secs(1);

struct Cleared(ProgressBar);

impl Drop for Cleared {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
