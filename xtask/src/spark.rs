//! `cargo xtask spark`: the wheel that runs operators on Spark, with the native library in it.

use std::process::Command;

use crate::command::{announce, root, run as run_command};
use crate::native;

/// Builds it, in a folder beside the optimised command.
///
/// # Errors
/// If a step fails.
pub(crate) fn run() -> anyhow::Result<()> {
    let library = native::build()?;
    let folder = library.with_file_name("spark");
    announce("building the wheel with pip");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]).arg(&folder).arg("./bridge/python");
    run_command(pip.env("WEIR_LIBRARY", &library).current_dir(root()))?;
    println!("{}", folder.display());
    Ok(())
}
