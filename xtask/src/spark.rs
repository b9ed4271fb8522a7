//! `cargo xtask spark`: the wheel that runs operators on Spark, with the native library in it.

use crate::command::{announce, binary, cargo, root, run as run_command};
use std::process::Command;

/// Builds it, and puts it beside the optimised command.
///
/// # Errors
/// If a step fails.
pub(crate) fn run() -> anyhow::Result<()> {
    announce("building the native library, optimised (the first time 10 to 20 minutes on 2 cores)");
    let mut build = cargo();
    build.args(["build", "--release", "--locked", "--package", "weir-native", "--config=profile.release.debug=false"]);
    run_command(build.arg("--config=profile.release.strip=true").current_dir(root()))?;
    let library = binary("release", "libweir_native.so");
    announce("building the wheel with pip");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]).arg(library.with_file_name("spark"));
    run_command(pip.arg("./bridge/python").env("WEIR_LIBRARY", &library).current_dir(root()))?;
    println!("{}", library.with_file_name("spark").display());
    Ok(())
}
