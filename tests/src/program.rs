//! How the programs of this crate end. It runs nothing.

use std::process::ExitCode;

/// The exit code of a program; an error is printed with its causes on one line.
#[must_use]
pub fn exit_code(ended: anyhow::Result<()>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
