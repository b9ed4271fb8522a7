//! `cargo xtask guests`: compiles the operators of a workspace of guests and makes a component of each.
//!
//! A component lands in the folder above its crate, under the name of its library: `examples/flights/classify/` becomes
//! `examples/flights/classify.wasm`. It is created again only if what cargo compiled is younger.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use anyhow::Context;
use serde_json::Value;

use crate::command::{WASM_TARGET, announce, cargo, ensure_wasm_target, output, root, run as run_command};
use crate::weir;

/// The workspaces of guests, each with a target that is not the host's.
pub(crate) const WORKSPACES: [&str; 3] = ["operators", "examples", "tests/guests"];
/// One more, which only the tests of all languages build.
pub(crate) const SAMPLES: &str = "sdk/rust/samples";

/// Builds the command if need be, then every guest.
///
/// # Errors
/// If a step fails.
pub(crate) fn run() -> anyhow::Result<()> {
    ensure_wasm_target()?;
    build(&weir::build(&[])?, &WORKSPACES)
}

/// Compiles workspaces of guests, each with one call of cargo, and makes components of them.
///
/// # Errors
/// If a guest does not compile, or is no component of Weir.
pub(crate) fn build(weir: &Path, workspaces: &[&str]) -> anyhow::Result<()> {
    for workspace in workspaces.iter().filter(|w| manifest(w).is_file()) {
        announce(&format!("compiling the operators of {workspace}/ (the first time about a minute)"));
        run_command(guest_cargo("build").args(["--release", "--target", WASM_TARGET]).args(on(workspace)))?;
        make(weir, guests(workspace)?)?;
    }
    Ok(())
}

/// Compiles the guests of one example, if it has any.
///
/// # Errors
/// As [`build`].
pub(crate) fn build_example(weir: &Path, example: &str) -> anyhow::Result<()> {
    let folder = root().join("examples").join(example);
    let mut guests = guests("examples")?;
    guests.retain(|guest| guest.folder.starts_with(&folder));
    if guests.is_empty() {
        return Ok(());
    }
    announce(&format!("compiling the operators of examples/{example}/ (the first time about half a minute)"));
    let mut compile = guest_cargo("build");
    compile.args(["--release", "--target", WASM_TARGET, "--manifest-path"]).arg(manifest("examples"));
    run_command(compile.args(guests.iter().flat_map(|guest| ["--package", &guest.package])))?;
    make(weir, guests)
}

/// Has `weir build` make components of what is new.
fn make(weir: &Path, guests: Vec<Guest>) -> anyhow::Result<()> {
    for guest in guests {
        if guest.is_stale()? {
            announce(&format!("making {}", shown(&guest.component)));
            run_command(
                Command::new(weir)
                    .args(["build".as_ref(), guest.folder.as_os_str(), "-o".as_ref(), guest.component.as_os_str()])
                    .env("CARGO_TARGET_DIR", target())
                    .env("CARGO_TERM_QUIET", "true")
                    .stdout(Stdio::null())
                    .current_dir(root()),
            )?;
        }
    }
    Ok(())
}

/// A cargo for guests: their artifacts never disturb the host's.
pub(crate) fn guest_cargo(command: &str) -> Command {
    let mut guest_cargo = cargo();
    guest_cargo.arg(command).env("CARGO_TARGET_DIR", target()).current_dir(root());
    guest_cargo
}

/// The arguments that choose a workspace of guests.
pub(crate) fn on(workspace: &str) -> [String; 3] {
    ["--workspace".into(), "--manifest-path".into(), manifest(workspace).display().to_string()]
}

pub(crate) fn manifest(workspace: &str) -> PathBuf {
    root().join(workspace).join("Cargo.toml")
}

fn target() -> PathBuf {
    root().join("target").join("guests")
}

struct Guest {
    package: String,
    folder: PathBuf,
    module: PathBuf,
    component: PathBuf,
}

impl Guest {
    fn is_stale(&self) -> anyhow::Result<bool> {
        let modified = |path: &Path| -> anyhow::Result<SystemTime> {
            std::fs::metadata(path)
                .and_then(|m| m.modified())
                .with_context(|| format!("cannot read {}", path.display()))
        };
        Ok(!self.component.is_file() || modified(&self.component)? < modified(&self.module)?)
    }
}

/// The crates of a workspace that make a module.
fn guests(workspace: &str) -> anyhow::Result<Vec<Guest>> {
    let metadata = output(
        guest_cargo("metadata")
            .args(["--no-deps", "--format-version", "1"])
            .args(["--manifest-path".to_owned(), manifest(workspace).display().to_string()]),
    )?;
    let metadata: Value = serde_json::from_str(&metadata).context("`cargo metadata` printed no JSON")?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut guests = Vec::new();
    for package in list(&metadata["packages"]) {
        let Some(folder) = package["manifest_path"].as_str().and_then(|m| Path::new(m).parent()) else { continue };
        for library in list(&package["targets"]) {
            let is_module = list(&library["crate_types"]).iter().any(|t| t == "cdylib");
            let (true, Some(name)) = (is_module, library["name"].as_str()) else { continue };
            let module = format!("{}.wasm", name.replace('-', "_"));
            guests.push(Guest {
                package: package["name"].as_str().unwrap_or_default().to_owned(),
                folder: folder.to_owned(),
                component: folder.with_file_name(&module),
                module: target().join(WASM_TARGET).join("release").join(module),
            });
        }
    }
    Ok(guests)
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
