//! The line that says what is waited for, and for how long; on a terminal only.

use std::any::Any;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// From one change of the line to the next: it shows that the command is alive.
const TICK: Duration = Duration::from_millis(100);

/// Shows that a component is compiled, until what it gives is dropped.
pub(crate) fn compiling(name: &str) -> Box<dyn Any> {
    let bar = ProgressBar::new_spinner();
    show_time(&bar, format!("compiling {name}"));
    Box::new(Cleared(bar))
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

struct Cleared(ProgressBar);

impl Drop for Cleared {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
