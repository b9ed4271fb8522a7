//! The library that Flink and Spark load.

use std::path::PathBuf;

use crate::command::{announce, binary, cargo, root, run as run_command};

/// What it is called.
pub(crate) const LIBRARY: &str = "libweir_native.so";

/// Builds it, optimised; where it is.
///
/// # Errors
/// If it cannot be built.
pub(crate) fn build() -> anyhow::Result<PathBuf> {
    announce("building the native library, optimised (the first time 10 to 20 minutes on 2 cores)");
    let mut build = cargo();
    build.args(["build", "--release", "--locked", "--package", "weir-native", "--config=profile.release.debug=false"]);
    run_command(build.arg("--config=profile.release.strip=true").current_dir(root()))?;
    Ok(binary("release", LIBRARY))
}

/// Builds it as the tests need it, in the folder of what is not optimised.
///
/// # Errors
/// If it cannot be built.
pub(crate) fn build_unoptimised() -> anyhow::Result<()> {
    announce("building the native library (after that of weir a minute)");
    run_command(cargo().args(["build", "--workspace", "--lib"]).current_dir(root()))
}
