//! `cargo xtask flink`: the jar that runs pipelines on Flink, with the native library in it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;

use crate::command::{announce, binary, cargo, root, run as run_command};

const JAR: &str = "weir-flink.jar";
const LIBRARY: &str = "libweir_native.so";

/// Builds it, and puts it beside the optimised command.
///
/// # Errors
/// If a step fails.
pub(crate) fn run() -> anyhow::Result<()> {
    announce("building the native library, optimised (the first time 10 to 20 minutes on 2 cores)");
    let mut build = cargo();
    build.args(["build", "--release", "--locked", "--package", "weir-native", "--config=profile.release.debug=false"]);
    run_command(build.arg("--config=profile.release.strip=true").current_dir(root()))?;
    let library = binary("release", LIBRARY);
    let folder = library.with_file_name("flink");
    // As Java names the machine.
    let architecture = if cfg!(target_arch = "x86_64") { "amd64" } else { std::env::consts::ARCH };
    let native = folder.join("native").join("weir").join(format!("{}-{architecture}", std::env::consts::OS));
    fs::create_dir_all(&native).with_context(|| format!("cannot make {}", native.display()))?;
    fs::copy(&library, native.join(LIBRARY)).with_context(|| format!("cannot copy {}", library.display()))?;
    announce("building the jar with Maven (the first time it fetches Flink, 80 MB)");
    let mut maven = Command::new("mvn");
    maven.args(["-q", "-B", "-Dmaven.test.skip=true", "-f"]).arg(root().join("bridge/java/pom.xml"));
    run_command(maven.arg(format!("-Dweir.build={}", folder.display())).arg("package"))?;
    let jar: PathBuf = binary("release", JAR);
    fs::copy(folder.join(JAR), &jar).with_context(|| format!("cannot write {}", jar.display()))?;
    println!("{}", jar.display());
    Ok(())
}
