//! `cargo xtask demo`: from a bare clone to a table of results.

use std::process::Command;

use crate::command::{self, BUILD_WEIR, announce, binary, cargo, ensure_wasm_target, root};
use crate::guests;

/// Builds the command and the example's operator, then runs the example.
///
/// # Errors
/// If a step fails.
pub(crate) fn run() -> anyhow::Result<()> {
    ensure_wasm_target()?;
    announce("building weir (the first time, with everything it needs: 4 to 8 minutes on 2 cores)");
    command::run(cargo().args(BUILD_WEIR).current_dir(root()))?;
    let weir = binary("debug", "weir");
    guests::build(&weir, &["examples"])?;
    announce("running examples/flights/pipeline.toml (a few seconds)");
    command::run(Command::new(&weir).args(["run", "examples/flights/pipeline.toml"]).current_dir(root()))
}
