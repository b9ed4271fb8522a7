//! `cargo xtask spark`: the jar that runs pipelines on Spark, and the wheel that runs operators there, each with the native library in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::command::{announce, root, run as run_command};
use crate::jar::{self, Engine};
use crate::native;

/// Builds the jar beside the optimised command, and the wheel in a folder there.
///
/// # Errors
/// If a step fails.
pub(crate) fn run() -> anyhow::Result<()> {
    let library = native::build()?;
    jar::build_beside_command(Engine::Spark, &library)?;
    println!("{}", wheel(&library, &library.with_file_name("spark"))?.display());
    Ok(())
}

/// Builds it with a library, in a folder; where it is.
///
/// # Errors
/// If a step fails.
pub(crate) fn wheel(library: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    announce("building the wheel with pip");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]).arg(folder).arg("./bridge/python");
    run_command(pip.env("WEIR_LIBRARY", library).current_dir(root()))?;
    let wheels = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let newest = wheels
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|of| of == "whl"));
    newest.max_by_key(|path| path.metadata().and_then(|of| of.modified()).ok()).context("pip has made no wheel")
}
