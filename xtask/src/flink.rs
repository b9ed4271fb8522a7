//! `cargo xtask flink`: the jar that runs pipelines on Flink, with the native library in it.

use crate::jar::{self, Engine};
use crate::native;

/// Builds it, and puts it beside the optimised command.
///
/// # Errors
/// If a step fails.
pub(crate) fn run() -> anyhow::Result<()> {
    jar::build_beside_command(Engine::Flink, &native::build()?)
}
