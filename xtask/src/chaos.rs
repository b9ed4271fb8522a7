//! `cargo xtask chaos`: kills the real command at seeded instants; its output must be that of an undisturbed run.

use crate::command::{announce, cargo, root, run as run_command};
use crate::guests;

/// Builds what is needed and kills; a broker is started for the job from Kafka to Kafka.
///
/// # Errors
/// If a row is lost or doubled.
pub(crate) fn run(options: &[String]) -> anyhow::Result<()> {
    guests::run()?;
    announce("killing jobs");
    run_command(cargo().args(["run", "--quiet", "--bin", "chaos", "--"]).args(options).current_dir(root()))
}
