//! `cargo xtask lint`: everything about the source that a program can check. Errors name file and line.

mod arrows;
mod circles;
mod features;
mod files;
mod style;
mod words;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::ensure;

use crate::command::{WASM_TARGET, announce, cargo, root, run as run_command};
use crate::guests::{SAMPLES, WORKSPACES, guest_cargo, manifest, on};

/// A rule that a file breaks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Relative to the project.
    pub(crate) file: PathBuf,
    /// Counted from 1.
    pub(crate) line: usize,
    /// What is wrong, and what to do.
    pub(crate) what: String,
    /// Whether it is only said.
    pub(crate) warning: bool,
}

impl Finding {
    pub(crate) fn error(file: &Path, line: usize, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into(), warning: false }
    }

    pub(crate) fn warning(file: &Path, line: usize, what: impl Into<String>) -> Self {
        Self { warning: true, ..Self::error(file, line, what) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = if self.warning { "warning" } else { "error" };
        write!(f, "{level}: {}:{}: {}", self.file.display(), self.line, self.what)
    }
}

/// Checks the rules of the project, then what rustfmt, clippy and rustdoc check.
///
/// # Errors
/// If a rule is broken.
pub(crate) fn run() -> anyhow::Result<()> {
    let rules = rules();
    tools()?;
    rules
}

/// Checks the rules that are the project's own; it takes a second.
///
/// # Errors
/// If one is broken.
pub(crate) fn rules() -> anyhow::Result<()> {
    announce("checking dependency arrows, circles between modules, style rules and words");
    let mut findings = arrows::check(root())?;
    findings.extend(circles::check(root())?);
    findings.extend(style::check(root())?);
    findings.extend(words::check(root())?);
    findings.iter().for_each(|finding| eprintln!("{finding}"));
    let errors = findings.iter().filter(|f| !f.warning).count();
    ensure!(errors == 0, "{errors} rules of the project are broken (above)");
    Ok(())
}

/// Checks what rustfmt, clippy and rustdoc check.
///
/// # Errors
/// If one of them finds something.
pub(crate) fn tools() -> anyhow::Result<()> {
    let guests: Vec<&str> = WORKSPACES.into_iter().chain([SAMPLES]).filter(|w| manifest(w).is_file()).collect();
    announce("checking the format");
    let mut formatted = vec![run_command(cargo().args(["fmt", "--all", "--check"]).current_dir(root()))];
    for workspace in &guests {
        let manifest = manifest(workspace).display().to_string();
        formatted.push(run_command(guest_cargo("fmt").args(["--all", "--check", "--manifest-path", &manifest])));
    }
    features::check()?;
    announce("clippy (the first time 2 to 4 minutes on 2 cores)");
    run_command(
        cargo().args(["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]).current_dir(root()),
    )?;
    let small = ["clippy", "--package", "weir-cli", "--no-default-features", "--quiet", "--", "-D", "warnings"];
    run_command(cargo().args(small).current_dir(root()))?;
    for workspace in &guests {
        let mut clippy = guest_cargo("clippy");
        clippy.args(["--target", WASM_TARGET, "--quiet"]).args(on(workspace)).args(["--", "-D", "warnings"]);
        run_command(&mut clippy)?;
    }
    announce("documentation (about half a minute)");
    let mut doc = cargo();
    doc.args(["doc", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings").current_dir(root());
    run_command(&mut doc)?;
    formatted.into_iter().collect()
}
