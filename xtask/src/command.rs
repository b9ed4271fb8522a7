//! Running other programs: each is told of before, and its failure names it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

/// The target that operators are compiled for.
pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// The project's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// The cargo that runs this, without what it said to this program: build scripts that read these variables (as ring's does) would
/// see other values than under a cargo that a person runs, and everything above them would be compiled again each time.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let said = |name: &OsString| {
        let name = name.to_string_lossy();
        ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"].iter().any(|prefix| name.starts_with(prefix))
    };
    for (name, _) in std::env::vars_os().filter(|(name, _)| said(name)) {
        cargo.env_remove(name);
    }
    cargo
}

/// Where cargo puts the host's binaries of a profile: `debug` or `release`.
pub(crate) fn binary(profile: &str, name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join(profile).join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// Says what comes, so that nobody wonders what a silent minute is for.
pub(crate) fn announce(what: &str) {
    eprintln!("==> {what}");
}

/// Runs a program to its end.
///
/// # Errors
/// If it cannot be started or says that it failed.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("cannot run `{}`", shown(command)))?;
    ensure!(status.success(), "`{}` failed ({status})", shown(command));
    Ok(())
}

/// Runs a program and returns what it printed.
///
/// # Errors
/// As [`run`].
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot run `{}`", shown(command)))?;
    ensure!(output.status.success(), "`{}` failed ({})", shown(command), output.status);
    String::from_utf8(output.stdout).with_context(|| format!("`{}` printed what is not text", shown(command)))
}

/// Adds the target that operators are compiled for, if it is not there.
///
/// # Errors
/// If it is missing and there is no rustup that could add it.
pub(crate) fn ensure_wasm_target() -> anyhow::Result<()> {
    let libraries =
        output(Command::new("rustc").args(["--print", "target-libdir", "--target", WASM_TARGET]).current_dir(root()))?;
    if Path::new(libraries.trim()).is_dir() {
        return Ok(());
    }
    announce(&format!("adding the target {WASM_TARGET} (a download of about 20 MB)"));
    match Command::new("rustup").args(["target", "add", WASM_TARGET]).current_dir(root()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => bail!("`rustup target add {WASM_TARGET}` failed ({status})"),
        Err(_) => bail!(
            "the Rust target {WASM_TARGET} is missing and rustup is not there to add it; \
             install it with your system's package of Rust, or install rustup from https://rustup.rs"
        ),
    }
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default().to_os_string();
    let words: Vec<OsString> = [program].into_iter().chain(command.get_args().map(OsString::from)).collect();
    words.join(" ".as_ref()).to_string_lossy().into_owned()
}
