//! `cargo xtask flink`: the jar that runs pipelines on Flink, with the native library in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::command::{announce, binary, root, run as run_command};
use crate::native::{self, LIBRARY};

/// What it is called.
pub(crate) const JAR: &str = "weir-flink.jar";

/// Builds it, and puts it beside the optimised command.
///
/// # Errors
/// If a step fails.
pub(crate) fn run() -> anyhow::Result<()> {
    let library = native::build()?;
    let built = jar(&library, &library.with_file_name("flink"))?;
    let jar = binary("release", JAR);
    fs::copy(&built, &jar).with_context(|| format!("cannot write {}", jar.display()))?;
    println!("{}", jar.display());
    Ok(())
}

/// Builds it with a library, in a folder; where it is.
///
/// # Errors
/// If a step fails.
pub(crate) fn jar(library: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    // As Java names the machine.
    let architecture = if cfg!(target_arch = "x86_64") { "amd64" } else { std::env::consts::ARCH };
    let place = folder.join("native").join("weir").join(format!("{}-{architecture}", std::env::consts::OS));
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    fs::copy(library, place.join(LIBRARY)).with_context(|| format!("cannot copy {}", library.display()))?;
    announce("building the jar with Maven (the first time it fetches Flink, 80 MB)");
    let mut maven = Command::new("mvn");
    maven.args(["-q", "-B", "-Dmaven.test.skip=true", "-f"]).arg(root().join("bridge/java/flink/pom.xml"));
    run_command(maven.arg(format!("-Dweir.build={}", folder.display())).arg("package"))?;
    Ok(folder.join(JAR))
}
