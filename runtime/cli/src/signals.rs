//! Ctrl-C, and a polite `kill`: what the person in front asks for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;

/// What was asked so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Nothing.
    GoOn,
    /// Once: end the input, finish the rest.
    Drain,
    /// Twice: stop now.
    Stop,
}

/// Ends the process at the first one, once it was said what continues without it; once per process.
pub(crate) fn end_with(last_words: impl Fn() + Send + 'static) -> anyhow::Result<()> {
    let end = move || {
        last_words();
        std::process::exit(INTERRUPTED)
    };
    ctrlc::set_handler(end).context(UNHEARD)
}

/// A file that grows beyond `ulimit -f` fails its write, and so one job; by default the system would end the process.
pub(crate) fn survive_file_size_limit() -> anyhow::Result<()> {
    #[cfg(unix)]
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default())
        .context("cannot listen for the limit of a file's size")?;
    Ok(())
}

/// Counts the signals.
pub(crate) struct Signals(Arc<AtomicU32>);

/// As a shell reports a process that an interrupt ended.
const INTERRUPTED: i32 = 130;
const UNHEARD: &str = "cannot listen for ctrl-C";

impl Signals {
    /// Listens from now on; once per process. `on_stop` is called, on a thread of its own, when [`Request::Stop`] is asked.
    pub(crate) fn listen(on_stop: impl Fn() + Send + 'static) -> anyhow::Result<Self> {
        let count = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&count);
        ctrlc::set_handler(move || {
            match counted.fetch_add(1, Ordering::Relaxed) {
                0 => {}
                1 => on_stop(),
                // Even stopping takes too long.
                _ => std::process::exit(INTERRUPTED),
            }
        })
        .context(UNHEARD)?;
        Ok(Self(count))
    }

    /// What was asked so far.
    pub(crate) fn request(&self) -> Request {
        match self.0.load(Ordering::Relaxed) {
            0 => Request::GoOn,
            1 => Request::Drain,
            _ => Request::Stop,
        }
    }
}
