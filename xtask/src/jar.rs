//! Weir's jar for another engine, built by Maven, with the native library in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::command::{announce, binary, root, run as run_command};
use crate::native::LIBRARY;

/// Another engine.
#[derive(Clone, Copy)]
pub(crate) enum Engine {
    Flink,
    Spark,
}

impl Engine {
    fn name(self) -> &'static str {
        match self {
            Self::Flink => "flink",
            Self::Spark => "spark",
        }
    }

    /// What its jar is called.
    pub(crate) fn jar(self) -> String {
        format!("weir-{}.jar", self.name())
    }
}

/// Builds it with a library, in a folder; where it is.
///
/// # Errors
/// If a step fails.
pub(crate) fn build(engine: Engine, library: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    // As Java names the machine.
    let architecture = if cfg!(target_arch = "x86_64") { "amd64" } else { std::env::consts::ARCH };
    let place = folder.join("native").join("weir").join(format!("{}-{architecture}", std::env::consts::OS));
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    fs::copy(library, place.join(LIBRARY)).with_context(|| format!("cannot copy {}", library.display()))?;
    let name = engine.name();
    announce(&format!("building the jar for {name} with Maven (the first time it fetches {name}, 80 MB)"));
    let mut maven = Command::new("mvn");
    let pom = root().join("bridge/java").join(name).join("pom.xml");
    maven.args(["-q", "-B", "-Dmaven.test.skip=true", "-f"]).arg(pom);
    run_command(maven.arg(format!("-Dweir.build={}", folder.display())).arg("package"))?;
    Ok(folder.join(engine.jar()))
}

/// The same, optimised and beside the command.
///
/// # Errors
/// If a step fails.
pub(crate) fn build_beside_command(engine: Engine, library: &Path) -> anyhow::Result<()> {
    let built = build(engine, library, &library.with_file_name(format!("{}-jar", engine.name())))?;
    let jar = binary("release", &engine.jar());
    fs::copy(&built, &jar).with_context(|| format!("cannot write {}", jar.display()))?;
    println!("{}", jar.display());
    Ok(())
}
