//! A process that ends with this command: by a signal, or because this process is gone.

use std::io;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

/// Runs it to its end. It ends when this end of its standard input is closed. `None`: it was interrupted.
pub(super) fn run(command: &mut Command) -> anyhow::Result<Option<ExitStatus>> {
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    let alive = Arc::new(Mutex::new(child.stdin.take()));
    let held = alive.clone();
    ctrlc::set_handler(move || drop(held.lock().unwrap_or_else(PoisonError::into_inner).take()))
        .map_err(io::Error::other)?;
    let status = child.wait()?;
    let is_interrupted = alive.lock().unwrap_or_else(PoisonError::into_inner).is_none();
    Ok((!is_interrupted).then_some(status))
}
