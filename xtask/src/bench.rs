//! `cargo xtask bench [OPTION]...`: builds the measurements optimised, runs them, and hands them every option.

use std::path::absolute;
use std::process::Command;

use anyhow::Context;

use crate::command::{announce, binary, cargo, ensure_wasm_target, root, run as run_command};
use crate::{guests, weir};

/// What `--help` says, before anything is built.
const HELP: &str = include_str!("../../bench/help.txt");

/// Measures.
///
/// # Errors
/// If something does not build, or a measurement fails.
pub(crate) fn run(options: &[String]) -> anyhow::Result<()> {
    if options.iter().any(|option| option == "--help" || option == "-h") {
        print!("{HELP}");
        return Ok(());
    }
    ensure_wasm_target()?;
    announce("building the measurements, optimised (the first time 6 to 12 minutes on 2 cores)");
    run_command(cargo().args(weir::BUILD).args(["--release", "--bin", "weir-bench"]).current_dir(root()))?;
    guests::build(&binary("release", "weir"), &guests::WORKSPACES)?;
    announce("measuring");
    run_command(Command::new(binary("release", "weir-bench")).args(with_absolute_paths(options)?).current_dir(root()))
}

/// Files are meant relative to where the command was typed, not to the project.
fn with_absolute_paths(options: &[String]) -> anyhow::Result<Vec<String>> {
    let mut options = options.to_vec();
    for i in 1..options.len() {
        if options[i - 1] == "--json" {
            let path = absolute(&options[i]).with_context(|| format!("cannot find {}", options[i]))?;
            options[i] = path.display().to_string();
        }
    }
    Ok(options)
}
