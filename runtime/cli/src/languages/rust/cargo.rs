//! Asks cargo about an operator's crate, and has it built. Never touches the crate's files.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::folders;

/// What operators are built for: WebAssembly with no system behind it, so that nothing is imported but what Weir offers.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// A crate with an operator in it.
pub(crate) struct OperatorCrate {
    /// The package's name.
    pub(crate) name: String,
    manifest: PathBuf,
    folder: PathBuf,
    /// Where it is built, if its author has not said so: where all such operators are, so that the SDK is built once.
    shared_target: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

/// The lines that `cargo build --message-format json` prints, as far as they matter here.
#[derive(Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

impl OperatorCrate {
    /// The crate in a folder.
    pub(crate) fn find(folder: &Path) -> anyhow::Result<Self> {
        let manifest = folder.join("Cargo.toml");
        let manifest = manifest.canonicalize().with_context(|| {
            format!("there is no {}; `weir new NAME` makes a crate to start from", manifest.display())
        })?;
        let folder = manifest.parent().map(Path::to_path_buf).unwrap_or_default();
        let mut command = cargo(&folder);
        command.args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"]).arg(&manifest);
        let output = command
            .stderr(Stdio::inherit())
            .output()
            .context("cannot run cargo, which operators in Rust are built with: install Rust from https://rustup.rs")?;
        if !output.status.success() {
            bail!("cargo cannot read {}", manifest.display());
        }
        let metadata: Metadata =
            serde_json::from_slice(&output.stdout).context("cannot read the output of `cargo metadata`")?;
        let package = metadata.packages.into_iter().find(|package| package.manifest_path == manifest);
        let Some(package) = package else {
            bail!("{} is a workspace; name the folder of one operator's crate in it", manifest.display());
        };
        if !package.targets.iter().any(|target| target.kind.iter().any(|kind| kind == "cdylib")) {
            bail!("{} makes no component; add to it:\n\n[lib]\ncrate-type = [\"cdylib\"]\n", manifest.display());
        }
        let is_default = metadata.target_directory == folder.join("target");
        let shared_target = folders::cache_dir().filter(|_| is_default).map(|cache| cache.join("operators"));
        Ok(Self { name: package.name, manifest, folder, shared_target })
    }

    /// Builds it and returns the core module. What cargo says goes to standard error.
    pub(crate) fn build(&self) -> anyhow::Result<PathBuf> {
        self.require_target()?;
        let mut command = cargo(&self.folder);
        command.args([
            "build",
            "--release",
            "--lib",
            "--target",
            TARGET,
            "--message-format",
            "json-render-diagnostics",
        ]);
        command.arg("--manifest-path").arg(&self.manifest);
        if let Some(target) = &self.shared_target {
            command.env("CARGO_TARGET_DIR", target);
        }
        // For the lines of traps. The component is made without it.
        command.env("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only").env("CARGO_PROFILE_RELEASE_STRIP", "none");
        let output = command
            .stderr(Stdio::inherit())
            .output()
            .context("cannot run cargo, which operators in Rust are built with: install Rust from https://rustup.rs")?;
        if !output.status.success() {
            bail!("cargo build of {} failed", self.name);
        }
        let messages = output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
        let built = messages.filter(|message: &Message| {
            message.reason == "compiler-artifact" && message.manifest_path.as_ref() == Some(&self.manifest)
        });
        built
            .flat_map(|message| message.filenames)
            .find(|file| file.extension().is_some_and(|extension| extension == "wasm"))
            .with_context(|| format!("cargo built {} but no .wasm file", self.name))
    }

    /// The standard library for the target comes apart from the compiler.
    fn require_target(&self) -> anyhow::Result<()> {
        let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        command.current_dir(&self.folder).args(["--print", "target-libdir", "--target", TARGET]);
        let output = command.output().context("cannot run rustc; Rust comes from https://rustup.rs")?;
        let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        if !output.status.success() || !folder.is_dir() {
            bail!("the Rust compiler cannot build for {TARGET} yet; run\n\n    rustup target add {TARGET}\n");
        }
        Ok(())
    }
}

/// Run in the crate's folder, as its author would: its own toolchain file and cargo configuration count.
fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder);
    command
}
