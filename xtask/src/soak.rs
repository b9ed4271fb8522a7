//! `cargo xtask soak`: a server under a steady load; what it needs must not grow.

use crate::command::{announce, cargo, root, run as run_command};
use crate::guests;

/// Builds what is needed and runs it.
///
/// # Errors
/// If memory, descriptors, threads or disk grow, or the server refuses something.
pub(crate) fn run(options: &[String]) -> anyhow::Result<()> {
    guests::run()?;
    announce("running jobs for a while");
    run_command(cargo().args(["run", "--quiet", "--bin", "soak", "--"]).args(options).current_dir(root()))
}
